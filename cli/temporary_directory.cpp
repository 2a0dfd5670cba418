#include "temporary_directory.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

namespace quicsync::cli {

result<std::unique_ptr<temporary_directory>> temporary_directory::make(std::string_view what) {
  auto path = (std::filesystem::temp_directory_path() / fmt::format("quicsync-{}-XXXXXX", what)).string();
  if (::mkdtemp(path.data()) == nullptr)
    return fail(errc::io_failed, fmt::format("cannot make a directory like {}: {}", path, std::strerror(errno)));
  return std::unique_ptr<temporary_directory>(new temporary_directory(path));
}

temporary_directory::~temporary_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace quicsync::cli
