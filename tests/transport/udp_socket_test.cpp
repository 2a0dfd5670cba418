// The UDP socket on the real loopback device.
#include <string>
#include <vector>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <poll.h>

#include <quicsync/transport/udp_socket.hpp>

namespace {

using namespace quicsync;

struct heard {
  address local, remote;
  std::uint8_t ecn = 0;
  std::string text;
};

std::unique_ptr<udp_socket> bound(const std::string& at) {
  auto where = address::parse(at);
  REQUIRE(where);
  auto made = udp_socket::bind(*where);
  INFO((made ? std::string() : made.error().context));
  REQUIRE(made);
  return std::move(*made);
}

address at_loopback(const udp_socket& socket, bool v6 = false) {
  return *address::parse((v6 ? "[::1]:" : "127.0.0.1:") + std::to_string(socket.local().port()));
}

transmit make_transmit(const address& to, std::string_view text, std::size_t segment = 0) {
  transmit out;
  out.remote = to;
  out.segment_bytes = segment == 0 ? text.size() : segment;
  out.bytes.assign(text.begin(), text.end());
  return out;
}

// Waits on the descriptor, as a loop does, until so many datagrams are there.
std::vector<heard> hear(udp_socket& socket, std::size_t count) {
  std::vector<heard> all;
  while (all.size() < count) {
    pollfd wait{socket.descriptor(), POLLIN, 0};
    if (::poll(&wait, 1, 5000) != 1) break;
    const auto got =
        socket.receive([&](const address& local, const address& remote, std::uint8_t ecn, bytes_view bytes) {
          all.push_back({local, remote, ecn, std::string(as_text(bytes))});
        });
    REQUIRE(got);
  }
  return all;
}

bool has_ipv6() {
  auto made = udp_socket::bind(*address::parse("[::1]:0"));
  return made.has_value();
}

std::string numbered_text(std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; text.size() < bytes; ++i) text += std::to_string(i) + ",";
  text.resize(bytes);
  return text;
}

}  // namespace

TEST_CASE("udp socket: a datagram arrives with its addresses and its ECN mark", "[net][udp]") {
  auto a = bound("127.0.0.1:0");
  auto b = bound("0.0.0.0:0");
  REQUIRE(a->local().port() != 0);
  auto out = make_transmit(at_loopback(*b), "hello");
  out.ecn = 2;
  REQUIRE(a->send(out).value());
  const auto got = hear(*b, 1);
  REQUIRE(got.size() == 1);
  CHECK(got[0].text == "hello");
  CHECK(got[0].remote == a->local());
  CHECK(got[0].local == at_loopback(*b));
  CHECK(got[0].ecn == 2);
}

TEST_CASE("udp socket: nothing there is no error", "[net][udp]") {
  auto a = bound("127.0.0.1:0");
  CHECK(a->receive([](auto&&...) { FAIL("a datagram from nowhere"); }).value() == 0);
}

TEST_CASE("udp socket: segments of one transmit arrive as separate datagrams", "[net][udp]") {
  auto a = bound("127.0.0.1:0");
  auto b = bound("127.0.0.1:0");
  const bool one_by_one = GENERATE(false, true);
  if (one_by_one) a->give_up_segments();
  const auto text = numbered_text(100 * 1200 + 7);  // more than one system call takes, and a short one at the end
  REQUIRE(a->send(make_transmit(b->local(), text, 1200)).value());
  const auto got = hear(*b, 101);
  REQUIRE(got.size() == 101);
  std::string joined;
  for (std::size_t i = 0; i < got.size(); ++i) {
    CHECK(got[i].text.size() == (i < 100 ? 1200u : 7u));
    joined += got[i].text;
  }
  CHECK(joined == text);
}

