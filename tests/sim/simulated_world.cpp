#include <algorithm>
#include <numeric>
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
constexpr std::uint64_t fnv_prime = 0x100000001b3;

address address_of(std::size_t place) {
  return address::parse("10.0." + std::to_string(place / 250) + "." + std::to_string(place % 250 + 1) + ":4433")
      .value();
}

}  // namespace

simulated_world::simulated_world(std::uint64_t seed)
    : seed_(seed), random_(seed * 0x9e3779b97f4a7c15 + 1), network_(seed) {
  network_.on_sent = [this](const address& from, const address& to, bytes_view datagram) {
    mix(static_cast<std::uint64_t>((now() - time_point{}).count()));
    mix(from.hash());
    mix(to.hash());
    mix(datagram.size());
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
    clocks_ahead_ms_.push_back(0);
  }
  if (nodes_[place] != nullptr) throw std::logic_error("a node named " + name + " is there already");
  nodes_[place].reset(new simulated_node(*this, name, address_of(place), static_cast<int>(place) + 1, random_.next()));
  nodes_[place]->ahead_ms_ = &clocks_ahead_ms_[place];
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

std::size_t simulated_world::place_of(const std::string& name) const {
  const auto known = std::find(names_.begin(), names_.end(), name);
  if (known == names_.end()) throw std::logic_error("no node named " + name);
  return static_cast<std::size_t>(known - names_.begin());
}

void simulated_world::pause(const std::string& name) {
  note(name + " is paused");
  node(name).paused_ = true;
}

void simulated_world::resume(const std::string& name) {
  note(name + " goes on");
  node(name).paused_ = false;
}

// -- time ---------------------------------------------------------------------------------------------------------

std::int64_t simulated_world::wall_clock_ms() const {
  using namespace std::chrono;
  return first_unix_ms + duration_cast<milliseconds>(now() - time_point{}).count();
}

void simulated_world::set_clock(const std::string& name, std::chrono::milliseconds ahead) {
  clocks_ahead_ms_[place_of(name)] = ahead.count();
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
    if (each != nullptr && !each->paused_) next = std::min(next, each->next_event());
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
  std::vector<std::size_t> of_node(nodes_.size());
  auto count = [this](const std::unique_ptr<simulated_node>& each) {
    return each == nullptr || each->paused_ ? 0 : each->choices();
  };
  std::transform(nodes_.begin(), nodes_.end(), of_node.begin(), count);
  for (std::size_t steps = 0; steps < steps_at_one_moment; ++steps) {
    const auto choices = std::accumulate(of_node.begin(), of_node.end(), std::size_t{0});
    if (choices == 0) return;
    auto choice = random_.below(choices);
    const auto messages = 1 + random_.below(messages_per_step_max);
    std::size_t at = 0;
    for (; choice >= of_node[at]; ++at) choice -= of_node[at];
    nodes_[at]->step(choice, messages);
    // What a node does reaches others through the network only, and so later.
    of_node[at] = count(nodes_[at]);
    if (done == nullptr) continue;
    if ((*done)()) return;
    // It may have let the world go on by itself.
    std::transform(nodes_.begin(), nodes_.end(), of_node.begin(), count);
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

void simulated_world::remark(const std::string& line) {
  trace_.push_back(std::to_string((now() - time_point{}).count()) + "   " + line);
}

void simulated_world::mix(std::string_view text) noexcept {
  for (const auto c : text) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * fnv_prime;
}

void simulated_world::mix(std::uint64_t number) noexcept {
  for (int byte = 0; byte < 8; ++byte, number >>= 8) hash_ = (hash_ ^ (number & 0xff)) * fnv_prime;
}

}  // namespace quicsync::sim
