#include <algorithm>

#include <quicsync/actors/cache/comparison.hpp>

namespace quicsync {

bool comparison::build(const pattern_table& table, std::size_t symbols, std::size_t records_max) {
  if (!whole_) {
    if (gathered_ == 0) {
      source_.reserve(table.size());
      entries_.reserve(table.size());
    }
    // Looking at a record costs less than placing its item: 4 for 1.
    const auto last = static_cast<std::uint32_t>(std::min<std::size_t>(table.entries(), gathered_ + 4 * records_max));
    table.visit_held(gathered_, last, [this](const held_record& held) {
      if (!view_->covers(held)) return;
      source_.add(held.hash());
      entries_.push_back(held.entry);
    });
    gathered_ = last;
    whole_ = gathered_ == table.entries();
    return false;
  }
  return source_.build(symbols, records_max);
}

void comparison::select(std::vector<sketch_item> items, std::vector<offered_record> offered) {
  selected_.clear();
  selected_.insert(items.begin(), items.end());
  offered_ = std::move(offered);
  std::sort(offered_.begin(), offered_.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  looked_at_ = read_ = 0;
  picked_.clear();
}

bool comparison::pick(const pattern_table&, std::size_t records_max) {
  const auto last = std::min(entries_.size(), looked_at_ + 4 * records_max);
  for (; looked_at_ < last && picked_.size() < selected_.size(); ++looked_at_)
    if (const auto item = source_.item(looked_at_); selected_.contains(item))
      picked_.push_back({entries_[looked_at_], item});
  return looked_at_ == entries_.size() || picked_.size() == selected_.size();
}

bool comparison::still_held(const pattern_table& table, const picked& each) const {
  bool same = false;
  table.visit_held(each.entry, each.entry + 1,
                   [&](const held_record& held) { same = sketch_item_of(held.hash(), key_) == each.item; });
  return same;
}

std::vector<offered_record> comparison::offers(const pattern_table& table) const {
  std::vector<offered_record> all;
  all.reserve(picked_.size());
  for (const auto& each : picked_)
    table.visit_held(each.entry, each.entry + 1, [&](const held_record& held) {
      if (sketch_item_of(held.hash(), key_) == each.item)
        all.push_back({sketch_id_of(held.id(), key_), held.version()});
    });
  return all;
}

bool comparison::is_outdated(const held_record& held) const {
  if (offered_.empty()) return false;
  const auto id = sketch_id_of(held.id(), key_);
  auto it =
      std::lower_bound(offered_.begin(), offered_.end(), id, [](const auto& o, auto wanted) { return o.id < wanted; });
  for (; it != offered_.end() && it->id == id; ++it)
    if (it->version > held.version()) return true;
  return false;
}

pattern_table::reading comparison::next_page(const pattern_table& table, std::size_t records_max,
                                             std::size_t bytes_max) {
  pattern_table::reading page;
  std::size_t records = 0, bytes = 0;
  for (; read_ < picked_.size() && records < records_max && bytes < bytes_max; ++read_) {
    const auto& each = picked_[read_];
    if (!still_held(table, each)) continue;
    bool wanted = false;
    table.visit_held(each.entry, each.entry + 1,
                     [&](const held_record& held) { wanted = view_->covers(held) && !is_outdated(held); });
    if (!wanted) continue;
    bytes += table.append_to(page, each.entry);
    ++records;
  }
  page.at_end = read_ == picked_.size();
  return page;
}

}  // namespace quicsync
