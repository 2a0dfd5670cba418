// Transport actors on event loops and real sockets; what needs no socket is tested on virtual time in tests/sim.
#include <algorithm>
#include <filesystem>
#include <string>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <tests/transport/identities.hpp>
#include <tests/transport/trace_page.hpp>
#include <tests/transport/transport_user.hpp>

#include <quicsync/transport/event_loop.hpp>
#include <quicsync/transport/transport_actor.hpp>
#include <quicsync/transport/udp_socket.hpp>

namespace {

using namespace quicsync;
using namespace std::chrono_literals;
using tests::must;
using tests::told_by_transport;

// An actor system, a loop on its thread, a transport and one user of it.
class transport_process {
 public:
  explicit transport_process(const std::string& name, tests::transport_user_options options = {},
                             connection_traces* traces = nullptr) {
    caf_compat::set_scheduler(config_, "sharing", 1);
    system_ = std::make_unique<caf::actor_system>(config_);
    loop_ = must(event_loop::make(*system_));
    thread_ = std::thread([this] { loop_->run(); });
    user_ = system_->spawn<tests::transport_user>(*loop_, log, options);
    endpoint_config quic;
    quic.identity = tests::identity_of(name);
    quic.traces = traces;
    transport_ = spawn_transport(*system_, *loop_, must(endpoint::make(std::move(quic))),
                                 must(udp_socket::bind(*address::parse("127.0.0.1:0"))), user_, traces);
    REQUIRE(log->wait([](const auto& told) { return told.listening.has_value(); }, 10s));
    at_ = *log->told().listening;
  }
  ~transport_process() {
    caf::anon_send_exit(transport_, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(user_, caf::exit_reason::user_shutdown);
    loop_->request_stop();
    thread_.join();
  }

  const address& at() const { return at_; }
  event_loop::counters counted() const { return loop_->statistics(); }

  template <class Message>
  void tell(Message&& message) {
    caf_compat::anon_send(transport_, std::forward<Message>(message));
  }
  void dial(const std::string& host_port, std::uint64_t attempt = 1) {
    tell(transport_messages::dial{user_, attempt, host_port, {}});
  }
  transport_messages::statistics_reply ask_statistics(connection_id id) {
    caf::scoped_actor self{*system_};
    transport_messages::statistics_reply answer;
    self->request(transport_, caf::infinite, transport_messages::statistics_request{id})
        .receive([&](transport_messages::statistics_reply& got) { answer = got; }, [](caf::error&) {});
    return answer;
  }

  std::shared_ptr<tests::transport_log> log = std::make_shared<tests::transport_log>();

 private:
  caf::actor_system_config config_;
  std::unique_ptr<caf::actor_system> system_;
  std::unique_ptr<event_loop> loop_;
  std::thread thread_;
  caf::actor user_, transport_;
  address at_;
};

// The connection's ids at the one that dials and at the other.
std::pair<connection_id, connection_id> connect(transport_process& client, transport_process& server) {
  client.dial(server.at().to_string());
  REQUIRE(client.log->wait([](const auto& told) { return !told.opened.empty(); }, 10s));
  REQUIRE(server.log->wait([](const auto& told) { return !told.accepted.empty(); }, 10s));
  return {client.log->told().opened.back().id, server.log->told().accepted.back().id};
}

std::size_t received(const told_by_transport& told, connection_id id, lane on) {
  const auto found = told.received.find({id, on});
  return found == told.received.end() ? 0 : found->second.size();
}

std::uint64_t acknowledged(const told_by_transport& told, connection_id id, lane on) {
  const auto found = told.acknowledged.find({id, on});
  return found == told.acknowledged.end() ? 0 : found->second;
}

}  // namespace

TEST_CASE("transport actor: 20 MB between two of them on real sockets", "[net][transport]") {
  transport_process server("server"), client("client");
  const auto [here, there] = connect(client, server);
  constexpr std::size_t piece_bytes = 1u << 20, pieces = 20;
  byte_buffer all(piece_bytes * pieces);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint8_t>(i * 2654435761u >> 13);
  const auto bytes = shared_bytes::copy_of(all);
  for (std::size_t sent = 0; sent < all.size(); sent += piece_bytes) {
    REQUIRE(client.log->wait(
        [&, id = here](const auto& told) {
          return sent + piece_bytes - acknowledged(told, id, lane::normal) <= limits::unacked_bytes;
        },
        30s));
    client.tell(transport_messages::send_bytes{here, lane::normal, bytes.slice(sent, piece_bytes)});
  }
  REQUIRE(server.log->wait([&, id = there](const auto& told) { return received(told, id, lane::normal) == all.size(); },
                           30s));
  CHECK(server.log->ask([&, id = there](const auto& told) { return told.received.at({id, lane::normal}) == all; }));
  CHECK(client.log->wait(
      [&, id = here](const auto& told) { return acknowledged(told, id, lane::normal) == all.size(); }, 30s));

  const auto statistics = client.ask_statistics(here);
  CHECK(statistics.connection.lane_bytes_sent == all.size());
  CHECK(statistics.connection.bytes_sent >= all.size());
  CHECK(statistics.totals.bytes_sent >= all.size());
}

TEST_CASE("transport actor: a dial to a port that nobody listens on fails long before the handshake's time is up",
          "[net][transport]") {
  transport_process client("client");
  const auto gone = must(udp_socket::bind(*address::parse("127.0.0.1:0")))->local();
  const auto begin = std::chrono::steady_clock::now();
  client.dial(gone.to_string(), 8);
  REQUIRE(client.log->wait([](const auto& told) { return !told.ended.empty(); }, 20s));
  CHECK(std::chrono::steady_clock::now() - begin < limits::handshake_timeout);
  const auto ended = client.log->told().ended.front();
  CHECK(ended.id == 0);
  CHECK(ended.attempt == 8);
  CHECK(ended.reason.code == errc::unreachable);
  CHECK(ended.reason.context.find(gone.to_string()) != std::string::npos);
}

TEST_CASE("transport actor: a trace tells of a dial that failed how it ended, and of who was there whose it was",
          "[net][transport][trace]") {
  tests::temporary_directory folder;
  connection_traces traces;
  {
    must(traces.begin(folder.path()));
    transport_process server("server"), client("client", {}, &traces);
    const auto gone = must(udp_socket::bind(*address::parse("127.0.0.1:0")))->local();
    client.dial(gone.to_string(), 8);
    REQUIRE(client.log->wait([](const auto& told) { return !told.ended.empty(); }, 20s));
    const auto [here, there] = connect(client, server);
    traces.end();
    must(traces.begin(folder.path() / "late"));
    client.tell(transport_messages::send_bytes{here, lane::low, shared_bytes(byte_buffer(10, 1))});
    REQUIRE(client.log->wait([id = here](const auto& told) { return acknowledged(told, id, lane::low) == 10; }, 10s));
  }
  traces.end();
  std::map<std::string, std::vector<std::string>> events;
  const tests::trace_page page(QUICSYNC_DOCS);
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
    if (!entry.is_regular_file()) continue;
    auto name = entry.path().lexically_relative(folder.path()).string();
    name.erase(name.rfind('/') + 1, name.find('-') - name.rfind('/') - 1);  // when it began
    std::ifstream lines(entry.path());
    for (std::string line; std::getline(lines, line);) {
      page.check(tests::trace_page::json::parse(line));
      events[name].push_back(tests::trace_page::json::parse(line).at("event"));
    }
  }
  const auto& failed = events["-unopened.jsonl"];
  REQUIRE(failed.size() > 1);
  CHECK(failed.front() == "quic:dialled");
  CHECK(failed.back() == "quic:ended");
  const auto& opened = events["-connection-2.jsonl"];
  REQUIRE(opened.size() > 1);
  CHECK(opened.front() == "quic:dialled");
  CHECK(std::count(opened.begin(), opened.end(), "quic:opened") == 1);
  const auto& joined = events["late/-connection-2.jsonl"];
  REQUIRE(joined.size() > 1);
  CHECK(joined.front() == "trace:joined");
  CHECK(std::count(joined.begin(), joined.end(), "quic:sent") == 1);
  CHECK(joined.back() == "quic:ended");
  CHECK(events.size() == 3);
}

