// Numbers as people read them in a table, in few columns.
#pragma once
#include <cstdint>
#include <string>

namespace quicsync::cli {

/// "999", "12345", "1.2M".
std::string short_count(double n);
/// Something a second: "0.3", "12", "4.5k".
std::string short_rate(double n);
/// "812 B", "1.2 MB".
std::string short_bytes(double n);
/// "0.31 ms", "12 s", "3 min 5 s", "2 d 4 h".
std::string short_duration(double ms);
/// 0.123 as "12 %".
std::string short_share(double share);
/// A Unix time as "2026-01-31 12:00:00 UTC".
std::string instant(double unix_ms);

}  // namespace quicsync::cli
