#include <array>
#include <chrono>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <quicsync/actors/inspect/node_log.hpp>
#include <quicsync/codec/limits.hpp>

namespace quicsync {
namespace {

spdlog::level::level_enum level_of(const event& what) {
  if (what.name == "server:error" || what.name == "store:failed" || what.name == "store:lost")
    return spdlog::level::err;
  if (what.failure.code != errc::none || what.name == "sync:warning" || what.name == "peer:health:degraded")
    return spdlog::level::warn;
  if (what.name == "sync:completed" || what.name == pattern_received) return spdlog::level::debug;
  return spdlog::level::info;
}

std::int64_t this_second() {
  using namespace std::chrono;
  return duration_cast<seconds>(steady_clock::now().time_since_epoch()).count();
}

std::string line_of(const event& what) {
  auto line = fmt::format("event={}", what.name);
  auto add = [&line](std::string_view name, std::string_view text) {
    if (!text.empty()) line += fmt::format(" {}={}", name, logged_text(text));
  };
  add("peer", what.peer_id);
  add("address", what.address);
  add("pattern", what.pattern_id);
  add("message", what.message);
  if (what.port != 0) line += fmt::format(" port={}", what.port);
  if (what.pattern_count != 0) line += fmt::format(" patterns={}", what.pattern_count);
  if (what.failure.code != errc::none) {
    add("code", to_string(what.failure.code));
    add("error", to_string(what.failure));
  }
  return line;
}

}  // namespace

std::string logged_text(std::string_view text) {
  std::string out = "\"";
  std::size_t at = 0;
  while (at < text.size() && at < limits::logged_text_bytes) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const auto next = at + 1 < text.size() ? static_cast<unsigned char>(text[at + 1]) : 0u;
    if (byte == '"' || byte == '\\') {
      out += '\\';
      out += text[at];
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {  // C1: a terminal may take it for a command
      out += fmt::format("\\x{:02x}", next);
      ++at;
    } else {
      out += text[at];
    }
    ++at;
  }
  // Not in the middle of a character.
  if (at < text.size()) {
    while (!out.empty() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80 && at > 0) {
      --at;
      out.pop_back();
    }
    out += "...";
  }
  return out += '"';
}

node_log::node_log(std::shared_ptr<spdlog::logger> to) : to_(std::move(to)) {}

void node_log::write(const event& what) {
  const auto level = level_of(what);
  if (!to_->should_log(level)) return;
  std::size_t left_out = 0;
  {
    const std::lock_guard lock(mutex_);
    auto& known = rates_[what.name];  // names are ours: there are few
    if (const auto now = this_second(); known.second != now) {
      known.second = now;
      known.lines = 0;
      left_out = std::exchange(known.left_out, 0);
    }
    if (++known.lines > limits::log_lines_per_second) {
      ++known.left_out;
      return;
    }
  }
  if (left_out != 0) to_->warn("event=log:left_out of={} lines={}", what.name, left_out);
  to_->log(level, "{}", line_of(what));
}

void node_log::info(std::string_view text) { to_->info("{}", text); }
void node_log::error(std::string_view text) { to_->error("{}", text); }

result<void> node_log::set_level(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, spdlog::level::level_enum>, 6> known{
      {{"trace", spdlog::level::trace},
       {"debug", spdlog::level::debug},
       {"info", spdlog::level::info},
       {"warn", spdlog::level::warn},
       {"error", spdlog::level::err},
       {"off", spdlog::level::off}}};
  for (const auto& [each, level] : known)
    if (each == name) {
      to_->set_level(level);
      return {};
    }
  return fail(errc::usage, "a log level is trace, debug, info, warn, error or off");
}

}  // namespace quicsync
