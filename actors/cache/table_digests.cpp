#include <algorithm>

#include <quicsync/actors/cache/table_digests.hpp>
#include <quicsync/codec/limits.hpp>

namespace quicsync {
namespace {

void count(digest& sum, const held_record& record, bool add) {
  if (add)
    sum.add(record.hash());
  else
    sum.remove(record.hash());
}

}  // namespace

table_digests::table_digests() {
  by_content all;
  all.view = std::make_shared<const comparison_view>();
  all.users = 1;
  all.scanned = whole;
  all.wants_all = true;
  contents_.emplace(0, std::move(all));
}

void table_digests::held(const held_record& record) {
  ++held_;
  if (!record.access.for_all()) ++marked_;
  count_in(record, true);
}

void table_digests::gone(const held_record& record) {
  --held_;
  if (!record.access.for_all()) --marked_;
  count_in(record, false);
}

void table_digests::deletion_held(const held_record& record) {
  if (record.access.for_all())
    count(deletions_, record, true);
  else
    ++marked_deletions_;
}

void table_digests::deletion_gone(const held_record& record) {
  if (record.access.for_all())
    count(deletions_, record, false);
  else
    --marked_deletions_;
}

// What a scan has not come by yet it will find as it is then.
void table_digests::count_in(const held_record& record, bool add) {
  if (record.access.for_all()) {
    for (auto& [number, content] : contents_)
      if (record.entry < content.scanned && (content.wants_all || content.view->wants(record)))
        count(content.sum, record, add);
    return;
  }
  for (auto& [number, view] : views_)
    if (record.entry < view.scanned && view.view->covers(record)) count(view.marked, record, add);
}

void table_digests::clear() {
  held_ = marked_ = scans_ = marked_deletions_ = 0;
  deletions_ = {};
  for (auto& [number, content] : contents_) content.sum = {}, content.scanned = whole;
  for (auto& [number, view] : views_) view.marked = {}, view.scanned = whole;
}

std::optional<std::uint32_t> table_digests::follow(view_ptr view) {
  const bool shared = view->rules.reads_all();
  const std::string kind = shared ? view->wanted.to_string() : std::string();
  auto content = std::find_if(contents_.begin(), contents_.end(), [&](const auto& c) {
    return shared && c.second.kind == kind && c.second.view->rules.reads_all();
  });
  if (content == contents_.end()) {
    if (contents_.size() >= limits::digests_kept) return std::nullopt;
    by_content fresh{kind, view, 0, {}, held_ == 0 ? whole : 0, view->wants_all()};
    if (fresh.scanned != whole) ++scans_;
    content = contents_.emplace(++last_number_, std::move(fresh)).first;
  }
  ++content->second.users;
  followed fresh{std::move(view), content->first, {}, marked_ == 0 ? whole : 0};
  if (fresh.scanned != whole) ++scans_;
  views_.emplace(++last_number_, std::move(fresh));
  return last_number_;
}

void table_digests::forget(std::uint32_t number) {
  auto view = views_.find(number);
  if (view == views_.end()) return;
  if (view->second.scanned != whole) --scans_;
  auto content = contents_.find(view->second.content);
  views_.erase(view);
  if (--content->second.users != 0) return;
  if (content->second.scanned != whole) --scans_;
  contents_.erase(content);
}

std::optional<digest> table_digests::find(std::uint32_t number) const {
  auto view = views_.find(number);
  if (view == views_.end() || view->second.scanned != whole) return std::nullopt;
  const auto& content = contents_.at(view->second.content);
  if (content.scanned != whole) return std::nullopt;
  auto sum = content.sum;
  return sum += view->second.marked;
}

void table_digests::scan(std::uint32_t entries, std::size_t entries_max, const visitor& visit) {
  auto go_on = [&](std::uint32_t& scanned, auto&& take) {
    if (scanned == whole || entries_max == 0) return;
    const auto last = static_cast<std::uint32_t>(std::min<std::size_t>(entries, scanned + entries_max));
    visit(scanned, last, take);
    entries_max -= std::min<std::size_t>(entries_max, last - scanned);
    scanned = last;
    if (scanned < entries) return;
    scanned = whole;
    --scans_;
  };
  for (auto& [number, content] : contents_)
    go_on(content.scanned, [&](const held_record& record) {
      if (record.access.for_all() && content.view->wants(record)) content.sum.add(record.hash());
    });
  for (auto& [number, view] : views_)
    go_on(view.scanned, [&](const held_record& record) {
      if (!record.access.for_all() && view.view->covers(record)) view.marked.add(record.hash());
    });
}

}  // namespace quicsync
