#include <quicsync/actors/agent/agent.hpp>

namespace quicsync {

share_operation agent::share(const pattern& what, delivery_wish wish) {
  return {*this, std::span(&what, 1), std::move(wish)};
}
share_operation agent::share(const std::vector<pattern>& what, delivery_wish wish) {
  return {*this, what, std::move(wish)};
}

result<void> agent::post(const pattern& what) {
  if (!environment_->cache) return fail(errc::not_running, "this agent has no node to share with");
  if (!outbox_) outbox_ = std::make_unique<outbox>(environment_->key_seed);
  if (outbox_->left - outbox_->taken >= posted_slabs_max)
    return fail(errc::overloaded, "more is posted than the cache has taken: await something first");
  if (auto added = outbox_->patterns.add(what); !added) return added;
  if (outbox_->patterns.size() >= limits::agent_outbox || outbox_->patterns.full()) flush_posted();
  return {};
}

void agent::flush_posted() {
  if (!outbox_ || outbox_->patterns.empty()) return;
  messages::share question;
  question.number = next_number();
  question.patterns = outbox_->patterns.finish();
  tell(environment_->cache, std::move(question));
  ++outbox_->left;
  ask_what_was_taken();
}

// The end of the log is of no interest: the answer says that the cache has come so far in its mailbox.
void agent::ask_what_was_taken() {
  if (outbox_->asked > outbox_->taken || outbox_->left - outbox_->taken < posted_slabs_max / 2) return;
  outbox_->asked = outbox_->left;
  tell(environment_->cache, messages::ask_log_end{no_subscription});
}

pattern agent::new_pattern(std::string id, std::string type, std::string data) const {
  pattern made;
  made.id = std::move(id);
  made.agent_id = name_;
  made.type = std::move(type);
  made.data = std::move(data);
  made.metadata.source = name_;
  made.timestamp = environment_->wall_clock_ms ? environment_->wall_clock_ms() : 0;
  made.version = 1;
  return made;
}

bool agent::turn_is_over() {
  if (++done_at_once_ < limits::agent_turn_waits) return false;
  done_at_once_ = 0;
  caf_compat::tell(&actor_, handle(), agent_messages::go_on{});
  return true;
}

bool agent::take_in(delivery& message, caf::message_view& view) {
  if (message.is<messages::page>() || message.is<messages::log_end>()) {
    const bool is_page = message.is<messages::page>();
    const auto tag = is_page ? message.peek<messages::page>().tag : message.peek<messages::log_end>().tag;
    if (tag == no_subscription && outbox_) {
      outbox_->taken = outbox_->asked;
      ask_what_was_taken();
    }
    for (auto* s = subscriptions_; s; s = s->next_) {
      if (s->number_ != tag) continue;
      if (is_page)
        s->on_page(message.peek<messages::page>());
      else
        s->on_log_end(message.peek<messages::log_end>().position);
      look_again();
      break;
    }
    return true;
  }
  if (message.is<agent_messages::go_on>()) {
    look_again();
    return true;
  }
  if (message.is<messages::report>()) return true;  // of what was posted, or is no longer awaited
  if (kept() >= limits::agent_kept_messages) return false;
  if (kept_begin_ > kept_.size() / 2) {
    kept_.erase(kept_.begin(), kept_.begin() + kept_begin_);
    kept_begin_ = 0;
  }
  auto answer = message.answer();
  kept_.push_back({view.move_content_to_message(), std::move(answer)});
  return true;
}

void agent::clear() noexcept {
  for (auto& one : std::exchange(kept_, {}))
    if (one.answer.pending()) one.answer.deliver(caf_error_of({errc::not_running, "the agent has ended"}));
  outbox_.reset();
}

}  // namespace quicsync
