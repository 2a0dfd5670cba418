#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include <quicsync/codec/limits.hpp>
#include <quicsync/transport/connection_traces.hpp>

namespace quicsync {

namespace {

// Files that are open at once; connections beyond them are not traced.
constexpr std::size_t files_at_once = 256;

}  // namespace

result<void> connection_traces::begin(const std::filesystem::path& folder) {
  std::error_code failed;
  if (std::filesystem::create_directories(folder, failed))
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, failed);
  if (!std::filesystem::is_directory(folder, failed))
    return fail(errc::no_file, fmt::format("{}: cannot be made for traces", folder.string()));
  const std::lock_guard lock(mutex_);
  files_.clear();
  folder_ = folder;
  began_ = std::chrono::steady_clock::now();
  on_ = true;
  return {};
}

void connection_traces::end() {
  const std::lock_guard lock(mutex_);
  on_ = false;
  files_.clear();
}

void connection_traces::write(connection_id id, time_point now, std::string_view event, std::string_view fields) {
  if (!on() || id == 0) return;
  const std::lock_guard lock(mutex_);
  auto it = files_.find(id);
  if (it == files_.end()) {
    if (files_.size() >= files_at_once && !forget_one()) return;
    it = files_.emplace(id, file{}).first;
    const auto stamp =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
    it->second.to.open(folder_ / fmt::format("{}-connection-{}.jsonl", stamp.count(), id), std::ios::app);
  }
  auto& to = it->second;
  if (to.over) return;
  const auto at = std::chrono::duration_cast<std::chrono::microseconds>(now - began_);
  auto line = fmt::format("{{\"us\":{},\"event\":\"{}\"{}}}\n", at.count(), event, fields);
  to.bytes += line.size();
  if (to.bytes > limits::trace_file_bytes) {
    to.over = true;
    line = fmt::format("{{\"us\":{},\"event\":\"trace:full\"}}\n", at.count());
  }
  to.to << line;
  if (!to.to) to.over = true;
}

void connection_traces::close(connection_id id) {
  if (!on()) return;
  const std::lock_guard lock(mutex_);
  const auto it = files_.find(id);
  if (it == files_.end()) return;
  it->second.to.close();
  it->second.over = true;
}

/// The oldest of those that are over. False: all are being written.
bool connection_traces::forget_one() {
  const auto it = std::find_if(files_.begin(), files_.end(), [](const auto& each) { return each.second.over; });
  if (it == files_.end()) return false;
  files_.erase(it);
  return true;
}

std::string trace_field(std::string_view name, std::string_view text) {
  std::string out = fmt::format(",\"{}\":\"", name);
  for (const char c : text.substr(0, limits::logged_text_bytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out.append(1, '\\').append(1, c);
    else if (byte < 0x20 || byte >= 0x7f)  // bytes of no known encoding: each by itself
      out += fmt::format("\\u{:04x}", byte);
    else
      out += c;
  }
  return out += '"';
}

std::string trace_field(std::string_view name, std::uint64_t number) { return fmt::format(",\"{}\":{}", name, number); }

}  // namespace quicsync
