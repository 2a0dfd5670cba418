#include <algorithm>
#include <compare>
#include <functional>
#include <map>

#include <catch2/catch_test_macros.hpp>

#include <quicsync/codec/merge.hpp>

#include "tests/codec/samples.hpp"

using namespace quicsync;
using namespace quicsync::samples;

namespace {

struct held {
  byte_buffer record;
  bool live = false;
};

record_order order_in(const byte_buffer& record) { return order_of(*record_view::parse(record), hash_of(record)); }

/// What a node ends with after these deliveries in this order, looked at when all are in.
std::map<std::string, held> state_after(const std::vector<const byte_buffer*>& deliveries, std::int64_t now_ms) {
  std::map<std::string, held> state;
  for (const auto* record : deliveries) {
    auto& entry = state[std::string(record_view::parse(*record)->id())];
    if (!entry.record.empty() && merge(order_in(entry.record), order_in(*record)).outcome != merge_outcome::replaces)
      continue;
    entry.record = *record;
  }
  for (auto& [id, entry] : state) {
    const auto view = *record_view::parse(entry.record);
    entry.live = !view.deleted() && !is_expired(view.expires_at(), now_ms);
  }
  return state;
}

bool equal(const std::map<std::string, held>& a, const std::map<std::string, held>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && x.second.record == y.second.record && x.second.live == y.second.live;
  });
}

}  // namespace

namespace {

using order_function = std::function<std::weak_ordering(const record_order&, const record_order&)>;

const record_order base{5, 100, "b", false, {10, 10}};

/// Each is greater than `base` by one component, and everything after that speaks for the other side.
const std::vector<record_order> greater_by_one = {
    {6, 0, "a", false, {0, 0}},  {5, 101, "a", false, {0, 0}},  {5, 100, "c", false, {0, 0}},
    {5, 100, "b", true, {0, 0}}, {5, 100, "b", false, {11, 0}}, {5, 100, "b", false, {10, 11}},
};

bool decides_by_each(const order_function& order) {
  return std::all_of(greater_by_one.begin(), greater_by_one.end(),
                     [&](const auto& other) { return order(other, base) > 0 && order(base, other) < 0; });
}

}  // namespace

TEST_CASE("merge: each component decides where the ones before it are equal", "[codec][merge]") {
  CHECK(decides_by_each([](const record_order& a, const record_order& b) {
    return merge(b, a).outcome == merge_outcome::replaces ? std::weak_ordering::greater
           : merge(b, a).outcome == merge_outcome::older  ? std::weak_ordering::less
                                                          : std::weak_ordering::equivalent;
  }));
  CHECK(merge(base, base) == merge_result{merge_outcome::same, false});
}

TEST_CASE("merge: an order that lacks any one component is told from the right one", "[codec][merge]") {
  // Components taken away one at a time, by making them equal on both sides.
  const std::vector<std::function<void(record_order&)>> take_away = {
      [](record_order& o) { o.version = 0; },   [](record_order& o) { o.timestamp = 0; },
      [](record_order& o) { o.agent_id = {}; }, [](record_order& o) { o.deleted = false; },
      [](record_order& o) { o.hash.high = 0; }, [](record_order& o) { o.hash.low = 0; },
  };
  for (const auto& take : take_away) {
    CHECK_FALSE(decides_by_each([&](record_order a, record_order b) {
      take(a), take(b);
      return std::weak_ordering(a <=> b);
    }));
  }
}

TEST_CASE("merge: agents compare as bytes, not as signed characters", "[codec][merge]") {
  const record_order ascii{1, 1, "z", false, {}}, accented{1, 1, "\xc3\xa9", false, {}};
  CHECK(merge(ascii, accented).outcome == merge_outcome::replaces);
}

TEST_CASE("merge: the same version with other content is a conflict, whoever wins", "[codec][merge]") {
  const record_order a{5, 100, "a", false, {1, 1}}, b{5, 101, "a", false, {0, 0}}, newer{6, 1, "a", false, {0, 0}};
  CHECK(merge(a, b) == merge_result{merge_outcome::replaces, true});
  CHECK(merge(b, a) == merge_result{merge_outcome::older, true});
  CHECK_FALSE(merge(a, newer).conflict);
  CHECK_FALSE(merge(newer, a).conflict);
}

TEST_CASE("merge: any order and any number of deliveries ends in the same state", "[codec][merge]") {
  INFO("QUICSYNC_TEST_SEED=" << seed());
  std::mt19937_64 random(seed());
  const auto below = [&](std::uint64_t end) { return random() % end; };
  for (int set = 0; set < 10000; ++set) {
    std::vector<byte_buffer> records(2 + below(6));
    for (auto& record : records) {
      // Few distinct values, so that every tie comes up.
      const auto id = "p" + std::to_string(below(2));
      const auto agent = std::string(1, static_cast<char>('a' + below(2)));
      const auto timestamp = static_cast<std::int64_t>(1000 + below(2));
      const auto version = 1 + below(2);
      if (below(4) == 0) {
        REQUIRE(append_tombstone(record, id, agent, timestamp, version));
        continue;
      }
      pattern value;
      value.id = id;
      value.agent_id = agent;
      value.timestamp = timestamp;
      value.version = version;
      value.data = std::to_string(below(2));
      if (below(3) == 0) value.metadata.expires_at = static_cast<std::int64_t>(2000 + below(3));
      REQUIRE(append_record(record, value));
    }
    const std::int64_t now_ms = 2001;
    std::vector<const byte_buffer*> deliveries;
    for (const auto& record : records) deliveries.push_back(&record);
    const auto first = state_after(deliveries, now_ms);
    for (int order = 0; order < 6; ++order) {
      auto again = deliveries;
      for (auto extra = below(4); extra > 0; --extra) again.push_back(deliveries[below(deliveries.size())]);
      std::shuffle(again.begin(), again.end(), random);
      REQUIRE(equal(first, state_after(again, now_ms)));
    }
  }
}

TEST_CASE("merge: an order is kept until its horizon, and a live record always", "[codec][merge]") {
  using std::chrono::milliseconds;
  byte_buffer tombstone, expiring, plain;
  REQUIRE(append_tombstone(tombstone, "p", "a", 1000, 1));
  auto value = simple_pattern();
  REQUIRE(append_record(plain, value));
  value.metadata.expires_at = value.timestamp + 500;
  REQUIRE(append_record(expiring, value));
  const auto past = [](const byte_buffer& record, std::int64_t now_ms) {
    return is_past_horizon(*record_view::parse(record), now_ms, milliseconds(100));
  };
  CHECK_FALSE(past(tombstone, 1099));
  CHECK(past(tombstone, 1100));
  CHECK_FALSE(past(expiring, value.timestamp + 499));
  CHECK_FALSE(past(expiring, value.timestamp + 599));
  CHECK(past(expiring, value.timestamp + 600));
  CHECK_FALSE(past(plain, value.timestamp + 1'000'000'000));
}
