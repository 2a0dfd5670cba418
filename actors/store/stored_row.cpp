#include <utility>

#include <quicsync/actors/store/stored_row.hpp>
#include <quicsync/codec/block.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/varint.hpp>

namespace quicsync::detail {
namespace {

// A group's flags.
constexpr std::uint64_t has_audience = 1, is_no_relay = 2;

tl::unexpected<error> refuse(const char* what) { return fail(errc::store_corrupt, std::string("store: row: ") + what); }

}  // namespace

bool row_writer::full_for(std::size_t record_bytes) const noexcept {
  return !empty() && (records_.size() >= limits::store_row_records || bytes_ + record_bytes > limits::store_row_bytes);
}

std::uint64_t row_writer::name(const std::string& text) {
  if (text.empty()) return 0;
  const auto [at, added] = name_numbers_.try_emplace(text, name_numbers_.size() + 1);
  if (added) {
    append_varint(names_, text.size());
    append_bytes(names_, text);
  }
  return at->second;
}

void row_writer::begin_group(const stored_set& from) {
  if (group_ && group_->source == from.source && group_->access == from.access && group_->arrived_ms == from.arrived_ms)
    return;
  end_run();
  if (group_) {
    append_varint(groups_, group_records_);
    append_bytes(groups_, std::exchange(runs_, {}));
  }
  group_records_ = 0;
  ++group_count_;
  group_ = stored_set{nullptr, from.source, from.access, from.arrived_ms, {}, {}};
  append_varint(groups_, name(from.source));
  append_varint(groups_, (from.access.audience ? has_audience : 0) | (from.access.no_relay ? is_no_relay : 0));
  if (from.access.audience) {
    append_varint(groups_, from.access.audience->size());
    for (const auto& who : *from.access.audience) append_varint(groups_, name(who));
  }
  append_varint(groups_, zigzag(from.arrived_ms - arrived_before_ms_));
  arrived_before_ms_ = from.arrived_ms;
}

void row_writer::end_run() {
  if (run_records_ == 0) return;
  append_varint(runs_, run_records_ << 1);
  append_varint(runs_, run_first_ - run_after_);
  runs_.push_back(static_cast<std::uint8_t>(index_of(run_lane_)));
  run_records_ = 0;
}

void row_writer::add(const stored_set& from, const stored_set::place& at) {
  if (records_.empty()) first_ = last_ = at.position;
  begin_group(from);
  if (at.over_version) {
    end_run();
    append_varint(runs_, 1 << 1 | 1);
    append_varint(runs_, at.position - last_);
    runs_.push_back(static_cast<std::uint8_t>(index_of(at.on)));
    append_varint(runs_, *at.over_version);
    append_varint(runs_, name(at.over_source));
  } else if (run_records_ > 0 && at.position == last_ + 1 && at.on == run_lane_) {
    ++run_records_;
  } else {
    end_run();
    run_records_ = 1;
    run_first_ = at.position;
    run_after_ = last_;
    run_lane_ = at.on;
  }
  last_ = at.position;
  ++group_records_;
  const auto record = from.records->bytes(at.index);
  records_.push_back(record);
  bytes_ += record.size();
  if (held_.empty() || held_.back() != from.records) held_.push_back(from.records);
}

row_writer::row row_writer::finish() {
  end_run();
  append_varint(groups_, group_records_);
  append_bytes(groups_, runs_);
  row made{first_, last_, static_cast<std::uint32_t>(records_.size()), {}};
  append_varint(made.body, name_numbers_.size());
  append_bytes(made.body, names_);
  append_varint(made.body, group_count_);
  append_bytes(made.body, groups_);
  block_encoder().append(made.body, records_, true);
  *this = row_writer();
  return made;
}

namespace {

struct row_reader {
  byte_reader in;
  std::vector<std::string> names;
  log_position_number last = 0;
  std::int64_t arrived_ms = 0;
  std::uint64_t left = 0;  ///< places that are still to come, by the row's own word

  bool read_names() {
    const auto count = in.varint();
    if (!in.ok() || count > in.left()) return false;
    names.reserve(static_cast<std::size_t>(count));
    for (std::uint64_t i = 0; i < count && in.ok(); ++i) names.emplace_back(in.text(in.varint()));
    return in.ok();
  }

