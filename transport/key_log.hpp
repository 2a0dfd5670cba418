// The secrets of connections in the format that Wireshark reads (NSS key log, SSLKEYLOGFILE), for debugging only:
// whoever has the file reads the traffic. Off unless asked for.
#pragma once
#include <filesystem>
#include <functional>
#include <string_view>

#include <quicsync/codec/error.hpp>

namespace quicsync {

/// Takes one line, without its end.
using key_log = std::function<void(std::string_view line)>;

/// Appends to the file, which is made 0600 where there is none. Errors: io_failed.
result<key_log> open_key_log(const std::filesystem::path& file);

}  // namespace quicsync
