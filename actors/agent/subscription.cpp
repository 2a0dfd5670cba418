#include <quicsync/actors/agent/agent.hpp>

namespace quicsync {

using caf_compat::tell;

subscription::subscription(agent& self, std::string_view wanted, std::optional<subscribe_frame::start> from,
                           slow_agent slow)
    : self_(&self),
      next_(std::exchange(self.subscriptions_, this)),
      slow_(slow),
      number_(static_cast<std::uint32_t>(self.next_number())) {
  if (auto parsed = filter::parse(wanted))
    wanted_ = std::move(*parsed);
  else
    failure_ = std::move(parsed.error());
  const auto& cache = self.environment().cache;
  if (!failure_ && !cache) failure_ = error{errc::not_running, "this agent has no node to subscribe at"};
  if (!failure_ && !from && number_ != agent::first_subscription)
    failure_ =
        error{errc::internal, "only the first subscription of an agent's first life was asked for by who spawned it"};
  if (failure_) return;
  if (from == subscribe_frame::start::beginning)
    ready_ = true;
  else if (from)
    tell(&self.actor(), cache, messages::ask_log_end{number_});
}

// Without a sender: the agent's actor may be on its way out.
subscription::~subscription() {
  if (!self_) return;
  if (pulling_)
    caf_compat::anon_send(self_->environment().cache, messages::stop_reading{self_->actor().address(), number_});
  drop();
}

void subscription::drop() noexcept {
  for (auto** at = &self_->subscriptions_; *at; at = &(*at)->next_)
    if (*at == this) {
      *at = next_;
      return;
    }
}

void subscription::on_log_end(log_position_number position) {
  after_ = log_cursor::at(position);
  ready_ = true;
  pull();
}

void subscription::pull() {
  if (pulling_ || !ready_) return;
  pulling_ = true;
  messages::pull question;
  question.reader = self_->handle();
  question.tag = number_;
  question.after = after_;
  question.reading = number_;
  tell(&self_->actor(), self_->environment().cache, std::move(question));
}

void subscription::on_page(const messages::page& page) {
  pulling_ = false;
  after_ = page.next;
  for (const auto& set : page.sets) {
    sets_.push_back(set);
    ahead_ += set->changes.size();
  }
  if (ahead_ < slow_.ahead()) pull();
}

std::optional<shared_record> subscription::at_hand() {
  shared_record record;
  if (failure_ || !take(record)) return std::nullopt;
  return record;
}

bool subscription::take(shared_record& into) {
  while (!sets_.empty()) {
    const auto& set = sets_.front();
    while (index_ < set->changes.size()) {
      const auto place = set->changes[index_++].index;
      --ahead_;
      if (!wanted_.matches(set->records->record(place))) continue;
      into = shared_record(set, place);
      if (slow_.ahead() != 0 && ahead_ < slow_.ahead()) pull();
      return true;
    }
    sets_.erase(sets_.begin());
    index_ = 0;
  }
  pull();
  return false;
}

}  // namespace quicsync
