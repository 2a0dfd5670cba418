// The dashboard's page, as the admin endpoint serves it: the files of this folder, compiled in by
// cmake/quicsync_embed.cmake. Constant; any thread.
#pragma once
#include <span>
#include <string_view>

namespace quicsync {

struct dashboard_file {
  std::string_view path;          ///< of the request: "/" is the page itself, then "/dashboard.js", …
  std::string_view content_type;  ///< with its charset
  std::string_view body;
};

std::span<const dashboard_file> dashboard_files() noexcept;

/// Null: there is none at this path. The path is whole and without a query.
const dashboard_file* find_dashboard_file(std::string_view path) noexcept;

}  // namespace quicsync
