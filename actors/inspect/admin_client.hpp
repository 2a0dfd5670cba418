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

/// The answer's JSON. Errors: not_running (nobody answers at the socket), timed_out, and what the node answered, with
/// its code.
result<std::string> ask_admin(const std::filesystem::path& socket, admin_method how, const std::string& target,
                              const std::string& body = {}, std::chrono::seconds timeout = admin_answer_timeout);

}  // namespace quicsync