TEST_CASE("transport actor: names are looked up, and one that does not resolve is an answer", "[net][transport]") {
  transport_process server("server"), client("client");
  client.dial("localhost:" + std::to_string(server.at().port()), 1);
  REQUIRE(client.log->wait([](const auto& told) { return !told.opened.empty(); }, 20s));
  client.dial("no-such-host.invalid:4433", 2);  // RFC 2606: never resolves
  REQUIRE(client.log->wait([](const auto& told) { return !told.ended.empty(); }, 60s));
  const auto ended = client.log->told().ended.front();
  CHECK(ended.attempt == 2);
  CHECK(ended.reason.code == errc::bad_address);
}

TEST_CASE("transport actor: many names at once each get their answer", "[net][transport]") {
  transport_process server("server"), client("client");
  constexpr std::size_t dials = 30;
  for (std::size_t i = 0; i < dials; ++i) client.dial("localhost:" + std::to_string(server.at().port()), i);
  CHECK(client.log->wait([](const auto& told) { return told.opened.size() == dials; }, 30s));
}

TEST_CASE("transport actor: the other side hears that it stops", "[net][transport]") {
  transport_process server("server");
  connection_id there = 0;
  {
    transport_process client("client");
    there = connect(client, server).second;
  }
  REQUIRE(server.log->wait([](const auto& told) { return !told.ended.empty(); }, 10s));
  const auto ended = server.log->told().ended.front();
  CHECK(ended.id == there);
  CHECK(ended.reason.code == errc::connection_closed);
  CHECK(ended.reason.context.find("the node stops") != std::string::npos);
}

TEST_CASE("transport actor: an idle connection costs no turns of the loop", "[net][transport]") {
  transport_process server("server"), client("client");
  connect(client, server);
  // Whatever the handshake left to do, a handful of timers ends it: a loop that spins would make millions of turns.
  const auto before = client.counted().turns;
  CHECK_FALSE(client.log->wait([](const auto& told) { return !told.ended.empty(); }, 2s));
  CHECK(client.counted().turns - before < 1000);
}
