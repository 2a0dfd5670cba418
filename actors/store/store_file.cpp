#include <cstdlib>

#include <quicsync/actors/store/store_file.hpp>

namespace quicsync {

result<std::filesystem::path> default_store_file(const std::string& id) {
  auto place = [&](std::filesystem::path folder) { return folder / "quicsync" / (id + ".db"); };
  if (const char* state = std::getenv("XDG_STATE_HOME"); state != nullptr && *state == '/') return place(state);
  if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/')
    return place(std::filesystem::path(home) / ".local" / "state");
  return fail(errc::no_file,
              "neither XDG_STATE_HOME nor HOME names a folder for the store; give --store FILE, or --store none");
}

}  // namespace quicsync
