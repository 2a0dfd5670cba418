// Measures how two nodes catch up. Prints a JSON object a line on stdout, and lines for people on stderr.
//   bench_catchup [compare] [copy] [--records N]
// compare: two sessions with real tables over a link of 50 ms a round trip, on virtual time: what equal nodes say to
// each other, and what a thousand changes cost; bytes of all lanes both ways. The processor's time stands beside, since
// virtual time does not know it. copy: an empty node and a full one, two processes over loopback.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <stdlib.h>
#include <tests/actors/session_pair.hpp>
#include <tests/bench/bench_process.hpp>

#include <quicsync/actors/server.hpp>
#include <quicsync/codec/frame.hpp>
#include <quicsync/codec/varint.hpp>

using namespace quicsync;
using namespace quicsync::bench;
using namespace std::chrono_literals;

namespace {

constexpr auto one_way = 25ms;
constexpr std::size_t changes = 1000;

pattern usual(std::size_t number, std::uint64_t version) {
  pattern p;
  p.id = fmt::format("pattern-{}", number);
  p.agent_id = fmt::format("agent-{}", number % 17);
  p.type = "test_execution";
  p.data = fmt::format(R"({{"file":"src/module_{}.cpp","passed":{},"duration":{}}})", number % 997, number * 7 % 1000,
                       (number * 2654435761u + version) % 100000);
  p.metadata.source = p.agent_id;
  p.metadata.tags = {"ci", "unit"};
  p.timestamp = 1760000000000 + static_cast<std::int64_t>(number);
  p.version = version;
  return p;
}

// -- two sessions over a link with a delay --------------------------------------------------------------------------

struct link_totals {
  std::uint64_t hello = 0, subscribe = 0, records = 0, other = 0;
  std::map<int, std::uint64_t> by_type;
};

class link;

class far_side : public test::side {
 public:
  far_side(std::string name, link& over) : side(std::move(name), node_role::node), over_(over) {
    config().batch_patterns = 100;
  }
  void send_frames(lane on, shared_bytes bytes) override;

 private:
  link& over_;
};

class link {
 public:
  link() : a("a", *this), b("b", *this) {}

  void send(const far_side& from, lane on, shared_bytes bytes) {
    count(bytes.view());
    way_.push_back({a.now_ + one_way, &from == &a ? &b : &a, on, std::move(bytes)});
  }
  void open() {
    a.connect(b, "b");
    b.connect(a, "a");
    a.session().open(a.table().last_position(), a.table().partial());
    b.session().open(b.table().last_position(), b.table().partial());
  }
  void work() {
    while (a.work() || b.work()) continue;
  }
  /// Until nothing is under way; stops at `done`.
  void run(const std::function<bool()>& done) {
    for (work(); !done() && !way_.empty(); work()) {
      auto next = std::move(way_.front());
      way_.erase(way_.begin());
      a.now_ = b.now_ = next.when;
      next.to->session().receive(next.on, next.bytes);
      auto& from = next.to == &a ? b : a;
      from.session().acknowledged(next.on, next.bytes.size());
    }
  }
  time_point now() const { return a.now_; }

  link_totals totals;
  time_point first_digest = time_point::max();

 private:
  struct flight {
    time_point when;
    far_side* to = nullptr;
    lane on = lane::control;
    shared_bytes bytes;
  };
  void count(bytes_view bytes) {
    while (!bytes.empty()) {
      detail::byte_reader in(bytes);
      const auto type = in.u8();
      const auto size = in.varint();
      const auto whole = bytes.size() - in.left() + size;
      const auto kind = static_cast<frame_type>(type);
      totals.by_type[type] += whole;
      if (kind == frame_type::hello)
        totals.hello += whole;
      else if (kind == frame_type::subscribe)
        totals.subscribe += whole;
      else if (kind == frame_type::batch)
        totals.records += whole;
      else
        totals.other += whole;
      if (kind == frame_type::digest) first_digest = std::min(first_digest, a.now_);
      bytes = bytes.subspan(whole);
    }
  }
  std::vector<flight> way_;

