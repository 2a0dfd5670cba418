// The cache's side of catching up with peers: digests of what they compare, sketches, and the records that they lack.
// Work is done in slices, one peer's after the other's. A plain class beside the table; owned by the cache actor,
// single-threaded.
#pragma once
#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include <quicsync/actors/cache/comparison.hpp>
#include <quicsync/actors/cache/comparison_messages.hpp>
#include <quicsync/actors/cache/pattern_table.hpp>
#include <quicsync/codec/limits.hpp>

namespace quicsync {

/// `Reader`: whoever asks, by something that orders.
template <class Reader>
class comparison_desk {
 public:
  explicit comparison_desk(pattern_table& table) : table_(table) {}

  void ask_digest(const Reader& reader, const messages::ask_digest& question,
                  std::function<void(messages::digest_answer)> answer) {
    auto& desk = readers_[reader];
    if (desk.view != question.view) {
      if (desk.digest) table_.digests().forget(*desk.digest);
      desk.view = question.view;
      desk.digest = table_.digests().follow(question.view);
    }
    jobs_.push_back(
        {reader, [this, tag = question.tag, answer = std::move(answer)](place& at, std::size_t records_max) {
           if (!at.digest) return answer(no_digest(tag)), true;
           if (table_.digests().scanning()) table_.scan_digests(records_max);
           const auto sum = table_.digests().find(*at.digest);
           if (!sum) return false;
           const bool whole = !table_.partial() && (table_.cold() == 0 || at.view->wants_all());
           answer({tag, *sum, table_.last_position(), table_.digests().deletions(), whole});
           return true;
         }});
  }

  void ask_symbols(const Reader& reader, const messages::ask_symbols& question,
                   std::function<void(messages::symbols_answer)> answer) {
    auto& at = readers_[reader];
    if (!at.view) return answer({question.tag, 0, question.first, {}, true});
    if (!at.work || at.work->key() != question.key) {
      at.work.reset();
      if (sketched() + table_.size() > limits::sketched_records)
        return answer({question.tag, 0, question.first, {}, true});
      at.work = std::make_unique<comparison>(at.view, question.key);
    }
    jobs_.push_back({reader, [this, question, answer = std::move(answer)](place& desk, std::size_t records_max) {
                       if (!desk.work) return true;
                       const auto last = question.first + question.count;
                       if (!desk.work->build(table_, last, records_max)) return false;
                       const auto all = desk.work->symbols().subspan(question.first, question.count);
                       answer({question.tag, desk.work->size(), question.first, {all.begin(), all.end()}, false});
                       return true;
                     }});
  }

  void select(const Reader& reader, messages::select_records question, std::function<void(messages::selected)> answer) {
    auto& at = readers_[reader];
    if (!at.work) return answer({question.tag, {}});
    at.work->select(std::move(question.items), std::move(question.offered));
    jobs_.push_back(
        {reader, [this, tag = question.tag, answer = std::move(answer)](place& desk, std::size_t records_max) {
           if (!desk.work) return true;
           if (!desk.work->pick(table_, records_max)) return false;
           answer({tag, desk.work->offers(table_)});
           return true;
         }});
  }

  pattern_table::reading next_page(const Reader& reader, std::size_t records_max, std::size_t bytes_max) {
    auto at = readers_.find(reader);
    if (at != readers_.end() && at->second.work) return at->second.work->next_page(table_, records_max, bytes_max);
    pattern_table::reading nothing;
    nothing.at_end = true;
    return nothing;
  }

  /// The round is over: its sketch goes, the digest stays.
  void end_round(const Reader& reader) {
    if (auto at = readers_.find(reader); at != readers_.end()) at->second.work.reset();
  }

  void forget(const Reader& reader) {
    auto at = readers_.find(reader);
    if (at == readers_.end()) return;
    if (at->second.digest) table_.digests().forget(*at->second.digest);
    readers_.erase(at);
    std::erase_if(jobs_, [&](const job& each) { return each.whose == reader; });
  }

  void forget_all() {
    jobs_.clear();
    readers_.clear();
  }

  /// The table was cleared: what was gathered of it is void.
  void clear() {
    for (auto& [reader, at] : readers_) at.work.reset();
  }

  bool busy() const noexcept { return !jobs_.empty(); }
  /// Looks at so many records at most, for whoever has waited longest.
  void work(std::size_t records_max) {
    if (jobs_.empty()) return;
    auto next = std::move(jobs_.front());
    jobs_.pop_front();
    auto at = readers_.find(next.whose);
    if (at == readers_.end() || next.go_on(at->second, records_max)) return;
    // What one reader asked for is answered in that order.
    auto later = std::find_if(jobs_.begin(), jobs_.end(), [&](const job& each) { return each.whose == next.whose; });
    jobs_.insert(later, std::move(next));
  }

 private:
  struct place {
    std::shared_ptr<const comparison_view> view;
    std::optional<std::uint32_t> digest;
    std::unique_ptr<comparison> work;
  };
  struct job {
    Reader whose;
    std::function<bool(place&, std::size_t records_max)> go_on;  ///< true: done
  };
  static messages::digest_answer no_digest(std::uint64_t tag) { return {tag, {}, 0, 0, false}; }
  std::size_t sketched() const {
    std::size_t sum = 0;
    for (const auto& [reader, at] : readers_) sum += at.work ? at.work->size() : 0;
    return sum;
  }

  pattern_table& table_;
  std::map<Reader, place> readers_;
  std::deque<job> jobs_;
};

}  // namespace quicsync
