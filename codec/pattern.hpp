// A pattern as people and JSON know it: the value at the edge. Between nodes and inside a node a pattern is a record
// (record.hpp); this struct is made from one only where fields are wanted. Fields: docs/WIRE.md section "pattern".
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace quicsync {

// Both have a constructor, which makes them no aggregates: docs/decisions/coroutine-agents.md.
struct pattern_metadata {
  pattern_metadata() = default;
  std::string source;                      ///< name of the source agent
  std::vector<std::string> tags;           ///< in the order given
  std::optional<int> priority;             ///< 1 (least) to 10 (most urgent)
  std::optional<std::int64_t> expires_at;  ///< Unix ms
  std::optional<std::string> checksum;  ///< of `data`: "sha256:HEX", "crc32c:HEX", or anything else, carried as it is
  std::string extra;                    ///< unknown members as JSON text, `"a":1,"b":[2]`, as given; may be empty

  bool operator==(const pattern_metadata&) const = default;
};

struct pattern {
  pattern() = default;
  std::string id;
  std::string agent_id;
  std::string type;
  std::string data = "null";  ///< one JSON value as text, byte for byte as given
  pattern_metadata metadata;
  std::int64_t timestamp = 0;  ///< Unix ms
  std::uint64_t version = 0;   ///< 0 to limits::version_max; higher replaces lower
  bool deleted = false;        ///< a tombstone: `data` is "null" and carries nothing
  std::string extra;           ///< unknown members as JSON text, as given; may be empty

  bool operator==(const pattern&) const = default;
};

}  // namespace quicsync
