#include <algorithm>
#include <stdexcept>

#include <tests/sim/simulated_world.hpp>

namespace quicsync::sim {

namespace {

using std::chrono::nanoseconds;

// 2030-01-01: certificates made today are not asked, records are just some time apart.
constexpr std::int64_t first_unix_ms = 1'893'456'000'000;
// More steps than any sensible exchange takes at one moment: actors that feed each other without end.
constexpr std::size_t steps_at_one_moment = 10'000'000;
constexpr std::size_t messages_per_step_max = 8;

address address_of(std::size_t place) {
  return address::parse("10.0." + std::to_string(place / 250) + "." + std::to_string(place % 250 + 1) + ":4433")
      .value();
}

}  // namespace

simulated_world::simulated_world(std::uint64_t seed)
    : seed_(seed), random_(seed * 0x9e3779b97f4a7c15 + 1), network_(seed) {
  network_.on_sent = [this](const address& from, const address& to, bytes_view datagram) {
    mix(std::to_string((now() - time_point{}).count()) + from.to_string() + to.to_string() +
        std::to_string(datagram.size()));
  };
}

simulated_world::~simulated_world() {
  for (auto& each : nodes_) each.reset();
}

// -- nodes --------------------------------------------------------------------------------------------------------

simulated_node& simulated_world::add(const std::string& name) {
  const auto known = std::find(names_.begin(), names_.end(), name);
  const auto place = static_cast<std::size_t>(known - names_.begin());
  if (known == names_.end()) {
    names_.push_back(name);
    nodes_.emplace_back();
  }
  if (nodes_[place] != nullptr) throw std::logic_error("a node named " + name + " is there already");
  nodes_[place].reset(new simulated_node(*this, name, address_of(place), static_cast<int>(place) + 1, random_.next()));
  return *nodes_[place];
}

simulated_node& simulated_world::node(const std::string& name) {
  for (auto& each : nodes_)
    if (each != nullptr && each->name() == name) return *each;
  throw std::logic_error("no node named " + name);
}

void simulated_world::crash(const std::string& name) {
  for (auto& each : nodes_) {
    if (each == nullptr || each->name() != name) continue;
    note(name + " crashes");
    network_.detach(each->at());  // first: its actors' last words must not be heard
    each.reset();
  }
}

// -- time ---------------------------------------------------------------------------------------------------------

std::int64_t simulated_world::wall_clock_ms() const {
  using namespace std::chrono;
  return first_unix_ms + duration_cast<milliseconds>(now() - time_point{}).count();
}

void simulated_world::advance(nanoseconds time) {
  const auto end = now() + time;
  settle(nullptr);
  for (auto next = next_event(); next <= end; next = next_event()) {
    advance_to(next);
    settle(nullptr);
  }
  advance_to(end);
}

bool simulated_world::run_until(const std::function<bool()>& done, nanoseconds patience) {
  const auto end = now() + patience;
  for (;;) {
    settle(&done);
    if (done()) return true;
    const auto next = next_event();
    if (next > end) {
      advance_to(end);
      return false;
    }
    advance_to(next);
  }
}

time_point simulated_world::next_event() const {
  auto next = network_.next_arrival();
  for (const auto& each : nodes_)
    if (each != nullptr) next = std::min(next, each->next_event());
  return next;
}

void simulated_world::advance_to(time_point when) {
  const auto passed = std::max(when - now(), nanoseconds::zero());
  network_.advance_to(when);
  for (auto& each : nodes_)
    if (each != nullptr) each->advance(passed);
}

// Until nothing more can happen at this moment. Everything that could is one choice among all nodes; the seed chooses.
void simulated_world::settle(const std::function<bool()>* done) {
  for (std::size_t steps = 0; steps < steps_at_one_moment; ++steps) {
    std::size_t choices = 0;
    for (const auto& each : nodes_)
      if (each != nullptr) choices += each->choices();
    if (choices == 0) return;
    auto choice = random_.below(choices);
    const auto messages = 1 + random_.below(messages_per_step_max);
    for (auto& each : nodes_) {
      if (each == nullptr) continue;
      const auto here = each->choices();
      if (choice < here) {
        each->step(choice, messages);
        break;
      }
      choice -= here;
    }
    if (done != nullptr && (*done)()) return;
  }
  throw std::runtime_error("the simulation does not come to rest, seed " + std::to_string(seed_));
}

// -- network ------------------------------------------------------------------------------------------------------

void simulated_world::cut(const std::string& one, const std::string& other) {
  cut_one_way(one, other);
  cut_one_way(other, one);
}

void simulated_world::cut_one_way(const std::string& from, const std::string& to) {
  network_.cut(node(from).at().host(), node(to).at().host());
}

void simulated_world::mend(const std::string& one, const std::string& other) {
  network_.mend(node(one).at().host(), node(other).at().host());
  network_.mend(node(other).at().host(), node(one).at().host());
}

void simulated_world::rebind(const std::string& name, const address& outer) { network_.rebind(node(name).at(), outer); }

bool simulated_world::somebody_at(const address& where) const {
  const auto inner = network_.inner_of(where);
  return std::any_of(nodes_.begin(), nodes_.end(),
                     [&](const auto& each) { return each != nullptr && each->listening_ && each->at() == inner; });
}

// -- trace --------------------------------------------------------------------------------------------------------

void simulated_world::note(const std::string& line) {
  trace_.push_back(std::to_string((now() - time_point{}).count()) + " " + line);
  mix(trace_.back());
}

void simulated_world::mix(std::string_view text) noexcept {
  for (const auto c : text) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
}

}  // namespace quicsync::sim
