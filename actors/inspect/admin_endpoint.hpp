// The admin endpoint: HTTP with JSON on a Unix socket that only its owner can open, or on a port of this machine with a
// token. Its threads are its own; they ask the node's actors, which answer or not within their deadline, and never hold
// up the node's loop. docs/ADMIN.md.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include <quicsync/actors/server.hpp>

namespace quicsync {

/// Where it listens, and what the program lets it do beyond what a server does.
struct admin_setup {
  std::string where;                   ///< path of a socket (with a '/'), or HOST:PORT of this machine
  std::filesystem::path token_file;    ///< of a port; made where it is not there
  std::filesystem::path trace_folder;  ///< where traces go when they are asked for; empty: nowhere
  std::function<result<void>()> reload;
  std::function<result<void>(const std::string& level)> set_log_level;
};

class admin_endpoint {
 public:
  /// Listens at once; `node` must outlive it. A socket's folder is made (0700) where it is not there; a socket that
  /// nobody answers at is replaced. Errors: address_in_use (somebody answers), bad_address (too long a path, not of
  /// this machine), io_failed, and those of read_or_make_token().
  static result<std::unique_ptr<admin_endpoint>> open(server& node, admin_setup setup);
  /// Requests under way are answered first; the socket is removed.
  ~admin_endpoint();
  admin_endpoint(const admin_endpoint&) = delete;
  admin_endpoint& operator=(const admin_endpoint&) = delete;

  /// The socket's path, or HOST:PORT with the real port.
  std::string where() const;

 private:
  struct implementation;
  explicit admin_endpoint(std::unique_ptr<implementation> impl);
  std::unique_ptr<implementation> impl_;
};

/// Of this machine: an admin port may be nowhere else.
bool is_loopback(const address& where);

/// `$XDG_RUNTIME_DIR/quicsync/ID.sock`. Errors: no_file where the environment names no such folder.
result<std::filesystem::path> default_admin_socket(const std::string& id);
/// `$XDG_RUNTIME_DIR/quicsync/ID.token`. Errors: likewise.
result<std::filesystem::path> default_admin_token(const std::string& id);

}  // namespace quicsync
