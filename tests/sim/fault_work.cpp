// What the agents of a fault run do: new versions, two writers of one version, old versions, deletions, patterns that
// expire, for all or for some, with and without checksums.
#include <algorithm>

#include <fmt/format.h>
#include <tests/sim/fault_run.hpp>

#include <quicsync/codec/checksum.hpp>

namespace quicsync::sim {

namespace {

constexpr std::uint64_t ids = 150;
constexpr std::uint64_t patterns_a_share = 9;
constexpr const char* types[] = {"test_execution", "test_generation", "coverage_gap", "security_finding"};

}  // namespace

pattern fault_run::new_version(const std::string& by, std::int64_t now_ms) {
  pattern p;
  p.id = fmt::format("pattern-{}", random_.below(ids));
  p.agent_id = by;
  p.type = types[random_.below(std::size(types))];
  p.metadata.source = by;
  p.metadata.tags = {random_.chance(0.3) ? "nightly" : "commit"};
  if (random_.chance(0.7)) p.metadata.priority = 1 + static_cast<int>(random_.below(10));
  p.timestamp = now_ms;
  p.data = fmt::format(R"({{"n":{},"text":"{}"}})", random_.below(1'000'000),
                       std::string(random_.below(random_.chance(0.02) ? 20'000 : 200), 'x'));
  auto& newest = versions_[p.id];
  const auto what = random_.below(100);
  if (what < 12 && newest > 0) {
    p.version = newest;  // somebody else wrote that one, too
  } else if (what < 20 && newest > 1) {
    p.version = 1 + random_.below(newest);
  } else {
    p.version = ++newest;
  }
  if (what >= 20 && what < 30) {
    p.deleted = true;
    p.data = "null";
  } else if (what >= 30 && what < 40) {
    p.metadata.expires_at = now_ms + 500 + static_cast<std::int64_t>(random_.below(30'000));
  }
  if (!p.deleted && random_.chance(0.1)) p.metadata.checksum = checksum_of(p.data, checksum_method::crc32c);
  return p;
}

delivery_wish fault_run::draw_audience(std::size_t by) {
  delivery_wish wish;
  wish.level = random_.chance(0.5) ? ack_level::stored : ack_level::applied;
  if (!random_.chance(0.2)) return wish;
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (i != by && random_.chance(0.4)) wish.only_to.push_back(nodes_[i]->name());
  wish.pass_on = random_.chance(0.5);
  return wish;
}

void fault_run::share_something() {
  const auto by = random_.below(nodes_.size());
  auto& node = *nodes_[by];
  const bool paused = std::any_of(active_.begin(), active_.end(),
                                  [&](const fault* f) { return f->what == fault_kind::pause && f->node == by; });
  if (!node.is_up() || paused) return;
  const auto now_ms = world_.node(node.name()).wall_clock_ms()();
  if (random_.chance(0.05) && !some_.empty()) {  // everybody may have it now
    const auto& [whose, p] = some_[random_.below(some_.size())];
    if (nodes_[whose]->is_up()) return share(whose, {p}, {});
  }
  if (random_.chance(0.02)) {
    auto p = new_version(node.name(), now_ms);
    if (p.deleted) return;
    p.metadata.checksum = "crc32c:00000000";
    return share(by, {p}, {}, true);
  }
  std::vector<pattern> patterns;
  for (auto left = 1 + random_.below(patterns_a_share); left > 0; --left)
    patterns.push_back(new_version(node.name(), now_ms));
  auto wish = draw_audience(by);
  if (!wish.only_to.empty()) some_.emplace_back(by, patterns.front());
  share(by, patterns, std::move(wish));
}

void fault_run::share(std::size_t by, const std::vector<pattern>& patterns, delivery_wish wish, bool corrupt) {
  auto& node = *nodes_[by];
  auto records = node.records_of(patterns);
  for (std::size_t i = 0; i < records->size(); ++i) written_.note(*records, i, node.name(), wish.only_to, corrupt);
  const auto number = ++last_share_;
  auto& waiting = waiting_[number];
  waiting.records = records;
  waiting.by = by;
  for (const auto& each : nodes_) {
    waiting.incarnations.emplace(each->name(), each->incarnation());
    waiting.disks.emplace(each->name(), each->disk());
  }
  world_.note(fmt::format("{} shares {}: {}{}@{}{}{}", node.name(), number,
                          patterns.front().deleted ? "deletion of " : "", patterns.front().id, patterns.front().version,
                          patterns.size() > 1 ? fmt::format(" and {} more", patterns.size() - 1) : "",
                          wish.only_to.empty() ? "" : fmt::format(" to {}", fmt::join(wish.only_to, ", "))));
  if (trace_is_wanted())
    for (std::size_t i = 0; i < records->size(); ++i)
      world_.remark(fmt::format("share {}: {}", number, say(std::string(records->id(i)), kept_order::of(*records, i))));
  node.share(number, std::move(records), std::move(wish));
}

}  // namespace quicsync::sim
