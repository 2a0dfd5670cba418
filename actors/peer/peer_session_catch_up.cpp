#include <algorithm>

#include <fmt/format.h>

#include <quicsync/actors/peer/peer_session.hpp>
#include <quicsync/codec/limits.hpp>

namespace quicsync {
namespace {

using namespace std::chrono_literals;

/// Where records flow without a pause, what is under way would be found as a difference: a look is put off for so long.
constexpr unsigned busy_ticks_max = 30;
/// How often it is looked whether the own set is still the one that was found equal, where nothing was sent or
/// received: patterns expire, and go for room.
constexpr int quiet_intervals = 30;
/// How often it is tried again where nothing healed the difference: room may have come, or another rule.
constexpr int stuck_intervals = 120;

}  // namespace

// -- where each side begins to read

subscribe_frame peer_session::own_subscription(const std::optional<remembered_log>& remembered) const {
  subscribe_frame wish{config_.wish.filter, config_.wish.from, {}};
  if (!remembered) return wish;
  wish.from = subscribe_frame::start::beginning;  // something of it was read before: there must be no gap
  if (remembered->at.incarnation != their_hello_->log.incarnation || remembered->filter != config_.wish.filter)
    return wish;
  wish.from = subscribe_frame::start::position;
  wish.position = remembered->at;
  return wish;
}

/// Two nodes that hold everything and want what was there before.
bool peer_session::is_comparable(const subscribe_frame& wish) const {
  using start = subscribe_frame::start;
  return subscriptions_ == 1 && config_.hello.role == node_role::node && their_hello_->role == node_role::node &&
         config_.wish.subscribe && config_.wish.from != start::now && wish.from != start::now &&
         !config_.hello.partial && !their_hello_->partial;
}

// What both want. Where that cannot be said, nothing is compared.
bool peer_session::make_reconciliation() {
  auto own = filter::parse(config_.wish.filter);
  if (!own) return false;
  auto both = filter::parse(fmt::format("{} {}", own->to_string(), their_filter_->to_string()));
  if (!both || both->to_string().size() > limits::filter_bytes) return false;
  auto text = both->to_string();
  view_ =
      std::make_shared<const comparison_view>(comparison_view{std::move(*both), rules_, their_hello_->name, number_});
  reconciliation_.emplace(config_.hello.name < their_hello_->name, config_.sketch_seed, std::move(text));
  return true;
}

result<void> peer_session::take_subscribe(const subscribe_frame& wish) {
  using start = subscribe_frame::start;
  auto wanted = filter::parse(wish.filter);
  if (!wanted) return fail(std::move(wanted.error()));
  if (++subscriptions_ > limits::subscriptions)
    return fail(errc::flood, fmt::format("subscribes more than {} times", limits::subscriptions));
  their_filter_ = std::move(*wanted);
  reading_tag_ = next_tag_++;
  pull_under_way_ = reading_ = starting_ = caught_up_ = false;
  sent_again_.clear();
  sending_selection_ = selection_pulled_ = compares_when_settled_ = false;
  their_digest_.reset();
  rest_until_ = {};
  copies_ = 0;
  selection_tag_ = 0;
  reconciliation_.reset();
  view_.reset();
  const bool comparable = is_comparable(wish) && make_reconciliation();
  const bool resumes = wish.from == start::position && wish.position.incarnation == config_.hello.log.incarnation;
  if (resumes || wish.from == start::now) {
    wished_position_ = resumes ? wish.position.position : ~std::uint64_t{0};
    host_.ask_log_end();
    return {};
  }
  starting_ = comparable;
  if (comparable)
    reconciliation_->begin();
  else
    read_all();
  carry_out();
  return {};
}

/// From now on everything after this goes to the other side.
void peer_session::read_from(const log_cursor& after) {
  const bool first = subscriptions_ != std::exchange(subscriptions_told_, subscriptions_);
  starting_ = false;
  reading_ = true;
  read_to_ = sent_from_ = after;
  at_log_end_ = false;
  outside_until_ = {};
  if (first)
    host_.subscribed(their_hello_->role == node_role::node && their_filter_->match_all() && rules_.reads_all());
  establish();
}

bool peer_session::sends_the_rest() const {
  return std::any_of(all_lanes.begin(), all_lanes.end(), [this](lane l) { return read_to_[l] < outside_until_[l]; });
}

/// What they alone want, and what was deleted: they need not offer what they hold of it, so that nobody would answer
/// with its deletion.
void peer_session::send_the_rest(const reconciliation::send_the_rest& rest) {
  if (rest.deletions) deletions_until_ = log_cursor::at(rest.position);
  if (!rest.deletions && view_->wanted == *their_filter_) return;
  rest_until_ = log_cursor::at(rest.position);
  // Where another peer's part is sent again just now, nothing is left out.
  outside_until_ = sent_again_.empty() ? log_cursor::at(rest.position) : log_cursor{};
  sent_again_.clear();
  read_to_ = {};
  at_log_end_ = false;
  reading_tag_ = next_tag_++;
  pull_under_way_ = false;
  pull_more();
}

void peer_session::read_all() {
  reading_tag_ = next_tag_++;
  pull_under_way_ = false;
  sent_again_.clear();
  read_from({});
  caught_up_ = true;  // with the log
  for (auto& to : outgoing_) to.in_order_from = to.next_sequence;
  pull_more();
}

void peer_session::log_ends_at(log_position_number position) {
  if (over_ || reading_ || !their_filter_) return;
  read_from(log_cursor::at(std::min(position, wished_position_)));
  caught_up_ = true;
  at_log_end_ = wished_position_ >= position;
  for (lane l : all_lanes) report_progress(l);
  // Who begins now has to know where that is, to be able to go on there.
  if (wished_position_ > position) say_mark(0, position);
  if (reconciliation_) note_activity();
  pull_more();
}

/// Nothing is owed of what was there before, but for what is under way.
void peer_session::caught_up() {
  if (std::exchange(caught_up_, true)) return;
  for (auto& to : outgoing_) to.in_order_from = to.next_sequence;
  for (lane l : all_lanes) report_progress(l);
}

// -- rounds

void peer_session::take_digest(const messages::digest_answer& own) {
  if (over_ || !reconciliation_) return;
  if (starting_) {
    read_from(log_cursor::at(own.position));
    at_log_end_ = true;
  }
  reconciliation_->own_digest(own);
  carry_out();
  pull_more();
}

void peer_session::take_symbols(messages::symbols_answer own) {
  if (over_ || !reconciliation_) return;
  if (auto done = reconciliation_->own_symbols(std::move(own)); !done) return abandon(std::move(done.error()));
  carry_out();
}

void peer_session::take_selected(messages::selected answer) {
  if (over_ || !reconciliation_) return;
  reconciliation_->selected(std::move(answer.records));
  carry_out();
}

result<void> peer_session::take_catch_up(const frame& value) {
  if (!reconciliation_) {
    // It is not known there why this side cannot compare.
    if (const auto* theirs = std::get_if<digest_frame>(&value))
      say(request_frame{theirs->round, request_frame::kind::symbols, 0, 0, {}});
    return {};
  }
  result<void> taken;
  if (const auto* theirs = std::get_if<digest_frame>(&value)) {
    // What is under way would be found as a difference, and sent again.
    if (caught_up_ && reconciliation_->idle() && !is_settled()) {
      if (their_digest_) return fail(errc::flood, "a digest before the last one was answered");
      their_digest_ = *theirs;
      return {};
    }
    taken = reconciliation_->take(*theirs);
  }
  if (const auto* sketch = std::get_if<sketch_frame>(&value)) taken = reconciliation_->take(*sketch);
  if (const auto* request = std::get_if<request_frame>(&value)) taken = reconciliation_->take(*request);
  if (const auto* offer = std::get_if<offer_frame>(&value)) taken = reconciliation_->take(*offer);
  if (!taken) return taken;
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(host_.now() - opened_at_);
  if (reconciliation_->rounds_joined() >
      limits::comparisons_at_once + static_cast<std::uint64_t>(std::max<std::int64_t>(age.count(), 0)))
    return fail(errc::flood, fmt::format("compares more than {} times and once a second", limits::comparisons_at_once));
  carry_out();
  return {};
}

/// Everything that was there to be sent is acknowledged: the moment to compare.
bool peer_session::is_settled() const { return at_log_end_ && !has_unacknowledged(); }

result<void> peer_session::compare_when_settled() {
  if (over_ || !reconciliation_ || !is_settled()) return {};
  if (their_digest_) {
    const auto theirs = *std::exchange(their_digest_, std::nullopt);
    return take_catch_up(theirs);
  }
  if (std::exchange(compares_when_settled_, false)) begin_round();
  return {};
}

void peer_session::carry_out() {
  if (!reconciliation_) return;
  for (auto actions = reconciliation_->take_actions(); !actions.empty(); actions = reconciliation_->take_actions())
    for (auto& action : actions) {
      if (auto* frame_to_say = std::get_if<reconciliation::say>(&action)) {
        catch_up_frames_.push_back(std::move(frame_to_say->bytes));
      } else if (std::holds_alternative<reconciliation::ask_digest>(action)) {
        host_.ask_digest(view_);
      } else if (const auto* ask = std::get_if<reconciliation::ask_symbols>(&action)) {
        host_.ask_symbols(ask->key, ask->first, ask->count);
      } else if (auto* select = std::get_if<reconciliation::select>(&action)) {
        host_.select_records(std::move(select->items), std::move(select->offered));
      } else if (std::holds_alternative<reconciliation::send_selected>(action)) {
        sending_selection_ = true;
      } else if (const auto* mark = std::get_if<reconciliation::say_mark>(&action)) {
        // What is not compared may be under way still: a later mark speaks of it.
        say_mark(mark->round, sends_the_rest() ? marked_ : mark->position);
        caught_up();
      } else if (const auto* rest = std::get_if<reconciliation::send_the_rest>(&action)) {
        send_the_rest(*rest);
      } else if (const auto* equal = std::get_if<reconciliation::equal>(&action)) {
        copies_ = 0;
        rounds_in_vain_ = 0;
        found_last_ = 0;
        // What flowed while it was compared is still to be marked.
        tick_after(tick_interval() * (active_ ? 1 : quiet_intervals));
        if (equal->deletions && !sends_the_rest()) {
          host_.remember(their_hello_->log);
          marked_ = std::max(marked_, config_.hello.log.position);  // as the other side does
        }
        caught_up();
      } else if (const auto* copy = std::get_if<reconciliation::copy_all>(&action)) {
        // Where the first copy was not enough and nothing comes any more, what it left to others has not come: now
        // nothing is left to them.
        const bool again = copy->once_more && (copies_ == 0 || (copies_ == 1 && reconciliation_->stuck()));
        if (caught_up_ && !again) continue;
        read_all();
        if (++copies_ == 2) rest_until_ = log_cursor::at(copy->position);
      } else if (std::holds_alternative<reconciliation::over>(action)) {
        end_round();
      }
    }
  send_catch_up_frames();
  pull_selected();
}

// Rounds that find as much as the one before are repeated less and less often.
void peer_session::end_round() {
  host_.end_round();
  const auto found = reconciliation_->found();
  if (found == 0) return;
  rounds_in_vain_ = found_last_ != 0 && found * 2 > found_last_ ? rounds_in_vain_ + 1 : 0;
  rounds_in_vain_ = std::min(rounds_in_vain_, limits::comparison_doublings);
  found_last_ = found;
  tick_after(tick_interval() * (reconciliation_->stuck() ? quiet_intervals : 1 << rounds_in_vain_));
}

void peer_session::send_catch_up_frames() {
  if (over_ || catch_up_frames_.empty()) return;
  while (!catch_up_frames_.empty() && outgoing(lane::control).in_flight_bytes < limits::control_in_flight_bytes) {
    send_on(lane::control, std::move(catch_up_frames_.front()));
    catch_up_frames_.pop_front();
  }
  if (!catch_up_frames_.empty() || !reconciliation_) return;
  reconciliation_->drained();
  carry_out();
}

void peer_session::pull_selected() {
  if (over_ || !sending_selection_ || selection_pulled_) return;
  const auto now = host_.now();
  if (!has_room(lane::high) || !has_room(lane::normal) || !has_room(lane::low)) return;
  if (!out_limit_.unlimited() && out_limit_.ready_at(now) > now) {
    if (!std::exchange(waiting_for_out_rate_, true)) ++statistics_.rate_delays_out;
    return wake_for_rates();
  }
  selection_pulled_ = true;
  selection_tag_ = next_tag_++;
  host_.pull_selected(selection_tag_, out_limit_.patterns(now, limits::turn_records),
                      out_limit_.bytes(now, limits::turn_bytes));
}

void peer_session::answer_older(const std::vector<messages::answer_older::pair>& pairs) {
  if (over_ || !their_filter_ || their_hello_->role != node_role::node) return;
  std::vector<std::shared_ptr<const change_set>> sets;
  for (const auto& each : pairs)  // what they write and do not want is theirs
    if (their_filter_->matches(each.brought->record(each.index))) sets.push_back(each.newer);
  send_records(sets, drawn_from::answer);
}

// -- how far the other side is, and this one there

void peer_session::say_mark(std::uint64_t round, log_position_number position) {
  say(mark_frame{
      round,
      position,
      {outgoing(lane::high).next_sequence, outgoing(lane::normal).next_sequence, outgoing(lane::low).next_sequence}});
  if (round == 0) marked_ = position;
}

result<void> peer_session::take_mark(const mark_frame& mark) {
  (mark.round == 0 ? their_mark_ : their_round_mark_) = mark;
  check_marks();
  return {};
}

bool peer_session::is_applied(const mark_frame& mark) const {
  std::size_t i = 0;
  for (lane l : {lane::high, lane::normal, lane::low}) {
    const auto& from = incoming_[index_of(l)];
    const auto before = mark.before[i++];
    if (from.applied_before < before || (!from.missing.empty() && *from.missing.begin() < before)) return false;
  }
  return true;
}

void peer_session::check_marks() {
  for (auto* each : {&their_mark_, &their_round_mark_}) {
    if (!*each || !is_applied(**each)) continue;
    const auto mark = *std::exchange(*each, std::nullopt);
    if (config_.wish.subscribe && their_hello_->role == node_role::node)
      host_.remember({their_hello_->log.incarnation, mark.position});
    if (mark.round == 0 || !reconciliation_) continue;
    reconciliation_->their_mark(mark.round);
    carry_out();
  }
}

// -- from time to time

void peer_session::note_activity() {
  active_ = true;
  const bool is_stuck = reconciliation_ && reconciliation_->stuck();
  const bool is_late = next_tick_ > host_.now() + tick_interval() && (rounds_in_vain_ == 0 || is_stuck);
  if (is_late || next_tick_ == time_point::max()) tick_after(tick_interval());
}

/// Marks are said even where nothing is compared.
std::chrono::nanoseconds peer_session::tick_interval() const {
  return config_.sync_interval.count() == 0 ? 1s : std::chrono::nanoseconds(config_.sync_interval);
}

void peer_session::tick_after(std::chrono::nanoseconds time) {
  next_tick_ = host_.now() + time;
  wake_for_rates();
}

void peer_session::tick() {
  next_tick_ = time_point::max();
  if (!their_filter_ || !reading_) return;
  const bool busy = std::exchange(active_, false);
  const bool between_rounds = !reconciliation_ || reconciliation_->idle();
  const auto read_to = *std::max_element(read_to_.last.begin(), read_to_.last.end());
  if (config_.hello.role == node_role::node && caught_up_ && !sending_selection_ && at_log_end_ && read_to > marked_)
    say_mark(0, read_to);
  if (!reconciliation_ || reconciliation_->hopeless() || config_.sync_interval.count() == 0) return;
  if ((busy && ++busy_ticks_ < busy_ticks_max) || !between_rounds || !caught_up_ || !at_log_end_)
    return tick_after(tick_interval());
  busy_ticks_ = 0;
  if (host_.now() >= try_again_at_) {
    try_again_at_ = host_.now() + tick_interval() * stuck_intervals;
    reconciliation_->try_again();
  }
  compares_when_settled_ = !is_settled();
  if (!compares_when_settled_) begin_round();
  if (next_tick_ == time_point::max()) tick_after(tick_interval() * quiet_intervals);
}

void peer_session::begin_round() {
  if (!reconciliation_->idle()) return;
  // As many as the other side takes.
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(host_.now() - opened_at_);
  const auto most = limits::comparisons_at_once + static_cast<std::uint64_t>(std::max<std::int64_t>(age.count(), 0));
  if (rounds_begun_ + 1 >= most) return tick_after(1s);
  ++rounds_begun_;
  reconciliation_->begin();
  carry_out();
}

}  // namespace quicsync
