// A copy of a store's files as of one moment, whether a node works on it or not. docs/STORE.md, "lock". Any thread of
// any process; holds up no writer, only the moving of pages from the log into the file.
#pragma once
#include <string>

#include <quicsync/codec/error.hpp>

namespace quicsync {

/// Copies the store at `from` to `to`, which must not be there; its witness goes along. All of it is 0600. Errors:
/// no_file where there is no store, io_failed.
result<void> copy_store(const std::string& from, const std::string& to);

/// Removes what stands beside the store at `path`: its log, witness and lock. Precondition: nobody has it open, and it
/// was closed with an empty log.
void remove_companions(const std::string& path);

}  // namespace quicsync
