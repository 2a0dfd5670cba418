// The configuration file: JSON with the sections of docs/OPERATIONS.md. Everything in it is checked before anything of
// it is used; what is wrong is said in one line with file, line and key.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include <quicsync/actors/config.hpp>
#include <quicsync/codec/error.hpp>

namespace quicsync {

/// What the file says; what it does not name has its default. Paths in it are relative to its folder.
/// Errors: no_file; bad_config: "FILE:LINE: KEY: why", with the nearest known key where one is unknown, both types
/// where one is wrong, and the range where a value is impossible.
result<node_config> read_config_file(const std::filesystem::path& file);

/// The same for the text of a file.
result<node_config> parse_config(std::string_view text, const std::filesystem::path& file);

}  // namespace quicsync
