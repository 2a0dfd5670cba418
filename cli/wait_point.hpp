// The one place where a command's main thread waits: for input, for a signal that ends the command, for another
// thread's call. Make it first, before any thread: the threads made after it leave the signals to it.
#pragma once
#include <atomic>
#include <chrono>
#include <optional>

namespace quicsync::cli {

class wait_point {
 public:
  /// Takes SIGINT and SIGTERM from their default action; SIGPIPE is ignored from now on. A second signal of either kind
  /// ends the process at once, so that nobody is locked in. With `takes_hangup` SIGHUP is waited for, too.
  explicit wait_point(bool takes_hangup = false);
  ~wait_point();
  wait_point(const wait_point&) = delete;
  wait_point& operator=(const wait_point&) = delete;

  /// Ends the wait that is under way, or the next one. From any thread.
  void wake() noexcept;

  /// Waits until wake(), a signal, `input` (a descriptor) having something to read or its end, or the timeout. A signal
  /// that interrupted() or hung_up() came by since the last wait ends it, too: each of them may have taken the other's.
  /// True: `input` can be read.
  bool wait(int input = -1, std::optional<std::chrono::milliseconds> timeout = std::nullopt);

  /// Whether `input` can be read without waiting.
  static bool readable(int input) noexcept;

  /// SIGINT or SIGTERM has come; sees one that came since the last wait.
  bool interrupted();
  /// SIGHUP has come since the last call.
  bool hung_up();

 private:
  void take_signal() noexcept;

  int signals_ = -1;
  int wake_read_ = -1, wake_write_ = -1;
  std::atomic<bool> awake_{false};  ///< a byte is in the pipe
  bool interrupted_ = false;
  bool hung_up_ = false;
  bool took_signal_ = false;  ///< since the last wait
};

}  // namespace quicsync::cli
