// How the program's memory comes back to it.
#pragma once

namespace quicsync::cli {

/// From now on what is freed stays with the process, within bounds, to be used again: a node under load would otherwise
/// give pages back to the system and be given them anew, cleared, thousands of times a second. Before the first thread.
void keep_freed_memory() noexcept;

}  // namespace quicsync::cli
