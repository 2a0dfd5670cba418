// The program as a process of its own: started with arguments, spoken to over pipes, ended by a signal. What it prints
// is gathered while a test waits; every wait ends with what it waits for, or fails the test after a minute.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace quicsync::test {

class process {
 public:
  enum class input { none, pipe };

  /// Runs `quicsync ARGUMENTS`; in `directory`, where one is given.
  explicit process(std::vector<std::string> arguments, input from = input::none, const std::string& directory = {});
  /// Kills it if it still runs.
  ~process();
  process(process&& other) noexcept;
  process& operator=(process&&) = delete;

  /// Waits until a whole line of stdout (or stderr) holds `text`, and gives that line. Fails the test when the process
  /// ends without it. Lines that were waited for once are passed over the next time.
  std::string await_output(std::string_view text);
  std::string await_error(std::string_view text);

  void write(std::string_view text);
  void close_input();
  /// Closes our end of its stdout: from now on its reader is gone.
  void close_output();
  void signal(int number);

  /// Waits for its end. The exit code; 128 and the signal's number where one ended it.
  int wait();

  const std::string& output() const { return output_.text; }
  const std::string& errors() const { return errors_.text; }
  std::vector<std::string> output_lines() const;
  /// CPU time of the ended process, user and system.
  double cpu_seconds() const { return cpu_seconds_; }

 private:
  struct stream {
    int descriptor = -1;
    std::string text;
    std::size_t seen = 0;  ///< where the next await begins
  };
  std::string await(stream& from, std::string_view text);
  bool gather();

  pid_t id_ = -1;
  int input_ = -1;
  stream output_, errors_;
  std::optional<int> code_;
  double cpu_seconds_ = 0;
  std::string command_;
};

/// What a command that ends by itself said.
struct outcome {
  int code = 0;
  std::string output, errors;
};
outcome run(std::vector<std::string> arguments, std::string_view stdin_text = {});

}  // namespace quicsync::test
