#include <algorithm>

#include <fmt/format.h>
#include <tests/sim/fault_run.hpp>

namespace quicsync::sim {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr auto connecting = 2s;
constexpr auto looks_every = 500ms;
constexpr std::int64_t day_ms = 86'400'000;

}  // namespace

fault_run::fault_run(simulated_world& world)
    : world_(world), plan_(fault_plan::draw(world.seed())), random_(world.seed() * 0xd1342543de82ef95 + 5) {
  listener_.changed = [this](observed_node& at, const change_set& set, const change& c) { check_change(at, set, c); };
  listener_.reported = [this](observed_node& at, std::uint64_t number, const sync_report& report) {
    check_report(at, number, report);
  };
  for (const auto& line : plan_.describe()) world_.note(line);
  calm_.delay = milliseconds(1 + random_.below(30));
  calm_.jitter = milliseconds(random_.below(5));
  for (std::size_t i = 0; i < plan_.nodes.size(); ++i)
    nodes_.push_back(std::make_unique<observed_node>(world_, plan_.nodes[i], plan_.with_store[i], listener_));
}

fault_run::~fault_run() {
  for (auto& each : nodes_)
    if (each->is_up()) each->crash();
}

observed_node* fault_run::find(const std::string& name) {
  const auto found = std::find_if(nodes_.begin(), nodes_.end(), [&](const auto& each) { return each->name() == name; });
  return found == nodes_.end() ? nullptr : found->get();
}

fault_run::outcome fault_run::run(until when) {
  until_ = when;
  set_conditions();
  for (auto& each : nodes_) each->start();
  world_.advance(connecting);
  began_ = world_.now();

  std::multimap<milliseconds, std::pair<const fault*, bool>> steps;
  for (const auto& f : plan_.faults) {
    steps.emplace(f.begins, std::pair(&f, true));
    steps.emplace(f.ends, std::pair(&f, false));
  }
  for (const auto& [time, step] : steps) {
    work_until(time);
    if (step.second)
      begin(*step.first);
    else
      end(*step.first);
  }
  work_until(fault_plan::work);
  if (!has_seen_enough()) look_at_the_end();
  outcome_.patterns = written_.size();
  outcome_.virtual_time = world_.now() - began_;
  outcome_.trace_hash = world_.trace_hash();
  return outcome_;
}

void fault_run::work_until(milliseconds time) {
  const auto end = began_ + time;
  while (world_.now() < end && !has_seen_enough()) {
    const milliseconds wait(random_.below(600));
    world_.advance(std::min<std::chrono::nanoseconds>(wait, end - world_.now()));
    if (world_.now() < end) share_something();
  }
}

void fault_run::look_at_the_end() {
  const auto healed = world_.now();
  auto missing = difference();
  while (!missing.empty() && world_.now() - healed < healed_within) {
    world_.advance(looks_every);
    missing = difference();
  }
  outcome_.equal_after = world_.now() - healed;
  if (!missing.empty()) violated(fmt::format("not equal after {} s: {}", healed_within.count(), missing));
  check_at_the_end();
}

// -- faults ---------------------------------------------------------------------------------------------------------

void fault_run::begin(const fault& f) {
  world_.note("begins: " + f.to_string());
  active_.push_back(&f);
  auto& node = *nodes_[f.node];
  const auto host = fmt::format("10.0.0.{}", f.node + 1), other = fmt::format("10.0.0.{}", f.other + 1);
  switch (f.what) {
    case fault_kind::partition:
      world_.network().cut(other, host);
      [[fallthrough]];
    case fault_kind::one_way:
      world_.network().cut(host, other);
      break;
    case fault_kind::restart:
    case fault_kind::new_disk:
      if (node.is_up()) node.crash();
      if (f.what == fault_kind::new_disk) node.lose_disk();
      std::erase_if(waiting_, [&](const auto& share) { return share.second.by == f.node; });
      break;
    case fault_kind::pause:
      if (node.is_up()) world_.pause(node.name());
      break;
    case fault_kind::clock_step:
      world_.set_clock(node.name(), milliseconds(static_cast<std::int64_t>(f.amount * day_ms)));
      break;
    case fault_kind::rebinding:
      if (node.is_up())
        world_.rebind(node.name(), address::parse(fmt::format("10.9.0.{}:{}", f.node + 1, ++next_port_)).value());
      break;
    default:
      set_conditions();
  }
}

void fault_run::end(const fault& f) {
  world_.note("ends: " + f.to_string());
  std::erase(active_, &f);
  auto& node = *nodes_[f.node];
  const auto host = fmt::format("10.0.0.{}", f.node + 1), other = fmt::format("10.0.0.{}", f.other + 1);
  const auto own = address::parse(host + ":4433").value();
  const bool goes_on_otherwise = std::any_of(
      active_.begin(), active_.end(), [&](const fault* each) { return each->what == f.what && each->node == f.node; });
  switch (f.what) {
    case fault_kind::partition:
      world_.network().mend(other, host);
      [[fallthrough]];
    case fault_kind::one_way:
      world_.network().mend(host, other);
      break;
    case fault_kind::restart:
    case fault_kind::new_disk:
      if (!node.is_up() && !goes_on_otherwise) node.start();
      break;
    case fault_kind::pause:
      if (node.is_up() && !goes_on_otherwise) world_.resume(node.name());
      break;
    case fault_kind::clock_step:
      world_.set_clock(node.name(), 0ms);
      break;
    case fault_kind::rebinding:
      world_.network().rebind(own, own);
      break;
    default:
      set_conditions();
  }
}

void fault_run::set_conditions() {
  auto conditions = calm_;
  for (const auto* f : active_) switch (f->what) {
      case fault_kind::loss:
        conditions.loss = std::max(conditions.loss, f->amount);
        break;
      case fault_kind::bursts:
        conditions.loss = std::max(conditions.loss, 0.02);
        conditions.loss_after_loss = f->amount;
        conditions.losses_in_a_row_max = 20;
        break;
      case fault_kind::duplication:
        conditions.duplication = f->amount;
        break;
      case fault_kind::reordering:
        conditions.reordering = f->amount;
        break;
      case fault_kind::corruption:
        conditions.corruption = f->amount;
        break;
      case fault_kind::narrow:
        conditions.bytes_per_second = static_cast<std::uint64_t>(f->amount);
        break;
      default:
        break;
    }
  world_.network().conditions = conditions;
}

}  // namespace quicsync::sim
