# CAF's headers take longer to read than most of our sources: `quicsync_precompile(TARGET)` lets a target share one
# precompiled copy of them. A target that uses it must link quicsync_flags, since the flags have to be the same.
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/precompiled.cpp CONTENT "// Exists to make the precompiled header.\n")
add_library(quicsync_precompiled OBJECT ${PROJECT_BINARY_DIR}/precompiled.cpp)
target_link_libraries(quicsync_precompiled PRIVATE quicsync_flags CAF::core)
target_precompile_headers(quicsync_precompiled PRIVATE <caf/all.hpp>)

function(quicsync_precompile target)
  target_precompile_headers(${target} REUSE_FROM quicsync_precompiled)
endfunction()
