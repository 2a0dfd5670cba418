#include <algorithm>

#include <quicsync/transport/actor_registry.hpp>

namespace quicsync {

namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

// One message in so many is timed where there are too many to time all, and one in so many says who sent it.
constexpr std::uint32_t timed_one_in = 64;
constexpr std::uint32_t sender_noted_one_in = 32;
// So many senders are noted exactly, for actors that hear little.
constexpr std::uint64_t senders_noted_exactly = 32;

}  // namespace

// -- the actor's side ---------------------------------------------------------------------------------------------

void actor_record::note_time() {
  const auto took = static_cast<std::uint64_t>(nanoseconds(steady_clock::now() - begun_).count());
  add(busy_ns_, took * time_weight_);
  if (took > longest_ns_.load(std::memory_order_relaxed)) longest_ns_.store(took, std::memory_order_relaxed);
  const auto left = timed_exactly_.load(std::memory_order_relaxed);
  if (left > 0) timed_exactly_.store(left - 1, std::memory_order_relaxed);
  until_timed_ = time_weight_ = left > 0 ? 1 : timed_one_in;
}

// The distance between two that are noted varies, so that no rhythm of messages hides a sender.
void actor_record::note_sender(std::uint64_t sender) {
  auto* noted = senders_.load(std::memory_order_relaxed);
  if (!noted) senders_.store(noted = new senders, std::memory_order_release);
  const std::lock_guard lock(noted->mutex);
  auto by_id = [](const actor_neighbour& n, std::uint64_t id) { return n.from < id; };
  auto at = std::lower_bound(noted->known.begin(), noted->known.end(), sender, by_id);
  if (at == noted->known.end() || at->from != sender) {
    if (noted->known.size() >= limits::inspected_neighbours) {
      // Those that have said little are forgotten, and what was said long ago weighs less.
      for (auto& known : noted->known) known.messages /= 2;
      std::erase_if(noted->known, [](const auto& known) { return known.messages < sender_noted_one_in; });
      if (noted->known.size() >= limits::inspected_neighbours) sender = 0;
      at = std::lower_bound(noted->known.begin(), noted->known.end(), sender, by_id);
    }
    if (at == noted->known.end() || at->from != sender) at = noted->known.insert(at, {sender, 0});
  }
  at->messages += sender_weight_;
  if (handled_.load(std::memory_order_relaxed) < senders_noted_exactly) {
    until_sender_noted_ = sender_weight_ = 1;
    return;
  }
  stride_ = stride_ * 1664525u + 1013904223u;
  until_sender_noted_ = 1 + (stride_ >> 16) % (2 * sender_noted_one_in - 1);
  sender_weight_ = sender_noted_one_in;
}

// -- the registry -------------------------------------------------------------------------------------------------

void actor_registry::join(actor_record& who, const char* kind, const char* name) {
  who.kind_ = kind;
  who.name_ = name;
  who.born_ = who.sampled_.moved = who.sampled_.waited = steady_clock::now();
  auto& in = part_of(who);
  const std::lock_guard lock(in.mutex);
  who.listed_ = true;
  who.next_ = in.first;
  if (in.first) in.first->previous_ = &who;
  in.first = &who;
  size_.fetch_add(1, std::memory_order_relaxed);
}

void actor_registry::leave(actor_record& who, std::string failure) {
  auto& in = part_of(who);
  const std::lock_guard lock(in.mutex);
  if (!who.listed_) return;
  who.listed_ = false;
  (who.previous_ ? who.previous_->next_ : in.first) = who.next_;
  if (who.next_) who.next_->previous_ = who.previous_;
  size_.fetch_sub(1, std::memory_order_relaxed);
  in.messages_of_gone += who.handled_.load(std::memory_order_relaxed);
  if (who.story_ && who.story_->failed) failure = who.story_->last_error;  // in its own words
  if (failure.empty()) return;
  const bool named = who.story_ && !who.story_->name.empty();
  in.gone.push_back({who.id_, who.parent_, who.handled_.load(std::memory_order_relaxed),
                     who.busy_ns_.load(std::memory_order_relaxed), who.longest_ns_.load(std::memory_order_relaxed),
                     named ? who.story_->name : who.name_, who.kind_, std::move(failure),
                     who.story_ ? who.story_->restarts : 0, who.on_loop_, who.born_});
  if (in.gone.size() > limits::actors_remembered / part_count) in.gone.pop_front();
}

actor_record::story& actor_registry::story_of(actor_record& who) {
  if (!who.story_) who.story_ = std::make_unique<actor_record::story>();
  return *who.story_;
}

void actor_registry::rename(actor_record& who, std::string name) {
  const std::lock_guard lock(part_of(who).mutex);
  story_of(who).name = std::move(name);
}

void actor_registry::note_failure(actor_record& who, std::string why, bool restarts) {
  const std::lock_guard lock(part_of(who).mutex);
  auto& story = story_of(who);
  story.last_error = std::move(why);
  story.restarting = restarts;
  story.failed = !restarts;
}

void actor_registry::note_restart(actor_record& who) {
  const std::lock_guard lock(part_of(who).mutex);
  auto& story = story_of(who);
  story.restarting = false;
  ++story.restarts;
}

void actor_registry::note_error(actor_record& who, std::string what) {
  const std::lock_guard lock(part_of(who).mutex);
  story_of(who).last_error = std::move(what);
}

