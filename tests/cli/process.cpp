#include "process.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <tuple>
#include <utility>

#include <catch2/catch_test_macros.hpp>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace quicsync::test {
namespace {

constexpr auto hang_limit = std::chrono::seconds(60);  // nothing is timed by it: it only ends a test that hangs

std::pair<int, int> make_pipe() {
  std::array<int, 2> ends{-1, -1};
  REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
  return {ends[0], ends[1]};
}

void close_if_open(int& descriptor) {
  if (descriptor >= 0) ::close(std::exchange(descriptor, -1));
}

}  // namespace

process::process(std::vector<std::string> arguments, input from, const std::string& directory) {
  auto [output_read, output_write] = make_pipe();
  auto [errors_read, errors_write] = make_pipe();
  int input_read = -1;
  if (from == input::pipe)
    std::tie(input_read, input_) = make_pipe();
  else
    input_read = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::signal(SIGPIPE, SIG_IGN);

  arguments.insert(arguments.begin(), QUICSYNC_PROGRAM);
  std::vector<char*> raw;
  for (auto& a : arguments) {
    raw.push_back(a.data());
    command_ += a + " ";
  }
  raw.push_back(nullptr);
  id_ = ::fork();
  REQUIRE(id_ >= 0);
  if (id_ == 0) {
    ::signal(SIGPIPE, SIG_DFL);
    ::dup2(input_read, STDIN_FILENO);
    ::dup2(output_write, STDOUT_FILENO);
    ::dup2(errors_write, STDERR_FILENO);
    if (directory.empty() || ::chdir(directory.c_str()) == 0) ::execv(raw[0], raw.data());
    ::_exit(127);
  }
  for (int descriptor : {input_read, output_write, errors_write}) ::close(descriptor);
  output_.descriptor = output_read;
  errors_.descriptor = errors_read;
}

process::process(process&& other) noexcept
    : id_(std::exchange(other.id_, -1)),
      input_(std::exchange(other.input_, -1)),
      output_(std::exchange(other.output_, {})),
      errors_(std::exchange(other.errors_, {})),
      code_(other.code_),
      cpu_seconds_(other.cpu_seconds_),
      command_(std::move(other.command_)) {}

process::~process() {
  close_if_open(input_);
  close_if_open(output_.descriptor);
  close_if_open(errors_.descriptor);
  if (id_ < 0 || code_) return;
  ::kill(id_, SIGKILL);
  ::waitpid(id_, nullptr, 0);
}

/// Reads what is there, waiting for some; false: both streams have ended.
bool process::gather() {
  std::array<pollfd, 2> watched{{{output_.descriptor, POLLIN, 0}, {errors_.descriptor, POLLIN, 0}}};
  if (output_.descriptor < 0 && errors_.descriptor < 0) return false;
  const int limit_ms = static_cast<int>(std::chrono::milliseconds(hang_limit).count());
  const int count = ::poll(watched.data(), watched.size(), limit_ms);
  if (count == 0) FAIL(command_ << "hangs; stdout: " << output_.text << "stderr: " << errors_.text);
  std::array<stream*, 2> streams{&output_, &errors_};
  std::array<char, 65536> buffer;
  for (std::size_t i = 0; i < streams.size(); ++i) {
    if (watched[i].revents == 0) continue;
    const auto got = ::read(streams[i]->descriptor, buffer.data(), buffer.size());
    if (got > 0)
      streams[i]->text.append(buffer.data(), static_cast<std::size_t>(got));
    else if (got == 0)
      close_if_open(streams[i]->descriptor);
  }
  return true;
}

std::string process::await(stream& from, std::string_view text) {
  for (;;) {
    for (auto end = from.text.find('\n', from.seen); end != std::string::npos; end = from.text.find('\n', from.seen)) {
      auto line = from.text.substr(from.seen, end - from.seen);
      from.seen = end + 1;
      if (line.find(text) != std::string::npos) return line;
    }
    if (from.descriptor < 0 || !gather())
      FAIL(command_ << "ended without '" << text << "'; stdout: " << output_.text << "stderr: " << errors_.text);
  }
}

std::string process::await_output(std::string_view text) { return await(output_, text); }
std::string process::await_error(std::string_view text) { return await(errors_, text); }

void process::write(std::string_view text) {
  while (!text.empty()) {
    const auto count = ::write(input_, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return;  // it has ended; what it said and its exit code tell the test
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

void process::close_input() { close_if_open(input_); }
void process::close_output() { close_if_open(output_.descriptor); }
void process::signal(int number) { ::kill(id_, number); }

int process::wait() {
  while (gather()) continue;
  if (code_) return *code_;
  int status = 0;
  rusage used{};
  REQUIRE(::wait4(id_, &status, 0, &used) == id_);
  code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
  cpu_seconds_ = seconds(used.ru_utime) + seconds(used.ru_stime);
  return *code_;
}

std::vector<std::string> process::output_lines() const {
  std::vector<std::string> lines;
  for (std::size_t begin = 0, end; (end = output_.text.find('\n', begin)) != std::string::npos; begin = end + 1)
    lines.push_back(output_.text.substr(begin, end - begin));
  return lines;
}

outcome run(std::vector<std::string> arguments, std::string_view stdin_text) {
  process one(std::move(arguments), process::input::pipe);
  one.write(stdin_text);
  one.close_input();
  const int code = one.wait();
  return {code, one.output(), one.errors()};
}

}  // namespace quicsync::test
