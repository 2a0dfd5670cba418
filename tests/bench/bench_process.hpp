// What the transport's benchmark needs of processes: a child that reports numbers through a pipe, and what a process
// has used. Nothing of the project is touched in the parent but certificates, so that forking is safe.
#pragma once
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace quicsync::bench {

/// The process's own side of the pipe: one number a line.
class reporter {
 public:
  explicit reporter(int descriptor) : out_(fdopen(descriptor, "w")) {}
  ~reporter() { std::fclose(out_); }
  reporter(const reporter&) = delete;
  reporter& operator=(const reporter&) = delete;
  void say(double number) {
    std::fprintf(out_, "%.9g\n", number);
    std::fflush(out_);
  }

 private:
  FILE* out_;
};

class child_process {
 public:
  /// Runs `work` in a process of its own, which then ends.
  explicit child_process(const std::function<void(reporter&)>& work) {
    int ends[2];
    if (pipe(ends) != 0) throw std::runtime_error("no pipe");
    std::fflush(stdout);
    id_ = fork();
    if (id_ < 0) throw std::runtime_error("no process");
    if (id_ == 0) {
      ::close(ends[0]);
      try {
        reporter out(ends[1]);
        work(out);
      } catch (const std::exception& why) {
        std::fprintf(stderr, "bench: error: %s\n", why.what());
        _exit(1);
      }
      _exit(0);
    }
    ::close(ends[1]);
    in_ = fdopen(ends[0], "r");
  }
  ~child_process() {
    // Where something failed, the other side would wait for ever.
    if (std::uncaught_exceptions() > 0) kill(id_, SIGKILL);
    std::fclose(in_);
    waitpid(id_, nullptr, 0);
  }
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  /// Ends it at once, where it would go on for ever.
  void end() { kill(id_, SIGKILL); }

  /// The next number that it says; waits for it.
  double hear() {
    char line[64];
    if (std::fgets(line, sizeof line, in_) == nullptr) throw std::runtime_error("a process ended early");
    return std::strtod(line, nullptr);
  }

 private:
  pid_t id_ = -1;
  FILE* in_ = nullptr;
};

/// Of this process, user and system, all threads.
inline double processor_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// Resident memory of this process, as the system counts it.
inline double resident_bytes() {
  unsigned long long whole = 0, resident = 0;
  if (FILE* file = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(file, "%llu %llu", &whole, &resident) != 2) resident = 0;
    std::fclose(file);
  }
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

/// What the allocator has given out and not got back.
inline double heap_bytes() {
  const auto heap = mallinfo2();
  return static_cast<double>(heap.uordblks + heap.hblkhd);
}

inline double median(std::vector<double> of) {
  std::sort(of.begin(), of.end());
  return of.empty() ? 0 : of[of.size() / 2];
}

}  // namespace quicsync::bench
