set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(QUICSYNC_WERROR "Warnings are errors (development and CI)" OFF)
set(QUICSYNC_SANITIZE "" CACHE STRING "Sanitizers, comma separated: address,undefined or thread")

option(QUICSYNC_FUZZ "Build the fuzz targets (clang only)" OFF)

# ccache takes a precompiled header for what its contents are, not for when it was made.
find_program(CCACHE ccache)
find_program(ENV_PROGRAM env)
if(CCACHE AND ENV_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${ENV_PROGRAM} CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
endif()

# Flags of this project's own code; what a user's program includes is not affected by them.
add_library(quicsync_flags INTERFACE)
target_compile_options(quicsync_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor)
if(QUICSYNC_WERROR)
  target_compile_options(quicsync_flags INTERFACE -Werror)
endif()
# A precompiled header and ccache meet only with these flags.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(quicsync_flags INTERFACE -fpch-preprocess)
elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(quicsync_flags INTERFACE "SHELL:-Xclang -fno-pch-timestamp")
endif()
# What sanitizers need of compiled code. A fuzz build instruments what is fuzzed (quicsync_instrument) and just compiles the rest:
# nothing of that runs.
set(quicsync_instrumentation "")
if(QUICSYNC_SANITIZE)
  string(REPLACE "," ";" sanitizers "${QUICSYNC_SANITIZE}")
  foreach(sanitizer ${sanitizers})
    list(APPEND quicsync_instrumentation -fsanitize=${sanitizer})
    add_link_options(-fsanitize=${sanitizer})
  endforeach()
  list(APPEND quicsync_instrumentation -fno-omit-frame-pointer)
  # With sanitizers GCC sees uninitialised members where there are none, as its manual says of -fsanitize.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(quicsync_flags INTERFACE -Wno-maybe-uninitialized)
  endif()
  if("undefined" IN_LIST sanitizers)
    list(APPEND quicsync_instrumentation -fno-sanitize-recover=undefined)
    # CAF 0.17 forms null references in init_fun_factory.hpp.
    list(APPEND quicsync_instrumentation -fno-sanitize=null)
  endif()
endif()
if(QUICSYNC_FUZZ)
  list(APPEND quicsync_instrumentation -fsanitize=fuzzer-no-link -O1 -g)
else()
  add_compile_options(${quicsync_instrumentation})
endif()
function(quicsync_instrument target)
  if(QUICSYNC_FUZZ)
    target_compile_options(${target} PRIVATE ${quicsync_instrumentation})
  endif()
endfunction()
