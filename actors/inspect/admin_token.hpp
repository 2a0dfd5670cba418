// The secret that opens a node's admin port: a file that only its owner can read, made where it is not there.
#pragma once
#include <filesystem>
#include <string>

#include <quicsync/codec/error.hpp>

namespace quicsync {

/// Errors: no_file (cannot be read or made), key_exposed (others can read it), bad_config (no secret worth the name).
result<std::string> read_or_make_token(const std::filesystem::path& file);
/// 32 random bytes in hexadecimal.
std::string new_secret();

}  // namespace quicsync
