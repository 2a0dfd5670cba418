#include <algorithm>

#include <fmt/format.h>
#include <tests/sim/fault_plan.hpp>

namespace quicsync::sim {

namespace {

using std::chrono::milliseconds;
using tests::seeded_random;

constexpr std::size_t nodes_at_least = 3, nodes_at_most = 7;
constexpr std::size_t faults_at_least = 3, faults_at_most = 8;
constexpr std::size_t kinds = static_cast<std::size_t>(fault_kind::rebinding) + 1;
constexpr milliseconds longest_fault{20'000};

const char* name_of(fault_kind what) {
  static constexpr const char* names[kinds] = {"loss",   "bursts",     "duplication", "reordering", "corruption",
                                               "narrow", "partition",  "one way",     "restart",    "new disk",
                                               "pause",  "clock step", "rebinding"};
  return names[static_cast<std::size_t>(what)];
}

bool is_of_node(fault_kind what) { return what >= fault_kind::partition; }

double between(seeded_random& random, double low, double high) {
  return low + (high - low) * static_cast<double>(random.below(1001)) / 1000;
}

double amount_of(fault_kind what, seeded_random& random) {
  switch (what) {
    case fault_kind::loss:
      return between(random, 0.02, 0.3);
    case fault_kind::bursts:
      return between(random, 0.3, 0.8);
    case fault_kind::duplication:
      return between(random, 0.05, 0.5);
    case fault_kind::reordering:
      return between(random, 0.05, 0.5);
    case fault_kind::corruption:
      return between(random, 0.01, 0.1);
    case fault_kind::narrow:
      return between(random, 20'000, 200'000);
    case fault_kind::clock_step:
      return between(random, -10, 10);
    default:
      return 0;
  }
}

void draw_rules(node_config& node, seeded_random& random, std::size_t count) {
  static constexpr const char* filters[] = {"type=test_*", "!tag=nightly", "priority>=5", "type=coverage_gap"};
  if (random.chance(0.15)) node.filter = filters[random.below(std::size(filters))];
  if (random.chance(0.12)) node.rules.read = std::vector<access_rules::read_rule>{{"*", "type=test_*"}};
  if (random.chance(0.05)) {
    std::vector<std::string> agents;
    for (std::size_t i = 0; i < count; ++i)
      if (random.chance(0.6)) agents.push_back(name_of_node(i));
    node.rules.write = std::vector<access_rules::write_rule>{{"*", std::move(agents)}};
  }
  if (random.chance(0.06)) node.cache_entries = 40 + random.below(60);
  if (random.chance(0.1)) node.limits.out.patterns_per_second = 20 + random.below(100);
  if (random.chance(0.05)) node.limits.in.patterns_per_second = 20 + random.below(100);
}

}  // namespace

std::string name_of_node(std::size_t place) { return std::string(1, static_cast<char>('a' + place)); }

std::string fault::to_string() const {
  auto text = fmt::format("{:6.1f} s to {:6.1f} s: {}", static_cast<double>(begins.count()) / 1000,
                          static_cast<double>(ends.count()) / 1000, name_of(what));
  if (is_of_node(what)) text += " " + name_of_node(node);
  if (what == fault_kind::partition || what == fault_kind::one_way) text += " " + name_of_node(other);
  if (amount != 0) text += fmt::format(" {:g}", amount);
  return text;
}

fault_plan fault_plan::draw(std::uint64_t seed) {
  seeded_random random(seed * 0x2545f4914f6cdd1d + 11);
  fault_plan plan;
  const auto count = nodes_at_least + random.below(nodes_at_most - nodes_at_least + 1);
  for (std::size_t i = 0; i < count; ++i) {
    node_config node;
    node.id = name_of_node(i);
    draw_rules(node, random, count);
    plan.with_store.push_back(random.chance(0.4));
    plan.nodes.push_back(std::move(node));
  }
  // A tree, so that there is a way between any two, and some more.
  auto add_link = [&](std::size_t one, std::size_t other) {
    const bool known = std::any_of(plan.links.begin(), plan.links.end(),
                                   [&](const link& l) { return std::minmax(l.from, l.to) == std::minmax(one, other); });
    if (known || one == other) return;
    if (random.chance(0.5)) std::swap(one, other);
    plan.links.push_back({one, other, random.chance(0.2)});
  };
  for (std::size_t i = 1; i < count; ++i) add_link(i, random.below(i));
  for (auto more = random.below(count); more > 0; --more) add_link(random.below(count), random.below(count));
  for (const auto& l : plan.links) {
    auto dial = [&](std::size_t from, std::size_t to) {
      peer_config peer;
      peer.id = name_of_node(to);
      peer.address = fmt::format("10.0.0.{}", to + 1);
      plan.nodes[from].peers.push_back(std::move(peer));
    };
    dial(l.from, l.to);
    if (l.both_dial) dial(l.to, l.from);
  }
  for (auto left = faults_at_least + random.below(faults_at_most - faults_at_least + 1); left > 0; --left) {
    fault f;
    f.what = static_cast<fault_kind>(random.below(kinds));
    f.begins = milliseconds(random.below(static_cast<std::uint64_t>(milliseconds(work).count()) - 2000));
    f.ends = std::min(f.begins + milliseconds(500 + random.below(static_cast<std::uint64_t>(longest_fault.count()))),
                      milliseconds(work));
    const auto& cut = plan.links[random.below(plan.links.size())];
    f.node = is_of_node(f.what) ? cut.from : 0;
    f.other = cut.to;
    if (random.chance(0.5)) std::swap(f.node, f.other);
    f.amount = amount_of(f.what, random);
    plan.faults.push_back(f);
  }
  std::stable_sort(plan.faults.begin(), plan.faults.end(),
                   [](const fault& x, const fault& y) { return x.begins < y.begins; });
  return plan;
}

bool fault_plan::steps_clocks() const {
  return std::any_of(faults.begin(), faults.end(), [](const fault& f) { return f.what == fault_kind::clock_step; });
}

bool fault_plan::steps_beyond_horizon(const std::string& node) const {
  using days = std::chrono::duration<double, std::chrono::days::period>;
  return std::any_of(faults.begin(), faults.end(), [&](const fault& f) {
    return f.what == fault_kind::clock_step && nodes[f.node].id == node &&
           days(f.amount) > nodes[f.node].tombstone_horizon;
  });
}

std::vector<std::string> fault_plan::describe() const {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const auto& node = nodes[i];
    auto line = fmt::format("node {}:{}", node.id, with_store[i] ? " has a store," : "");
    for (const auto& peer : node.peers) line += fmt::format(" dials {}", peer.id);
    if (!node.filter.empty()) line += fmt::format(", wants {}", node.filter);
    if (node.rules.read) line += fmt::format(", lets read {}", node.rules.read->front().filter);
    if (node.rules.write) line += fmt::format(", lets write {}", fmt::join(node.rules.write->front().agents, " "));
    if (node.cache_entries) line += fmt::format(", holds {}", *node.cache_entries);
    if (!node.limits.out.unlimited()) line += fmt::format(", sends {}/s", node.limits.out.patterns_per_second);
    if (!node.limits.in.unlimited()) line += fmt::format(", takes {}/s", node.limits.in.patterns_per_second);
    lines.push_back(std::move(line));
  }
  for (const auto& f : faults) lines.push_back("fault " + f.to_string());
  return lines;
}

}  // namespace quicsync::sim
