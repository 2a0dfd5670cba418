// Two peer sessions talking to each other without actors: each has a table instead of a cache, and lists of what
// happened. Time stands still until a test moves it.
#pragma once
#include <algorithm>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <quicsync/actors/cache/comparison_desk.hpp>
#include <quicsync/actors/cache/delta_records.hpp>
#include <quicsync/actors/cache/pattern_table.hpp>
#include <quicsync/actors/peer/peer_session.hpp>

#include "support.hpp"

namespace quicsync::test {

/// One side: a session, a table instead of a cache, and lists of what happened. Calls from the session are kept and
/// carried out afterwards, as the actors' mailboxes do.
class side : public peer_session_host {
 public:
  side(std::string name, node_role role, peer_wish wish = {}) : table_(key_seed) {
    config_.hello.name = std::move(name);
    config_.hello.role = role;
    config_.hello.instance = std::hash<std::string>{}(config_.hello.name);
    config_.wish = std::move(wish);
    config_.key_seed = key_seed;
    config_.batch_patterns = 10;
  }

  void connect(side& other, std::string their_certificate) {
    other_ = &other;
    session_.emplace(config_, peer_identity{std::move(their_certificate), "", true}, *this);
  }

  /// Carries out what is waiting; true when there was something.
  bool work() {
    if (todo_.empty()) return false;
    auto next = std::move(todo_.front());
    todo_.pop_front();
    next();
    return true;
  }

  void hold(const slab_ptr& records, const sharing& access = {}, peer_number source = this_node) {
    for (std::size_t i = 0; i < records->size(); ++i) table_.apply(records, i, source, access);
    feed();
  }
  void feed() {
    if (parked_ && !table_.nothing_after(parked_->after, parked_->lanes))
      answer_pull(*std::exchange(parked_, std::nullopt));
  }

  peer_session& session() { return *session_; }
  const peer_session_statistics& statistics() const { return session_->statistics(); }
  peer_session_config& config() { return config_; }
  pattern_table& table() { return table_; }
  const pattern_table& table() const { return table_; }

  std::vector<std::pair<lane, log_position_number>> reached_;
  std::vector<error> refused_;
  std::optional<error> failure_, goodbye_;
  bool established_ = false, subscribed_ = false;
  std::uint64_t answered_records_ = 0;
  bool answered_last_ = false;
  std::optional<error> answer_failure_;
  std::uint64_t consumed_ = 0, delivered_bytes_ = 0;
  std::optional<error> refuse_all_;
  bool hold_back_applied_ = false;
  bool hold_back_quic_ = false;
  std::vector<std::pair<lane, std::size_t>> held_back_;  ///< what QUIC has not acknowledged yet
  std::size_t chunk_bytes_ = 0;                          ///< 0: bytes arrive as they were sent

  std::vector<std::uint32_t> refused_here_;
  std::size_t rebuilt_ = 0, missing_ = 0;  ///< records of blocks with deltas
  std::vector<log_position_number> passed_over_;
  std::vector<std::string> neighbours_;
  bool takes_all_ = false;
  peer_number number_ = 1;                    ///< of the other side, as this one counts
  std::optional<remembered_log> remembered_;  ///< of the other side's log
  time_point now_{};
  time_point wake_at_ = time_point::max();

