#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include <quicsync/codec/limits.hpp>
#include <quicsync/transport/connection_traces.hpp>

namespace quicsync {

result<void> connection_traces::begin(const std::filesystem::path& folder, time_point now) {
  std::error_code failed;
  if (std::filesystem::create_directories(folder, failed))
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, failed);
  if (!std::filesystem::is_directory(folder, failed))
    return fail(errc::no_file, fmt::format("{}: cannot be made for traces", folder.string()));
  const std::lock_guard lock(mutex_);
  early_.clear();
  files_.clear();
  unopened_ = {};
  folder_ = folder;
  began_ = last_ = now;
  ++generation_;
  on_ = true;
  return {};
}

void connection_traces::end() {
  const std::lock_guard lock(mutex_);
  on_ = false;
  early_.clear();
  files_.clear();
  unopened_ = {};
}

void connection_traces::introduce(connection_id id, std::string fields) {
  const std::lock_guard lock(mutex_);
  introduced_.insert_or_assign(id, std::move(fields));
}

void connection_traces::write(connection_id id, time_point now, std::string_view event, std::string_view fields) {
  if (!on() || id == 0) return;
  const std::lock_guard lock(mutex_);
  if (auto* to = file_of(id, now); to != nullptr && !to->over)
    append(*to, line_of(now, event, fields), line_of(now, "trace:full", {}));
}

void connection_traces::write_early(connection_id id, time_point now, std::string_view event, std::string_view fields) {
  if (!on() || id == 0) return;
  const std::lock_guard lock(mutex_);
  if (const auto open = files_.find(id); open != files_.end())  // whoever tells this has not heard that it opened
    return append(open->second, line_of(now, event, fields), line_of(now, "trace:full", {}));
  if (early_.size() >= early_at_once && !early_.contains(id)) return;
  auto& lines = early_[id];
  if (lines.size() <= early_bytes_max || event == "quic:ended") lines += line_of(now, event, fields);
}

void connection_traces::close(connection_id id) {
  const std::lock_guard lock(mutex_);
  introduced_.erase(id);
  files_.erase(id);
  if (const auto lines = early_.extract(id)) write_unopened(id, lines.mapped());
}

void connection_traces::discard(connection_id id) {
  const std::lock_guard lock(mutex_);
  early_.erase(id);
}

void connection_traces::close_all() {
  const std::lock_guard lock(mutex_);
  introduced_.clear();
  early_.clear();
  files_.clear();
}

void connection_traces::flush() {
  if (!anything_fresh_.exchange(false, std::memory_order_relaxed)) return;
  const std::lock_guard lock(mutex_);
  for (auto& [id, each] : files_)
    if (std::exchange(each.fresh, false)) each.to.flush();
  if (std::exchange(unopened_.fresh, false)) unopened_.to.flush();
}

// Null: there is no room for one, or nobody knows the connection (any more).
connection_traces::file* connection_traces::file_of(connection_id id, time_point now) {
  const auto it = files_.find(id);
  if (it != files_.end()) return &it->second;
  const auto early = early_.extract(id);
  const auto known = introduced_.find(id);
  if (files_.size() >= files_at_once || (!early && known == introduced_.end())) return nullptr;
  auto& made = files_[id];
  made.to.open(folder_ / name_of(fmt::format("connection-{}", id)), std::ios::app);
  append(made, early ? early.mapped() : line_of(now, "trace:joined", known->second), {});
  return &made;
}

void connection_traces::write_unopened(connection_id id, std::string_view lines) {
  if (!unopened_.to.is_open() && !unopened_.over) unopened_.to.open(folder_ / name_of("unopened"), std::ios::app);
  const auto with_id = [&](std::string_view line) {
    return fmt::format("{{\"connection\":{},{}\n", id, line.substr(1, line.find('\n') - 1));
  };
  std::string told;
  for (std::size_t at = 0, end; (end = lines.find('\n', at)) != lines.npos; at = end + 1)
    told += with_id(lines.substr(at, end + 1 - at));
  append(unopened_, told, with_id(line_of(last_, "trace:full", {})));
}

// A connection may tell of something with the time of its last packet, when the loop is further.
std::string connection_traces::line_of(time_point now, std::string_view event, std::string_view fields) {
  last_ = std::max(last_, now);
  const auto at = std::chrono::duration_cast<std::chrono::microseconds>(last_ - began_);
  return fmt::format("{{\"us\":{},\"event\":\"{}\"{}}}\n", at.count(), event, fields);
}

/// `full`: what is said where there is no room for `lines`; nothing follows it.
void connection_traces::append(file& to, std::string_view lines, std::string_view full) {
  if (to.over) return;
  to.bytes += lines.size();
  to.over = to.bytes > limits::trace_file_bytes;
  to.to << (to.over ? full : lines);
  if (!to.to) to.over = true;
  if (to.over) return to.to.close();
  to.fresh = true;
  anything_fresh_.store(true, std::memory_order_relaxed);
}

std::string connection_traces::name_of(std::string_view what) {
  const auto stamp =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  return fmt::format("{}-{}.jsonl", stamp.count(), what);
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
