#include "demo_fleet.hpp"

#include <algorithm>

#include <fmt/format.h>

#include <quicsync/actors/agent/agent.hpp>
#include <quicsync/codec/limits.hpp>

namespace quicsync::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto patience = 20s;     ///< for what the one before shares
constexpr std::size_t steps = 60;  ///< of a generator that takes its time
constexpr std::array modules{"cart", "checkout", "login", "payment"};

/// The same work is numbered the same all the way: "test-generator-17", "test-executor-17", ...
std::size_t number_of(const pattern& p) { return std::stoul(p.id.substr(p.id.rfind('-') + 1)); }

std::size_t coverage_of(std::size_t number) { return 60 + number * 37 % 40; }  // a stand-in for a measurement
bool fails(std::size_t number) { return number % 41 == 7; }                    // and another one

pattern written_by(const agent& self, std::size_t number, const char* type, std::string data) {
  auto made = self.new_pattern(fmt::format("{}-{}", self.name(), number), type, std::move(data));
  made.metadata.tags = {"demo", modules[number % modules.size()]};
  return made;
}

pattern new_test(const agent& self, std::size_t number) {
  return written_by(self, number, "test_generation",
                    fmt::format(R"({{"target":"src/{}/case_{}.cpp","strategy":"boundary-value"}})",
                                modules[number % modules.size()], number));
}

pattern run_of(const agent& self, fleet&, const pattern& test) {
  const auto number = number_of(test);
  return written_by(self, number, "test_execution",
                    fmt::format(R"({{"testCase":"{}","result":"{}","duration":{}}})", test.id,
                                fails(number) ? "failed" : "passed", 20 + number % 97));
}

pattern gap_of(const agent& self, fleet& all, const pattern& run) {
  const auto number = number_of(run);
  const bool failed = run.data.find(R"("failed")") != std::string::npos;
  if (failed) ++all.failed_tests;
  return written_by(self, number, "coverage_gap",
                    fmt::format(R"({{"module":"{}","coverage":{},"trusted":{}}})", modules[number % modules.size()],
                                coverage_of(number), !failed));
}

pattern verdict_on(const agent& self, fleet& all, const pattern& gap) {
  static constexpr std::string_view field = R"("coverage":)";
  const auto coverage = std::stoul(gap.data.substr(gap.data.find(field) + field.size()));
  all.coverage_sum += coverage;
  ++all.judged;
  return written_by(self, number_of(gap), "quality_metrics",
                    fmt::format(R"({{"coverage":{},"enough":{}}})", coverage, coverage >= 75));
}

task<void> share_and_note(agent& self, fleet* all, std::size_t which, std::vector<pattern> batch) {
  auto report = must(co_await self.share(batch));
  if (!report.complete()) throw std::runtime_error("a pattern was not acknowledged by every node");
  auto& work = all->works[which];
  work.shared += batch.size();
  std::move(batch.begin(), batch.end(), std::back_inserter(work.written));
  all->on_progress();
}

task<void> generate(agent& self, fleet* all, std::size_t which) {
  const bool at_once = all->lasting == 0ms;
  const auto at_a_time = at_once ? limits::slab_records : std::max<std::size_t>(1, all->tests / steps);
  const auto pause = all->lasting * at_a_time / all->tests;
  for (std::size_t number = 0; number < all->tests;) {
    std::vector<pattern> batch;
    while (number < all->tests && batch.size() < at_a_time) batch.push_back(new_test(self, number++));
    co_await share_and_note(self, all, which, std::move(batch));
    if (!at_once) co_await self.sleep(pause);
  }
  all->works[which].done = true;
  all->on_progress();
}

using answer_maker = pattern (*)(const agent&, fleet&, const pattern&);

task<void> answer_each(agent& self, fleet* all, std::size_t which, std::string wanted, answer_maker answer) {
  auto questions = self.subscribe(wanted, subscribe_frame::start::beginning);
  for (std::size_t seen = 0; seen < all->tests;) {
    std::vector<pattern> batch;
    auto first = must(co_await questions.next(patience));
    batch.push_back(answer(self, *all, first));
    while (batch.size() < limits::slab_records) {
      auto further = questions.at_hand();
      if (!further) break;
      batch.push_back(answer(self, *all, must((*further)->to_pattern())));
    }
    seen += batch.size();
    co_await share_and_note(self, all, which, std::move(batch));
  }
  all->works[which].done = true;
  all->on_progress();
}

}  // namespace

bool fleet::done() const {
  return std::all_of(works.begin(), works.end(), [](const work& one) { return one.done.load(); });
}

result<void> start_agent(server& node, fleet& all, std::size_t which) {
  const auto* name = fleet::names[which];
  const auto outcome = [](auto spawned) -> result<void> {
    if (!spawned) return fail(std::move(spawned.error()));
    return {};
  };
  switch (which) {
    case 0:
      return outcome(node.spawn_agent(name, generate, &all, which));
    case 1:
      return outcome(node.spawn_agent(name, answer_each, &all, which, std::string("type=test_generation"), &run_of));
    case 2:
      return outcome(node.spawn_agent(name, answer_each, &all, which, std::string("type=test_execution"), &gap_of));
    default:
      return outcome(node.spawn_agent(name, answer_each, &all, which, std::string("type=coverage_gap"), &verdict_on));
  }
}

}  // namespace quicsync::cli
