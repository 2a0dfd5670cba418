#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <quicsync/transport/file_descriptor.hpp>
#include <quicsync/transport/key_log.hpp>

namespace quicsync {

result<key_log> open_key_log(const std::filesystem::path& file) {
  const int raw = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (raw < 0)
    return fail(errc::io_failed, fmt::format("cannot open the key log {}: {}", file.string(), std::strerror(errno)));
  return [descriptor = std::make_shared<file_descriptor>(raw)](std::string_view line) {
    const auto text = std::string(line) + '\n';
    // One write a line, so that lines of several nodes do not mix; where it fails there is a line less to debug with.
    [[maybe_unused]] const auto written = ::write(descriptor->get(), text.data(), text.size());
  };
}

}  // namespace quicsync