  // -- peer_session_host
  time_point now() const override { return now_; }
  void wake_at(time_point when) override { wake_at_ = when; }
  void passed_over(lane, std::vector<log_position_number> positions) override {
    passed_over_.insert(passed_over_.end(), positions.begin(), positions.end());
  }
  void neighbours(std::vector<std::string> names) override { neighbours_ = std::move(names); }
  void send_frames(lane on, shared_bytes bytes) override {
    later([this, on, bytes] {
      other_->take(on, bytes);
      if (hold_back_quic_)
        held_back_.emplace_back(on, bytes.size());
      else
        session_->acknowledged(on, bytes.size());
    });
  }
  void consumed(lane, std::uint64_t bytes) override { consumed_ += bytes; }
  void fail(error reason) override { failure_ = std::move(reason); }
  void greeted(const hello_frame&) override {
    later([this] { session_->welcome(number_, remembered_); });
  }
  void established() override { established_ = true; }
  void said_goodbye(const error& reason) override { goodbye_ = reason; }
  void apply(slab_ptr records, lane on, std::uint64_t first, const sharing& access,
             std::vector<std::pair<std::uint32_t, error>> refused) override {
    later([this, records, on, first, access, refused] {
      messages::applied answer{0, on, first, static_cast<std::uint32_t>(records->size()), {}};
      auto next = refused.begin();
      for (std::uint32_t i = 0; i < records->size(); ++i) {
        const bool judged = next != refused.end() && next->first == i;
        const auto reason = judged ? std::optional(*next++) : std::nullopt;
        if (reason && !(reason->second.code == errc::not_wanted && table_.knows(*records, i))) {
          answer.refused.push_back(*reason);
          refused_here_.push_back(i);
          answer_older(records, i);
        } else if (refuse_all_) {
          answer.refused.emplace_back(i, *refuse_all_);
        } else {
          take_record(records, i, access);
        }
      }
      feed();
      if (!hold_back_applied_) session_->applied(answer);
    });
  }
  void apply_deltas(std::shared_ptr<const delta_block> block, lane on, std::uint64_t first, const sharing& access,
                    std::shared_ptr<const peer_rules> rules) override {
    later([this, block, on, first, access, rules] {
      messages::applied answer{0, on, first, block->size(), {}};
      const auto records = rebuild(*block, table_, key_seed);
      for (std::uint32_t i = 0; i < records.size(); ++i) {
        const auto& [from, index] = records[i];
        ++(from ? rebuilt_ : missing_);
        if (!from)
          answer.refused.emplace_back(i, error{errc::unknown_base, {}});
        else if (auto reason = judge_record(rules.get(), *from, index))
          answer.refused.emplace_back(i, *reason);
        else
          take_record(from, index, access);
      }
      feed();
      if (!hold_back_applied_) session_->applied(answer);
    });
  }
  void pull(std::uint64_t tag, const log_cursor& after, lane_set lanes, bool wait, std::size_t records_max,
            std::size_t bytes_max) override {
    const pulled what{tag, after, lanes, records_max, bytes_max, session_->deltas_wanted(tag)};
    if (what.deltas.number != this_node) table_.note_replacements();
    if (wait && table_.nothing_after(after, lanes))
      parked_ = what;
    else
      answer_pull(what);
  }
  void find(std::uint64_t tag, std::string id) override {
    later([this, tag, id] {
      auto place = table_.find(id);
      session_->take_found({tag, place.records, place.index, place.source, place.access});
    });
  }
  void ask_log_end() override {
    later([this] { session_->log_ends_at(table_.last_position()); });
  }
  void ask_digest(std::shared_ptr<const comparison_view> view) override {
    desk_.ask_digest(0, {0, std::move(view)},
                     [this](auto answer) { later([this, answer] { session_->take_digest(answer); }); });
    work_at_desk();
  }
  void ask_symbols(std::uint64_t key, std::size_t first, std::size_t count) override {
    desk_.ask_symbols(0, {0, key, first, count},
                      [this](auto answer) { later([this, answer] { session_->take_symbols(answer); }); });
    work_at_desk();
  }
  void select_records(std::vector<sketch_item> items, std::vector<offered_record> offered) override {
    desk_.select(0, {0, std::move(items), std::move(offered)},
                 [this](auto answer) { later([this, answer] { session_->take_selected(answer); }); });
    work_at_desk();
  }
  void pull_selected(std::uint64_t tag, std::size_t records_max, std::size_t bytes_max) override {
    later([this, tag, records_max, bytes_max] {
      auto page = desk_.next_page(0, records_max, bytes_max);
      session_->take_page({tag, page.sets, {}, page.at_end});
    });
  }
  void end_round() override { desk_.end_round(0); }
  void remember(const log_position& theirs) override { remembered_ = remembered_log{theirs, config_.wish.filter}; }
  void subscribed(bool takes_all) override {
    subscribed_ = true;
    takes_all_ = takes_all;
    table_.set_progress(number_, lane::control, 0);
  }
  void reached(lane on, log_position_number position, ack_level level) override {
    reached_.emplace_back(on, position);
    if (level == ack_level::applied) table_.set_progress(number_, on, position);
  }
  void refused(lane, log_position_number, const error& reason) override { refused_.push_back(reason); }
  void answered(std::uint64_t, std::vector<slab_ptr> records, std::optional<error> failure, bool last) override {
    for (const auto& r : records) answered_records_ += r->size();
    if (failure) answer_failure_ = failure;
    answered_last_ = answered_last_ || last;
  }

