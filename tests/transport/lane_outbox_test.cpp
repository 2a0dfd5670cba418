#include <algorithm>
#include <vector>

#include <catch2/catch_get_random_seed.hpp>
#include <catch2/catch_test_macros.hpp>
#include <tests/transport/seeded_random.hpp>

#include <quicsync/transport/event_queue.hpp>
#include <quicsync/transport/lane_outbox.hpp>

using namespace quicsync;

namespace {

shared_bytes text(std::string_view what) { return shared_bytes::copy_of(as_bytes(what)); }

std::string unsent(const lane_outbox& from) {
  std::array<bytes_view, 8> views;
  std::string all;
  for (std::size_t i = 0, count = from.gather(views, 1000); i < count; ++i) all += as_text(views[i]);
  return all;
}

}  // namespace

TEST_CASE("lane outbox: bytes leave in order and are released in order", "[lane]") {
  lane_outbox box;
  box.push(text("abc"));
  box.push({});
  box.push(text("defg"));
  CHECK(unsent(box) == "abcdefg");
  std::array<bytes_view, 8> views;
  CHECK(box.gather(views, 3) == 1);
  CHECK(box.gather(views, 4) == 1);
  box.mark_sent(2);
  CHECK(unsent(box) == "cdefg");
  box.mark_sent(1);
  CHECK(unsent(box) == "defg");
  CHECK(box.acknowledge_to(2) == 2);
  CHECK(box.acknowledge_to(1) == 0);
  box.mark_sent(4);
  CHECK(box.unsent_bytes() == 0);
  CHECK(box.unacknowledged_bytes() == 5);
  // Never more than was sent.
  box.push(text("h"));
  CHECK(box.acknowledge_to(100) == 5);
  CHECK(unsent(box) == "h");
}

TEST_CASE("lane outbox: what is not small stays in place and alive until it is acknowledged", "[lane]") {
  lane_outbox box;
  constexpr auto size = lane_outbox::copied_below_bytes;
  auto owner = std::make_shared<byte_buffer>(size, std::uint8_t{7});
  const auto* const place = owner->data();
  std::weak_ptr<byte_buffer> alive = owner;
  box.push(shared_bytes(owner, *owner));
  owner.reset();
  std::array<bytes_view, 2> views;
  REQUIRE(box.gather(views, size) == 1);
  CHECK(views[0].data() == place);
  box.mark_sent(size);
  CHECK(box.acknowledge_to(size - 1) == size - 1);
  CHECK_FALSE(alive.expired());
  CHECK(box.acknowledge_to(size) == 1);
  CHECK(alive.expired());
}

TEST_CASE(
    "lane outbox: whatever the sizes of what is pushed, a packet has few pieces and its bytes stay where they are",
    "[lane]") {
  constexpr std::size_t packet_bytes = 1452;
  const auto seed = Catch::getSeed();
  CAPTURE(seed);
  tests::seeded_random random(seed);
  lane_outbox box;
  byte_buffer stream;
  std::vector<std::pair<bytes_view, std::size_t>> in_flight;  // pieces and where they stand in the stream
  std::size_t sent = 0, most = 0;
  for (int step = 0; step < 20'000; ++step) {
    if (random.below(2) == 0) {
      byte_buffer piece(random.below(8) == 0 ? 1 + random.below(6000) : 1 + random.below(40));
      random.fill(piece.data(), piece.size());
      stream.insert(stream.end(), piece.begin(), piece.end());
      box.push(shared_bytes(std::move(piece)));
    } else {
      std::array<bytes_view, 16> views;
      const auto count = box.gather(views, packet_bytes);
      most = std::max(most, count);
      auto left = std::min<std::size_t>(1 + random.below(packet_bytes), box.unsent_bytes());
      box.mark_sent(left);
      for (std::size_t i = 0; i < count && left > 0; ++i) {
        const auto part = views[i].first(std::min(left, views[i].size()));
        in_flight.emplace_back(part, sent);
        sent += part.size();
        left -= part.size();
      }
      REQUIRE(left == 0);
    }
    for (const auto& [bytes, at] : in_flight)
      REQUIRE(std::equal(bytes.begin(), bytes.end(), stream.begin() + static_cast<std::ptrdiff_t>(at)));
    if (random.below(4) == 0 && !in_flight.empty()) {
      box.acknowledge_to(in_flight.back().second + in_flight.back().first.size());
      in_flight.clear();
    }
  }
  CHECK(most <= lane_outbox::views_per_packet);
}

TEST_CASE("lane schedule: urgent lanes go first, and a lane passed over often enough goes first once", "[lane]") {
  lane_schedule schedule;
  const std::array<bool, lane_count> waiting{false, true, false, true};
  unsigned low_packets = 0;
  for (int packet = 0; packet < 330; ++packet) {
    const auto first_waiting = [&] {
      for (const auto each : schedule.order())
        if (waiting[index_of(each)]) return each;
      return lane::control;
    }();
    std::array<bool, lane_count> served{};
    served[index_of(first_waiting)] = true;
    if (first_waiting == lane::low) ++low_packets;
    schedule.packet_made(waiting, served);
  }
  CHECK(low_packets == 10);
}

TEST_CASE("event queue: bytes merge only while their event waits", "[lane]") {
  event_queue queue;
  event_queue::ticket ticket = 0, other = 0;
  queue.add_bytes(1, lane::high, as_bytes("ab"), false, ticket);
  queue.add_acknowledged(1, lane::high, 5, other);
  queue.add_bytes(1, lane::high, as_bytes("cd"), false, ticket);
  queue.add_acknowledged(1, lane::high, 6, other);
  const auto first = queue.pop();
  REQUIRE(first);
  CHECK(as_text(std::get<lane_bytes>(*first).bytes.view()) == "abcd");
  queue.add_bytes(1, lane::high, as_bytes("e"), false, ticket);
  CHECK(std::get<lane_acknowledged>(*queue.pop()).bytes == 11);
  CHECK(as_text(std::get<lane_bytes>(*queue.pop()).bytes.view()) == "e");
  CHECK_FALSE(queue.pop());
}

TEST_CASE("event queue: a large burst comes in few pieces, whose memory is used again once it is let go", "[lane]") {
  event_queue queue;
  event_queue::ticket ticket = 0;
  byte_buffer sent;
  const auto add_burst = [&] {
    sent.clear();
    for (int packet = 0; packet < 400; ++packet) {
      const byte_buffer bytes(1400, static_cast<std::uint8_t>(packet));
      queue.add_bytes(1, lane::high, bytes, false, ticket);
      sent.insert(sent.end(), bytes.begin(), bytes.end());
    }
  };
  const auto take_burst = [&] {
    std::vector<shared_bytes> pieces;
    byte_buffer got;
    while (auto event = queue.pop()) {
      pieces.push_back(std::get<lane_bytes>(*event).bytes);
      got.insert(got.end(), pieces.back().view().begin(), pieces.back().view().end());
    }
    CHECK(got == sent);
    CHECK(pieces.size() == 3);
    return pieces;
  };
  add_burst();
  const auto* memory = take_burst().front().data();
  add_burst();
  const auto held = take_burst();
  CHECK(held.front().data() == memory);
  add_burst();
  CHECK(take_burst().front().data() != memory);
  CHECK(std::all_of(held.front().view().begin(), held.front().view().begin() + 1400,
                    [](auto byte) { return byte == 0; }));
}
