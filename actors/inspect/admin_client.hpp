// One question to a node's admin endpoint. Blocks; for the program's commands.
#pragma once
#include <chrono>
#include <filesystem>
#include <string>

#include <quicsync/codec/error.hpp>

namespace quicsync {

/// Longer than what the endpoint waits for its node.
inline constexpr std::chrono::seconds admin_answer_timeout{35};

enum class admin_method { get, post };

/// Where a node answers: a Unix socket, or a port of this machine that wants the token.
struct admin_place {
  admin_place(const std::filesystem::path& socket) : where(socket.string()) {}
  admin_place(std::string at, std::filesystem::path token) : where(std::move(at)), token_file(std::move(token)) {}

  std::string where;                   ///< a path with a '/', or HOST:PORT
  std::filesystem::path token_file{};  ///< of a port
};

/// The answer's JSON. Errors: not_running (nobody answers there), timed_out, no_file (a port's token cannot be read),
/// and what the node answered, with its code.
result<std::string> ask_admin(const admin_place& at, admin_method how, const std::string& target,
                              const std::string& body = {}, std::chrono::seconds timeout = admin_answer_timeout);

}  // namespace quicsync
