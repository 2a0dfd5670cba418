# cmake -D FOLDER=… -D OUTPUT=… -P quicsync_embed.cmake: writes the dashboard's files as the C++ source behind
# actors/inspect/dashboard/dashboard_files.hpp. Indentation, empty lines
# and comments of whole lines are left away: no file holds a text of several lines.
file(GLOB files LIST_DIRECTORIES false ${FOLDER}/*.html ${FOLDER}/*.css ${FOLDER}/*.js ${FOLDER}/*.svg)
set(type.html "text/html; charset=utf-8")
set(type.css "text/css; charset=utf-8")
set(type.js "text/javascript; charset=utf-8")
set(type.svg "image/svg+xml")
set(entries "")
foreach(file IN LISTS files)
  cmake_path(GET file FILENAME name)
  cmake_path(GET file EXTENSION LAST_ONLY extension)
  string(REPLACE "index.html" "" path "/${name}")
  file(READ ${file} body)
  string(PREPEND body "\n")
  string(REGEX REPLACE "\n[\n ]+" "\n" body "${body}")
  string(REGEX REPLACE "\n(//|/\\*\\*)[^\n]*" "" body "${body}")
  if(extension STREQUAL .js)  # what a line says of itself
    string(REGEX REPLACE "  +// [^\n]*" "" body "${body}")
  endif()
  string(STRIP "${body}" body)
  if(extension STREQUAL .css)
    string(REGEX REPLACE "[ \n]*([{};,])[ \n]+" "\\1" body "${body}")
  endif()
  string(APPEND entries "    {\"${path}\", \"${type${extension}}\", R\"embedded(${body})embedded\"},\n")
endforeach()
file(WRITE ${OUTPUT} "// Made by cmake/quicsync_embed.cmake.
#include <algorithm>

#include <quicsync/actors/inspect/dashboard/dashboard_files.hpp>

namespace quicsync {
namespace {

constexpr dashboard_file files[] = {
${entries}};

}  // namespace

std::span<const dashboard_file> dashboard_files() noexcept { return files; }

const dashboard_file* find_dashboard_file(std::string_view path) noexcept {
  const auto found = std::ranges::find(files, path, &dashboard_file::path);
  return found == std::end(files) ? nullptr : found;
}

}  // namespace quicsync
")