  /// The connection is over; what is held and remembered stays.
  void disconnect() {
    session_.reset();
    todo_.clear();
    held_back_.clear();
    parked_.reset();
    desk_.forget_all();
    table_.forget_progress(number_);
    failure_.reset();
    established_ = subscribed_ = false;
    reached_.clear();
    wake_at_ = time_point::max();
  }

 private:
  void work_at_desk() {
    later([this] {
      desk_.work(limits::slice_records);
      if (desk_.busy()) work_at_desk();
    });
  }
  void later(std::function<void()> what) { todo_.push_back(std::move(what)); }
  void take_record(const slab_ptr& records, std::uint32_t i, const sharing& access) {
    if (table_.apply(records, i, number_, access).what == pattern_table::verdict::older) answer_older(records, i);
  }
  void answer_older(const slab_ptr& records, std::uint32_t i) {
    if (auto newer = table_.newer_than(*records, i))
      session_->answer_older({{newer, records, static_cast<std::uint16_t>(i)}});
  }
  struct pulled {
    std::uint64_t tag = 0;
    log_cursor after;
    lane_set lanes;
    std::size_t records_max = 0, bytes_max = 0;
    delta_reader deltas;
  };
  void answer_pull(const pulled& what) {
    later([this, what] {
      auto r = table_.read_for(what.deltas, what.after, what.lanes, what.records_max, what.bytes_max);
      session_->take_page({what.tag, r.sets, r.next, r.at_end});
    });
  }
  void take(lane on, const shared_bytes& bytes) {
    delivered_bytes_ += bytes.size();
    std::size_t step = chunk_bytes_ == 0 ? bytes.size() : chunk_bytes_;
    for (std::size_t at = 0; at < bytes.size(); at += step)
      session_->receive(on, bytes.slice(at, std::min(step, bytes.size() - at)));
  }

  peer_session_config config_;
  pattern_table table_;
  comparison_desk<int> desk_{table_};
  side* other_ = nullptr;
  std::optional<peer_session> session_;
  std::deque<std::function<void()>> todo_;
  std::optional<pulled> parked_;
};

struct pair_of_sides {
  side a, b;
  explicit pair_of_sides(node_role role_of_a = node_role::node, peer_wish wish_of_a = {})
      : a("a", role_of_a, std::move(wish_of_a)), b("b", node_role::node) {}
  void begin(std::string certificate_of_a = "a") {
    a.connect(b, "b");
    b.connect(a, std::move(certificate_of_a));
    a.session().open(a.table().last_position(), a.table().partial());
    b.session().open(b.table().last_position(), b.table().partial());
  }
  void open(std::string certificate_of_a = "a") {
    begin(std::move(certificate_of_a));
    settle();
  }
  void settle() {
    while (a.work() || b.work()) {
    }
  }
  /// Lets time pass on both sides, with everything that they wait for.
  void advance(std::chrono::nanoseconds time) {
    const auto end = a.now_ + time;
    for (;;) {
      settle();
      const auto next = std::min(a.wake_at_, b.wake_at_);
      if (next > end) break;
      a.now_ = b.now_ = std::max(a.now_, next);
      for (side* s : {&a, &b})
        if (s->wake_at_ <= s->now_) {
          s->wake_at_ = time_point::max();
          s->session().wake();
        }
    }
    a.now_ = b.now_ = end;
  }
};

inline slab_ptr numbered(int from, int count, std::optional<int> priority = std::nullopt, std::uint64_t version = 1) {
  std::vector<pattern> patterns;
  for (int i = from; i < from + count; ++i)
    patterns.push_back(make_pattern("p" + std::to_string(i), version, R"({"n":)" + std::to_string(i) + "}", priority));
  return make_slab(patterns);
}

}  // namespace quicsync::test