  bool read_name(std::string& to) {
    const auto number = in.varint();
    if (!in.ok() || number > names.size()) return false;
    if (number != 0) to = names[static_cast<std::size_t>(number - 1)];
    return true;
  }

  bool read_audience(sharing& access) {
    const auto count = in.varint();
    if (!in.ok() || count > in.left()) return false;
    std::vector<std::string> who(static_cast<std::size_t>(count));
    for (auto& one : who)
      if (!read_name(one)) return false;
    access.audience = std::make_shared<const std::vector<std::string>>(std::move(who));
    return true;
  }

  bool read_run(stored_set& to, std::uint64_t& of_group) {
    const auto head = in.varint();
    const auto distance = in.varint();
    const auto on = in.u8();
    const auto records = head >> 1;
    if (!in.ok() || records == 0 || records > of_group || records > left || on >= lane_count) return false;
    of_group -= records;
    left -= records;
    last += distance;
    for (std::uint64_t i = 0; i < records; ++i) {
      auto& place = to.places.emplace_back();
      place.position = i == 0 ? last : ++last;
      place.on = static_cast<lane>(on);
    }
    if ((head & 1) == 0) return true;
    auto& place = to.places.back();
    place.over_version = in.varint();
    return records == 1 && in.ok() && read_name(place.over_source);
  }

  bool read_group(stored_set& to) {
    if (!read_name(to.source)) return false;
    const auto flags = in.varint();
    if (!in.ok() || flags > (has_audience | is_no_relay)) return false;
    to.access.no_relay = (flags & is_no_relay) != 0;
    if ((flags & has_audience) != 0 && !read_audience(to.access)) return false;
    arrived_ms += unzigzag(in.varint());
    to.arrived_ms = arrived_ms;
    auto records = in.varint();
    while (in.ok() && records > 0)
      if (!read_run(to, records)) return false;
    return in.ok();
  }
};

/// The groups' places onto the slabs that hold their records, which end where they like.
std::vector<stored_set> spread(std::vector<stored_set> groups, const std::vector<slab_ptr>& slabs) {
  std::vector<stored_set> sets;
  std::size_t slab = 0;
  std::uint16_t index = 0;
  for (auto& group : groups) {
    stored_set* to = nullptr;
    for (auto& place : group.places) {
      if (index == slabs[slab]->size()) {
        ++slab;
        index = 0;
        to = nullptr;
      }
      if (to == nullptr) {
        to = &sets.emplace_back(stored_set{slabs[slab], group.source, group.access, group.arrived_ms, {}, {}});
        to->places.reserve(std::min<std::size_t>(group.places.size(), slabs[slab]->size() - index));
      }
      place.index = index++;
      to->places.push_back(std::move(place));
    }
  }
  return sets;
}

}  // namespace

result<std::vector<stored_set>> read_row(log_position_number first, log_position_number last, std::uint32_t count,
                                         bytes_view body, std::uint64_t key_seed) {
  row_reader row{byte_reader(body), {}, first, 0, count};
  if (!row.read_names()) return refuse("its names");
  const auto group_count = row.in.varint();
  if (!row.in.ok() || group_count > count) return refuse("its groups");
  std::vector<stored_set> groups(static_cast<std::size_t>(group_count));
  for (auto& group : groups)
    if (!row.read_group(group)) return refuse("a group");
  if (row.left != 0 || row.last != last) return refuse("its places are not what its head says");
  slab_builder builder(key_seed);
  std::vector<slab_ptr> slabs;
  if (auto done = block_decoder().decode(row.in.rest(), builder, slabs); !done) return refuse("its records");
  if (!builder.empty()) slabs.push_back(builder.finish());
  std::size_t records = 0;
  for (const auto& s : slabs) records += s->size();
  if (records != count) return refuse("its records are not what its head says");
  return spread(std::move(groups), slabs);
}

void append_positions(byte_buffer& out, std::span<const log_position_number> positions) {
  log_position_number before = 0;
  for (const auto position : positions) append_varint(out, position - std::exchange(before, position));
}

result<std::vector<log_position_number>> read_positions(bytes_view bytes) {
  std::vector<log_position_number> positions;
  byte_reader in(bytes);
  log_position_number at = 0;
  while (!in.at_end()) {
    at += in.varint();
    if (!in.ok()) return refuse("positions");
    positions.push_back(at);
  }
  return positions;
}

}  // namespace quicsync::detail
