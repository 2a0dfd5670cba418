// What a frame says, as a line of a connection's trace (docs/TRACE.md). Plain; any thread.
#pragma once
#include <optional>
#include <string>

#include <quicsync/codec/frame.hpp>

namespace quicsync {

struct frame_words {
  const char* event = "";  ///< "sync:digest"
  std::string fields;      ///< ready JSON members with a comma in front of each
};

/// nullopt: batches, of which those who make and apply them can tell more.
std::optional<frame_words> words_of(const frame& value);

}  // namespace quicsync
