#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <quicsync/actors/inspect/admin_token.hpp>
#include <quicsync/transport/crypto.hpp>

namespace quicsync {
namespace {

constexpr std::size_t shortest_token = 32;

auto no_file(const std::filesystem::path& file, const char* what) {
  return fail(errc::no_file,
              fmt::format("{}: cannot be {}: {}", file.string(), what, std::generic_category().message(errno)));
}

result<std::string> make_token(const std::filesystem::path& file) {
  std::error_code failed;
  if (file.has_parent_path() && std::filesystem::create_directories(file.parent_path(), failed))
    std::filesystem::permissions(file.parent_path(), std::filesystem::perms::owner_all, failed);
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return no_file(file, "made");
  const auto token = new_secret();
  const auto line = token + "\n";
  const bool written = ::write(descriptor, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  if (::close(descriptor) != 0 || !written) {
    ::unlink(file.c_str());
    return no_file(file, "written");
  }
  return token;
}

}  // namespace

std::string new_secret() {
  std::array<std::uint8_t, 32> random{};
  crypto::random_bytes(random.data(), random.size());
  return crypto::to_hex(random);
}

result<std::string> read_or_make_token(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return errno == ENOENT ? make_token(file) : no_file(file, "read");
  struct stat about{};
  std::array<char, 1024> text{};
  const bool looked = ::fstat(descriptor, &about) == 0;
  const auto size = ::read(descriptor, text.data(), text.size());
  ::close(descriptor);
  if (!looked || size < 0) return no_file(file, "read");
  if ((about.st_mode & 077) != 0)
    return fail(errc::key_exposed, fmt::format("{}: others can read the token; chmod 600 it", file.string()));
  std::string_view token(text.data(), static_cast<std::size_t>(size));
  while (!token.empty() && (token.back() == '\n' || token.back() == '\r')) token.remove_suffix(1);
  if (token.size() < shortest_token || token.find_first_of(" \n\t\r") != token.npos)
    return fail(errc::bad_config,
                fmt::format("{}: a token has at least {} characters and no blanks", file.string(), shortest_token));
  return std::string(token);
}

}  // namespace quicsync
