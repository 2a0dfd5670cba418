// A process of `bench`, forked from this one: it is asked through one pipe and answers through another, in plain values
// of a fixed size. To be started before this process has any other thread: what a fork leaves of them holds locks for
// ever.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>

#include <sys/types.h>

#include <quicsync/codec/error.hpp>

namespace quicsync::cli {

/// Of this process, user and system, all threads.
double processor_seconds() noexcept;

/// One end of both pipes.
class process_pipes {
 public:
  process_pipes(int in, int out) noexcept : in_(in), out_(out) {}
  process_pipes(const process_pipes&) = delete;
  process_pipes& operator=(const process_pipes&) = delete;
  ~process_pipes();

  /// False when the other side has gone.
  template <class T>
  bool read(T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    return read_bytes(&value, sizeof value);
  }
  template <class T>
  bool write(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    return write_bytes(&value, sizeof value);
  }

 private:
  bool read_bytes(void* into, std::size_t count);
  bool write_bytes(const void* from, std::size_t count);
  int in_, out_;
};

class child_process {
 public:
  /// Runs `work` in a process of its own, which ends with what it returns, or when this one ends. Errors: io_failed.
  static result<std::unique_ptr<child_process>> start(const std::function<int(process_pipes&)>& work);
  /// Waits for its end. Precondition: it was told to end, or nothing asks it to go on.
  ~child_process();

  process_pipes& pipes() noexcept { return pipes_; }

 private:
  child_process(pid_t process, int in, int out) : process_(process), pipes_(in, out) {}
  pid_t process_;
  process_pipes pipes_;
};

}  // namespace quicsync::cli
