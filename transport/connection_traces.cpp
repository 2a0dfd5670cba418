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
  unopened_ = {};
  folder_ = folder;
  began_ = last_ = std::chrono::steady_clock::now();
  on_ = true;
  return {};
}

void connection_traces::end() {
  const std::lock_guard lock(mutex_);
  on_ = false;
  files_.clear();
  unopened_ = {};
}

void connection_traces::write(connection_id id, time_point now, std::string_view event, std::string_view fields) {
  if (!on() || id == 0) return;
  const std::lock_guard lock(mutex_);
  auto* to = file_of(id);
  if (to == nullptr || to->over) return;
  if (!to->to.is_open()) {
    to->to.open(folder_ / name_of(fmt::format("connection-{}", id)), std::ios::app);
    append(*to, std::exchange(to->early, {}), {});
  }
  append(*to, line_of(now, event, fields), line_of(now, "trace:full", {}));
}

void connection_traces::write_early(connection_id id, time_point now, std::string_view event, std::string_view fields) {
  if (!on() || id == 0) return;
  const std::lock_guard lock(mutex_);
  auto* to = file_of(id);
  if (to == nullptr || to->over || to->early.size() > connection_traces::early_bytes_max) return;
  to->early += line_of(now, event, fields);
}

void connection_traces::close(connection_id id) {
  if (!on()) return;
  const std::lock_guard lock(mutex_);
  const auto it = files_.find(id);
  if (it == files_.end()) return;
  auto& gone = it->second;
  if (gone.to.is_open()) {
    gone.to.close();
    gone.over = true;
    return;
  }
  // Nothing comes after it: an id is not used again.
  const auto lines = std::move(gone.early);
  files_.erase(it);
  if (!unopened_.to.is_open()) unopened_.to.open(folder_ / name_of("unopened"), std::ios::app);
  std::string told;
  for (std::size_t at = 0, end; (end = lines.find('\n', at)) != lines.npos; at = end + 1)
    told += fmt::format("{{\"connection\":{},{}\n", id, lines.substr(at + 1, end - at - 1));
  append(unopened_, told, "{\"event\":\"trace:full\"}\n");
  unopened_.to.flush();
}

void connection_traces::flush() {
  if (!on()) return;
  const std::lock_guard lock(mutex_);
  for (auto& [id, each] : files_)
    if (std::exchange(each.fresh, false) && !each.over) each.to.flush();
}

connection_traces::file* connection_traces::file_of(connection_id id) {
  const auto it = files_.find(id);
  if (it != files_.end()) return &it->second;
  if (files_.size() >= files_at_once && !forget_one()) return nullptr;
  return &files_[id];
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
  to.fresh = true;
  if (!to.to) to.over = true;
}

std::string connection_traces::name_of(std::string_view what) {
  const auto stamp =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  return fmt::format("{}-{}.jsonl", stamp.count(), what);
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
