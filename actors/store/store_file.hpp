// Where a node of the program keeps its patterns when nobody says where.
#pragma once
#include <filesystem>
#include <string>

#include <quicsync/codec/error.hpp>

namespace quicsync {

/// `$XDG_STATE_HOME/quicsync/ID.db`, or `~/.local/state/quicsync/ID.db` where that is not set. Errors: no_file where
/// the environment names no such folder either.
result<std::filesystem::path> default_store_file(const std::string& id);

}  // namespace quicsync