void actor_registry::sample(time_point now) {
  const auto took = std::chrono::duration<double>(now - std::exchange(last_sample_, now)).count();
  if (took <= 0) return;
  for (auto& in : parts_) {
    const std::lock_guard lock(in.mutex);
    for (auto* r = in.first; r; r = r->next_) {
      auto& last = r->sampled_;
      const auto handled = r->handled_.load(std::memory_order_relaxed);
      const auto worked = r->worked_.load(std::memory_order_relaxed);
      const auto busy = r->busy_ns_.load(std::memory_order_relaxed);
      const auto waits = r->waits_.load(std::memory_order_relaxed);
      const bool idle = !r->running_.load(std::memory_order_relaxed) && view_of(*r, now).depth == 0;
      if (idle || handled != last.handled || worked != last.worked) last.moved = now;
      if (waits != last.waits) last.waited = now;
      last.rate = static_cast<float>(static_cast<double>(handled - last.handled) / took);
      last.busy_share = std::min(1.f, static_cast<float>(static_cast<double>(busy - last.busy_ns) / (took * 1e9)));
      last.handled = handled;
      last.worked = worked;
      last.busy_ns = busy;
      last.waits = waits;
      r->timed_exactly_.store(limits::timed_messages_per_second, std::memory_order_relaxed);
    }
  }
}

actor_sight actor_registry::view_of(const actor_record& who, time_point now) {
  actor_sight out;
  out.id = who.id_;
  out.parent = who.parent_;
  out.kind = who.kind_;
  out.name = who.name_;
  out.on_loop = who.on_loop_;
  out.age = now - who.born_;
  out.messages = who.handled_.load(std::memory_order_relaxed);
  out.busy = nanoseconds(who.busy_ns_.load(std::memory_order_relaxed));
  out.longest = nanoseconds(who.longest_ns_.load(std::memory_order_relaxed));
  out.rate = static_cast<double>(who.sampled_.rate);
  out.busy_share = static_cast<double>(who.sampled_.busy_share);
  out.waits_for = who.waits_for_.load(std::memory_order_relaxed);
  const auto enqueued =
      who.enqueued_.load(std::memory_order_relaxed) + who.enqueued_near_.load(std::memory_order_relaxed);
  const auto kept = who.kept_.load(std::memory_order_relaxed);
  const auto in_mailbox = enqueued > out.messages ? enqueued - out.messages : 0;
  out.depth = in_mailbox + kept;
  const auto unchanged = now - who.sampled_.moved;
  const bool long_since = unchanged > limits::stuck_after;
  out.unchanged = unchanged;
  if (who.running_.load(std::memory_order_relaxed)) {
    out.state = long_since ? actor_state::stuck : actor_state::running;
    if (long_since) out.running = unchanged;
  } else if (in_mailbox != 0) {
    out.state = long_since ? actor_state::starved : actor_state::queued;
  } else if (kept != 0 && now - who.sampled_.waited > limits::stuck_after) {
    out.state = actor_state::stuck;
    out.unchanged = now - who.sampled_.waited;
  } else if (out.waits_for != nullptr) {
    out.state = actor_state::waiting;
  }
  if (!who.story_) return out;
  if (!who.story_->name.empty()) out.name = who.story_->name;
  out.last_error = who.story_->last_error;
  out.restarts = who.story_->restarts;
  if (who.story_->restarting) out.state = actor_state::restarting;
  return out;
}

actor_sight actor_registry::view_of(const gone_actor& who, time_point now) {
  actor_sight out;
  out.id = who.id;
  out.parent = who.parent;
  out.name = who.name;
  out.kind = who.kind;
  out.last_error = who.last_error;
  out.on_loop = who.on_loop;
  out.state = actor_state::failed;
  out.messages = who.messages;
  out.busy = nanoseconds(who.busy_ns);
  out.longest = nanoseconds(who.longest_ns);
  out.restarts = who.restarts;
  out.age = now - who.born;
  return out;
}

void actor_registry::copy_senders(const actor_record& of, std::vector<actor_neighbour>& to) {
  to.clear();
  auto* noted = of.senders_.load(std::memory_order_acquire);
  if (!noted) return;
  const std::lock_guard lock(noted->mutex);
  to = noted->known;
}

std::uint64_t actor_registry::messages() const {
  std::uint64_t sum = 0;
  for (const auto& in : parts_) {
    const std::lock_guard lock(in.mutex);
    sum += in.messages_of_gone;
    for (const auto* r = in.first; r; r = r->next_) sum += r->handled_.load(std::memory_order_relaxed);
  }
  return sum;
}

const char* to_string(actor_state what) noexcept {
  switch (what) {
    case actor_state::idle:
      return "idle";
    case actor_state::waiting:
      return "waiting";
    case actor_state::queued:
      return "queued";
    case actor_state::running:
      return "running";
    case actor_state::starved:
      return "starved";
    case actor_state::stuck:
      return "stuck";
    case actor_state::restarting:
      return "restarting";
    case actor_state::failed:
      break;
  }
  return "failed";
}

actor_registry* registry_of(caf::actor_system& system) noexcept {
  const auto* config = dynamic_cast<const inspected_system_config*>(&system.config());
  return config ? &config->registry : nullptr;
}

}  // namespace quicsync
