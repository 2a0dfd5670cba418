// The admin endpoint: HTTP with JSON on a Unix socket that only its owner can open. Its threads are its own; they ask
// the node's actors, which answer or not within their deadline, and never hold up the node's loop. docs/OPERATIONS.md,
// "Admin".
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include <quicsync/actors/server.hpp>

namespace quicsync {

class admin_endpoint {
 public:
  /// Listens at once; `node` must outlive it. The folder is made (0700) where it is not there; a socket that nobody
  /// answers at is replaced. Errors: address_in_use (somebody answers), bad_address (too long a path), io_failed.
  static result<std::unique_ptr<admin_endpoint>> open(server& node, const std::filesystem::path& socket);
  /// Requests under way are answered first; the socket is removed.
  ~admin_endpoint();
  admin_endpoint(const admin_endpoint&) = delete;
  admin_endpoint& operator=(const admin_endpoint&) = delete;

 private:
  struct implementation;
  explicit admin_endpoint(std::unique_ptr<implementation> impl);
  std::unique_ptr<implementation> impl_;
};

/// `$XDG_RUNTIME_DIR/quicsync/ID.sock`. Errors: no_file where the environment names no such folder.
result<std::filesystem::path> default_admin_socket(const std::string& id);

}  // namespace quicsync
