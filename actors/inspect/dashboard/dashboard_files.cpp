#include <algorithm>
#include <array>

#include <quicsync/actors/inspect/dashboard/dashboard_files.hpp>

namespace quicsync {
namespace {

constexpr std::array<dashboard_file, 1> files{
    {{"/", "text/html; charset=utf-8",
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>quicsync</title>"
      "<p>This node answers to quicsync inspect and quicsync top.</p></html>\n"}}};

}  // namespace

std::span<const dashboard_file> dashboard_files() noexcept { return files; }

const dashboard_file* find_dashboard_file(std::string_view path) noexcept {
  const auto* at = std::find_if(files.begin(), files.end(), [&](const auto& file) { return file.path == path; });
  return at == files.end() ? nullptr : at;
}

}  // namespace quicsync