 public:
  far_side a, b;
};

void far_side::send_frames(lane on, shared_bytes bytes) { over_.send(*this, on, std::move(bytes)); }

void fill(far_side& side, std::size_t records) {
  std::vector<pattern> some;
  for (std::size_t i = 0; i < records; ++i) {
    some.push_back(usual(i, 1));
    if (some.size() < limits::slab_records && i + 1 < records) continue;
    side.hold(test::make_slab(some));
    some.clear();
  }
}

/// Every step-th pattern from `first` on, in its second version.
void change(far_side& side, std::size_t first, std::size_t step, std::size_t count) {
  std::vector<pattern> some;
  for (std::size_t i = 0; i < count; ++i) {
    some.push_back(usual(first + i * step, 2));
    if (some.size() == limits::slab_records || i + 1 == count) {
      side.hold(test::make_slab(some));
      some.clear();
    }
  }
}

void compare(std::size_t records, const char* name, std::size_t at_a, std::size_t at_b) {
  link both;
  fill(both.a, records);
  fill(both.b, records);
  const auto step = records / (2 * changes);
  if (at_a != 0) change(both.a, 0, step, at_a);
  if (at_b != 0) change(both.b, step * at_a + 1, step, at_b);
  auto sum = [](far_side& side) {
    const auto number = side.table().digests().find_all();
    return number;
  };
  const auto before = processor_seconds();
  both.open();
  const bool differ = at_a + at_b != 0;
  auto all_know = [&] {
    auto caught_up = [](far_side& side) {
      return std::any_of(side.reached_.begin(), side.reached_.end(),
                         [&](const auto& r) { return r.second >= side.table().last_position(); });
    };
    if (!differ) return caught_up(both.a) && caught_up(both.b);
    return sum(both.a) == sum(both.b);
  };
  both.run(all_know);
  const double round_trips = std::chrono::duration<double>(both.now() - both.first_digest) / (2 * one_way);
  const auto processor = processor_seconds() - before;
  if (!all_know()) throw std::runtime_error("they did not become equal");
  // What still follows belongs to it: acknowledgements, marks.
  both.run([] { return false; });
  const auto& t = both.totals;
  const auto sent_records = both.a.statistics().patterns_sent + both.b.statistics().patterns_sent;
  const auto beside = t.subscribe + t.other;
  std::printf(
      R"({"benchmark":"catchup","part":"%s","records":%zu,"changed":%zu,"bytes_beside_hello":%llu,"bytes_of_records":%llu,)"
      R"("records_sent":%llu,"bytes_beside_each":%.1f,"round_trips":%.1f,"processor_s":%.3f})"
      "\n",
      name, records, at_a + at_b, static_cast<unsigned long long>(beside), static_cast<unsigned long long>(t.records),
      static_cast<unsigned long long>(sent_records),
      differ ? static_cast<double>(beside) / static_cast<double>(at_a + at_b) : 0.0, round_trips, processor);
  std::fflush(stdout);
  std::fprintf(stderr, "%s: %llu bytes beside hello and records, %.1f round trips, %llu records sent;", name,
               static_cast<unsigned long long>(beside), round_trips, static_cast<unsigned long long>(sent_records));
  for (const auto& [type, bytes] : t.by_type)
    std::fprintf(stderr, " %02x:%llu", type, static_cast<unsigned long long>(bytes));
  std::fprintf(stderr, "\n");
}

// -- a full copy between processes ----------------------------------------------------------------------------------

node_config open_node(const char* name) {
  node_config config;
  config.id = name;
  config.host = "127.0.0.1";
  config.port = 0;
  config.reject_unauthorized = false;
  config.enable_auth = false;
  return config;
}

template <class T>
T must(result<T> value) {
  if (!value) throw std::runtime_error(to_string(value.error()));
  return std::move(*value);
}
void must(result<void> value) {
  if (!value) throw std::runtime_error(to_string(value.error()));
}

std::uint64_t held(server& node) { return must(node.state()).patterns; }

void copy(std::size_t records) {
  child_process full([&](reporter& out) {
    auto node = must(server::make(open_node("full")));
    must(node->start());
    auto slab = node->new_slab();
    for (std::size_t i = 0; i < records; ++i) {
      must(slab.add(usual(i, 1)));
      if (slab.full() || i + 1 == records) node->share(slab.finish(), {}, [](const sync_report&) {});
    }
    while (held(*node) < records) std::this_thread::sleep_for(10ms);
    out.say(node->port());
    std::string line;
    while (node->running()) std::this_thread::sleep_for(100ms);
  });
  const auto port = static_cast<int>(full.hear());
  child_process empty([&](reporter& out) {
    auto node = must(server::make(open_node("empty")));
    must(node->start());
    const auto begun = std::chrono::steady_clock::now();
    must(node->connect_to_peer("127.0.0.1:" + std::to_string(port)).get());
    while (held(*node) < records) std::this_thread::sleep_for(2ms);
    out.say(std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
    out.say(processor_seconds());
  });
  const auto seconds = empty.hear(), processor = empty.hear();
  full.end();
  const auto rate = static_cast<double>(records) / seconds;
  std::printf(
      R"({"benchmark":"catchup","part":"copy","records":%zu,"seconds":%.3f,"records_per_second":%.0f,"receiver_processor_s":%.3f})"
      "\n",
      records, seconds, rate, processor);
  std::fprintf(stderr, "copy: %.0f k/s, dialling and greeting included\n", rate / 1e3);
}

}  // namespace

int main(int argc, char** argv) try {
  std::vector<std::string_view> parts;
  std::size_t records = 1'000'000;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--records" && i + 1 < argc)
      records = std::strtoull(argv[++i], nullptr, 10);
    else
      parts.push_back(argument);
  }
  const auto wants = [&](std::string_view part) {
    return parts.empty() || std::find(parts.begin(), parts.end(), part) != parts.end();
  };
  if (wants("copy")) copy(records);
  if (wants("compare")) {
    compare(records, "equal", 0, 0);
    compare(records, "changed_there", changes, 0);
    compare(records, "changed_here", 0, changes);
    compare(records, "changed_on_both", changes / 2, changes / 2);
  }
  return 0;
} catch (const std::exception& why) {
  std::fprintf(stderr, "bench: error: %s\n", why.what());
  return 1;
}
