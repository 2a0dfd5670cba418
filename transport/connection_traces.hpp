// What happens on each connection, a line of JSON an event, a file a connection; for whoever looks for a fault. Off
// unless asked for: then it costs a look at a flag. Written on the node's loop only; turned on and off from anywhere.
// docs/TRACE.md tells how to read it.
#pragma once
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include <quicsync/codec/error.hpp>
#include <quicsync/transport/endpoint.hpp>

namespace quicsync {

class connection_traces {
 public:
  static constexpr std::size_t early_bytes_max = 8u << 10;  ///< of what is kept of one that has not opened
  static constexpr std::size_t early_at_once = 2 * limits::handshakes_at_once;  ///< of those: own dials, too
  static constexpr std::size_t files_at_once = 256;  ///< open connections beyond them have no file

  /// From now on into files of this folder, which is made (0700) where it is not there. Lines count their time from
  /// `now`. Errors: no_file.
  result<void> begin(const std::filesystem::path& folder, time_point now = std::chrono::steady_clock::now());
  /// Closes all files. The folder stays.
  void end();
  bool on() const noexcept { return on_.load(std::memory_order_relaxed); }
  /// Another one after each begin(): whoever tells only what changed has told these files nothing yet. 0: none began.
  std::uint64_t generation() const noexcept { return generation_.load(std::memory_order_relaxed); }

  /// Whose the connection is, to be told when it has opened, whether tracing is on or not: `fields` stand in the first
  /// line of a file that does not begin with the handshake. Kept until close().
  void introduce(connection_id id, std::string fields);
  /// One line: when, which event, and `fields`, ready JSON members with a comma in front of each. Where the disk is
  /// full, or the file as large as it may be, the file ends with a line that says so. A file is begun only for who was
  /// introduced or has early lines.
  void write(connection_id id, time_point now, std::string_view event, std::string_view fields = {});
  /// The same of a connection that has not opened: kept until write() begins its file, or close() says that nothing
  /// comes of it. Then it goes to one file for all of those, so that strangers cause no files. How it ends is kept
  /// however much there is.
  void write_early(connection_id id, time_point now, std::string_view event, std::string_view fields = {});
  /// So that who reads along sees it.
  void flush();
  /// The connection is over: nothing more comes.
  void close(connection_id id);
  /// It never opened, and nothing of it is written.
  void discard(connection_id id);
  /// The endpoint is gone: the next one counts its connections from 1 again.
  void close_all();

 private:
  struct file {
    std::ofstream to;
    std::size_t bytes = 0;
    bool fresh = false;  ///< something is not flushed
    bool over = false;   ///< full: nothing more is written
  };

  file* file_of(connection_id id, time_point now);
  void write_unopened(connection_id id, std::string_view lines);
  std::string line_of(time_point now, std::string_view event, std::string_view fields);
  void append(file& to, std::string_view lines, std::string_view full);
  static std::string name_of(std::string_view what);

  std::atomic<bool> on_{false};
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<bool> anything_fresh_{false};
  std::mutex mutex_;
  std::filesystem::path folder_;
  time_point began_, last_;
  std::map<connection_id, std::string> introduced_;  ///< of those that are open
  std::map<connection_id, std::string> early_;       ///< lines of those that have not opened
  std::map<connection_id, file> files_;
  file unopened_;  ///< of all that never opened
};

/// `,"name":"text"`, escaped.
std::string trace_field(std::string_view name, std::string_view text);
std::string trace_field(std::string_view name, std::uint64_t number);

}  // namespace quicsync