TEST_CASE("udp socket: a socket that is full says so and goes on where it stopped", "[net][udp]") {
  // Two sockets on loopback fill the receiver's queue, not the sender's; the kernel drops there and the sender never
  // blocks. So this holds the rule that every call ends: sent or not, without an error.
  auto a = bound("127.0.0.1:0");
  auto b = bound("127.0.0.1:0");
  const auto out = make_transmit(b->local(), numbered_text(60'000), 1200);
  for (int i = 0; i < 500; ++i) REQUIRE(a->send(out).has_value());
}

TEST_CASE("udp socket: a port in use is named, with what to do", "[net][udp]") {
  auto a = bound("127.0.0.1:0");
  const auto again = udp_socket::bind(a->local());
  REQUIRE_FALSE(again);
  CHECK(again.error().code == errc::address_in_use);
  CHECK(again.error().context.find(a->local().to_string()) != std::string::npos);
  CHECK(again.error().context.find("choose another port") != std::string::npos);
}

TEST_CASE("udp socket: an address of another machine cannot be listened at", "[net][udp]") {
  const auto made = udp_socket::bind(*address::parse("192.0.2.1:0"));  // RFC 5737: nobody's
  REQUIRE_FALSE(made);
  CHECK(made.error().code == errc::bad_address);
  CHECK(made.error().context.find("192.0.2.1") != std::string::npos);
}

TEST_CASE("udp socket: a port that nobody listens on is reported, and the socket goes on", "[net][udp]") {
  const bool dual_stack = has_ipv6() && GENERATE(false, true);
  auto a = bound(dual_stack ? "[::]:0" : "127.0.0.1:0");
  auto b = bound("127.0.0.1:0");
  address gone;
  {
    auto closed = bound("127.0.0.1:0");
    gone = closed->local();
  }
  REQUIRE(a->send(make_transmit(gone, "anybody?")).has_value());
  std::optional<address> reported;
  for (int tries = 0; tries < 50 && !reported; ++tries) {
    pollfd wait{a->descriptor(), POLLIN, 0};
    ::poll(&wait, 1, 100);
    REQUIRE(a->receive([](auto&&...) {}).has_value());
    reported = a->poll_unreachable();
  }
  REQUIRE(reported);
  CHECK(*reported == gone);
  CHECK_FALSE(a->poll_unreachable());
  // The report is read from the queue: the descriptor does not stay ready, and what is sent next arrives.
  pollfd wait{a->descriptor(), POLLIN, 0};
  CHECK(::poll(&wait, 1, 0) == 0);
  REQUIRE(a->send(make_transmit(gone, "still not?")).has_value());
  REQUIRE(a->send(make_transmit(b->local(), "hello")).value());
  const auto got = hear(*b, 1);
  REQUIRE(got.size() == 1);
  CHECK(got[0].text == "hello");
}

TEST_CASE("udp socket: [::] speaks IPv4 and IPv6, and shows IPv4 as IPv4", "[net][udp]") {
  if (!has_ipv6()) SKIP("no IPv6 on this machine");
  auto both = bound("[::]:0");
  auto v4 = bound("127.0.0.1:0");
  auto v6 = bound("[::1]:0");
  auto out = make_transmit(at_loopback(*both), "four");
  out.ecn = 1;
  REQUIRE(v4->send(out).value());
  auto got = hear(*both, 1);
  REQUIRE(got.size() == 1);
  CHECK(got[0].remote == v4->local());
  CHECK(got[0].local == at_loopback(*both));
  CHECK(got[0].ecn == 1);
  // And back, from the address that was spoken to.
  auto back = make_transmit(got[0].remote, "four back");
  back.local = got[0].local;
  back.ecn = 2;
  REQUIRE(both->send(back).value());
  got = hear(*v4, 1);
  REQUIRE(got.size() == 1);
  CHECK(got[0].remote == at_loopback(*both));
  CHECK(got[0].ecn == 2);

  out = make_transmit(at_loopback(*both, true), "six");
  out.ecn = 2;
  REQUIRE(v6->send(out).value());
  got = hear(*both, 1);
  REQUIRE(got.size() == 1);
  CHECK(got[0].remote == v6->local());
  CHECK(got[0].local == at_loopback(*both, true));
  CHECK(got[0].ecn == 2);
  back = make_transmit(got[0].remote, numbered_text(3000), 1200);
  back.local = got[0].local;
  REQUIRE(both->send(back).value());
  CHECK(hear(*v6, 3).size() == 3);
}

TEST_CASE("udp socket: IPv6 from an IPv4 socket is unreachable, not a failure of the socket", "[net][udp]") {
  auto a = bound("127.0.0.1:0");
  const auto sent = a->send(make_transmit(*address::parse("[::1]:4433"), "hello"));
  REQUIRE_FALSE(sent);
  CHECK(sent.error().code == errc::unreachable);
}

TEST_CASE("udp socket: buffers are raised as far as the system lets", "[net][udp]") {
  auto a = bound("127.0.0.1:0");
  CHECK(a->buffers().receive_bytes > 0);
  CHECK(a->buffers().send_bytes > 0);
}
