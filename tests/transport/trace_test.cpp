// What a connection's trace tells of QUIC: each event where it happens, as docs/TRACE.md says.
#include <algorithm>
#include <filesystem>

#include <catch2/generators/catch_generators.hpp>
#include <tests/transport/endpoint_pair.hpp>
#include <tests/transport/initial_forge.hpp>
#include <tests/transport/rogue_client.hpp>
#include <tests/transport/trace_page.hpp>

#include <quicsync/transport/connection_traces.hpp>

using namespace quicsync;
using namespace quicsync::tests;
using namespace std::chrono_literals;

namespace {

using json = trace_page::json;

const time_point beginning{std::chrono::hours(1)};  // of a simulated network

std::string event_of(const json& line) { return line.at("event").get<std::string>(); }
std::uint64_t us_of(const json& line) { return line.at("us").get<std::uint64_t>(); }

/// The lines of a file, each checked against the page.
std::vector<json> lines_of(const std::filesystem::path& file) {
  static const trace_page page(QUICSYNC_DOCS);
  std::vector<json> lines;
  std::ifstream from(file);
  for (std::string line; std::getline(from, line);) {
    lines.push_back(json::parse(line));
    page.check(lines.back());
  }
  return lines;
}

/// The files of a folder whose names end so.
std::vector<std::filesystem::path> files_of(const std::filesystem::path& folder, const std::string& ending = ".jsonl") {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().string().ends_with(ending)) found.push_back(entry.path());
  return found;
}

/// Both ends of a pair, each with a folder of traces.
struct traced_pair {
  /// `intruder`: the client's certificate is of another CA.
  explicit traced_pair(pair_options options = {}, bool retry = false, bool intruder = false) {
    must(client_traces.begin(folder.path() / "client", beginning));
    must(server_traces.begin(folder.path() / "server", beginning));
    auto client = config_of(intruder ? identity_of("intruder", "other") : identity_of("client"), options, 1);
    auto server = config_of(identity_of("server"), options, 2);
    client.verify.check_peer = !intruder;  // else it would refuse the server first
    client.traces = &client_traces;
    server.traces = &server_traces;
    if (retry) server.handshakes.unproven = 0;
    pair.emplace(std::move(client), std::move(server), options.seed);
  }
  /// Microseconds of virtual time.
  std::uint64_t us() const {
    return static_cast<std::uint64_t>((pair->world.network.now() - beginning) / std::chrono::microseconds(1));
  }
  /// What one side wrote of the connections that opened, once tracing has ended.
  std::vector<json> lines(const std::string& side) {
    (side == "client" ? client_traces : server_traces).end();
    std::vector<json> all;
    for (const auto& file : files_of(folder.path() / side))
      for (auto& line : lines_of(file)) all.push_back(std::move(line));
    return all;
  }
  /// A datagram to the server from an address that never answers.
  void send_as_stranger(bytes_view datagram) {
    pair->world.network.send_datagram(address::parse("10.0.0.9:9").value(), pair->server.at(), 0, datagram);
  }

  temporary_directory folder;
  connection_traces client_traces, server_traces;
  std::optional<endpoint_pair> pair;
};

/// When an event is told for the first time.
std::optional<std::uint64_t> first(const std::vector<json>& lines, const std::string& event) {
  const auto at = std::find_if(lines.begin(), lines.end(), [&](const auto& line) { return event_of(line) == event; });
  return at == lines.end() ? std::nullopt : std::optional(us_of(*at));
}

}  // namespace

TEST_CASE("trace: the page has an example of each event, and it is as the table says", "[trace]") {
  const trace_page page(QUICSYNC_DOCS);
  CHECK(page.events() == page.events_with_example());
  page.check_examples();
  std::set<std::string> seen;
  for (const auto& some : {trace_page::of_endpoints(), trace_page::of_frames(), trace_page::of_nodes()})
    seen.insert(some.begin(), some.end());
  CHECK(seen == page.events());
}

TEST_CASE("trace: a connection tells of its handshake, its streams, what is lost, its window, keys and path",
          "[trace]") {
  traced_pair traced({.seed = 7, .lane_window_first_bytes = 64'000, .lane_window_bytes = 1'000'000}, true);
  auto& pair = *traced.pair;
  REQUIRE(pair.connect());
  pair.world.network.conditions = {.delay = 2ms, .jitter = 1ms, .loss = 0.02, .duplication = 0};
  pair.send_from_client(lane::normal, byte_buffer(4 << 20, 1));
  REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::normal).size() > 1'000'000; }, 600s));
  const auto keys_changed = traced.us();
  REQUIRE(pair.client->update_keys(pair.client_id(), pair.world.network.now()));
  pair.server.consume = false;
  pair.world.run_for(2s);
  pair.server.consume = true;
  pair.server->consumed(pair.server_id(), lane::normal, 10'000'000);
  const auto moved = traced.us();
  pair.client.set_address(address::parse("10.0.0.77:5555").value());
  REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::normal).size() == 4 << 20; }, 600s));
  pair.world.run_for(1s);
  const auto low_sent = traced.us();
  pair.send_from_client(lane::low, byte_buffer(10, 3));
  pair.world.run_for(1s);
  const auto client = traced.lines("client"), server = traced.lines("server");
  for (const auto& event : trace_page::of_endpoints()) {
    if (event == "trace:full") continue;
    INFO(event);
    CHECK((first(client, event) || first(server, event)));
  }
  for (const auto* side : {&client, &server}) {
    CHECK(std::is_sorted(side->begin(), side->end(), [](auto& a, auto& b) { return us_of(a) < us_of(b); }));
    CHECK(us_of(side->back()) >= low_sent);
    CHECK(us_of(side->back()) <= traced.us());
  }
  // Each at its virtual time.
  CHECK(first(client, "quic:dialled") == 0);
  CHECK(first(client, "quic:keys_changed") >= keys_changed);
  CHECK(first(client, "quic:keys_changed") < moved);
  CHECK(first(server, "quic:path_proven") >= moved);
  CHECK(first(server, "quic:path_proven") < low_sent);
  // Only the client waits to be told.
  CHECK(first(client, "quic:confirmed"));
  CHECK_FALSE(first(server, "quic:confirmed"));
}

TEST_CASE("trace: those that never open share one file, however many they are", "[trace]") {
  temporary_directory folder;
  connection_traces traces;
  must(traces.begin(folder.path(), beginning));
  constexpr connection_id many = 1000;
  for (connection_id id = 1; id <= many; ++id) {
    for (int i = 0; i < 1000; ++i)
      traces.write_early(id, beginning + id * 1ms, "quic:arrived",
                         trace_field("address", "192.0.2.1:9") + trace_field("proven", std::uint64_t{1}));
    // How it ended is told of each, also where the rest is too much.
    traces.write_early(id, beginning + id * 1ms, "quic:ended", trace_field("reason", std::to_string(id)));
    traces.close(id);
  }
  traces.end();
  const auto files = files_of(folder.path());
  REQUIRE(files.size() == 1);
  CHECK(std::filesystem::file_size(files[0]) < many * 2 * connection_traces::early_bytes_max);  // with its connection
  std::map<connection_id, json> last;
  connection_id latest = 0;
  for (const auto& line : lines_of(files[0])) {
    const auto id = line.at("connection").get<connection_id>();
    CHECK(us_of(line) == id * 1000);
    CHECK(id >= latest);
    last[latest = id] = line;
  }
  REQUIRE(last.size() == many);
  for (const auto& [id, line] : last) {
    CHECK(event_of(line) == "quic:ended");
    CHECK(line.at("reason") == std::to_string(id));
  }
}

TEST_CASE("trace: those that have not opened take no file from those that have", "[trace]") {
  temporary_directory folder;
  connection_traces traces;
  must(traces.begin(folder.path(), beginning));
  connection_id id = 0;
  while (id < 2 * connection_traces::early_at_once) traces.write_early(++id, beginning, "quic:retry");
  const auto begin = [&](connection_id which) {
    traces.introduce(which, trace_field("peer", "beta") + trace_field("address", "192.0.2.8:4433"));
    traces.write(which, beginning, "quic:confirmed");
  };
  const auto first_open = id + 1, last_open = id + 1 + connection_traces::files_at_once;  // one too many
  for (id = first_open; id <= last_open; ++id) begin(id);
  CHECK(files_of(folder.path()).size() == connection_traces::files_at_once);
  const auto late = "connection-" + std::to_string(last_open) + ".jsonl";
  CHECK(files_of(folder.path(), late).empty());
  traces.close(first_open);
  traces.write(first_open, beginning, "quic:retry");  // nothing is begun for one that is gone
  traces.write(last_open, beginning, "quic:retry");
  traces.end();
  CHECK(files_of(folder.path()).size() == connection_traces::files_at_once + 1);
  const auto found = files_of(folder.path(), late);
  REQUIRE(found.size() == 1);
  const auto lines = lines_of(found[0]);
  REQUIRE(lines.size() == 2);
  CHECK(event_of(lines[0]) == "trace:joined");
  CHECK(event_of(lines[1]) == "quic:retry");
}

TEST_CASE("trace: what is told early of one whose file is open goes there", "[trace]") {
  temporary_directory folder;
  connection_traces traces;
  must(traces.begin(folder.path(), beginning));
  traces.write_early(1, beginning, "quic:retry");
  traces.write(1, beginning, "quic:confirmed");
  traces.write_early(1, beginning, "quic:ended", trace_field("reason", "over"));
  traces.close(1);
  traces.end();
  const auto files = files_of(folder.path());
  REQUIRE(files.size() == 1);
  const auto lines = lines_of(files[0]);
  REQUIRE(lines.size() == 3);
  CHECK(event_of(lines[0]) == "quic:retry");
  CHECK(event_of(lines[2]) == "quic:ended");
}

TEST_CASE("trace: a node that starts again numbers its connections anew, and they are traced", "[trace]") {
  temporary_directory folder;
  connection_traces traces;
  must(traces.begin(folder.path(), beginning));
  for (int run = 0; run < 2; ++run) {
    traces.write_early(1, beginning + run * 1s, "quic:retry");
    traces.write(1, beginning + run * 1s, "quic:confirmed");
    traces.write_early(2, beginning + run * 1s, "quic:retry");
    traces.close_all();
  }
  traces.end();
  std::vector<std::uint64_t> times;
  for (const auto& file : files_of(folder.path(), "connection-1.jsonl"))
    for (const auto& line : lines_of(file))
      if (event_of(line) == "quic:confirmed") times.push_back(us_of(line));
  std::sort(times.begin(), times.end());
  CHECK(times == std::vector<std::uint64_t>{0, 1'000'000});
  CHECK(files_of(folder.path(), "unopened.jsonl").empty());
}

// Regression: each left an entry that nothing took away, and 256 of them ended all tracing.
TEST_CASE("trace: first packets that nobody can decrypt write nothing, and the next client is traced", "[trace]") {
  traced_pair traced;
  auto& pair = *traced.pair;
  seeded_random random(3);
  for (std::size_t i = 0; i < connection_traces::early_at_once + 300; ++i) {
    byte_buffer noise(1200);
    random.fill(noise.data(), noise.size());
    // The header of an Initial packet, RFC 9000 section 17.2.2: version 1, ids of 8 and 0 bytes, no token, the rest.
    const std::array<std::uint8_t, 6> front{0xc3, 0, 0, 0, 1, 8};
    std::copy(front.begin(), front.end(), noise.begin());
    const std::array<std::uint8_t, 4> back{0, 0, 0x44, 0x9e};
    std::copy(back.begin(), back.end(), noise.begin() + 14);
    traced.send_as_stranger(noise);
    pair.world.run_for(2ms);
  }
  pair.world.run_for(100ms);
  const auto refusals = pair.server->statistics().refusals;
  REQUIRE(refusals[refusal_reason::malformed_datagram] == connection_traces::early_at_once + 300);
  REQUIRE(pair.connect());
  const auto lines = traced.lines("server");
  CHECK(first(lines, "quic:arrived"));
  CHECK(files_of(traced.folder.path() / "server").size() == 1);
  CHECK(files_of(traced.folder.path() / "server", "unopened.jsonl").empty());
}

TEST_CASE("trace: a handshake that fails costs no disk where the address may be made up", "[trace]") {
  traced_pair traced({.handshake_timeout = 1s});
  auto& pair = *traced.pair;
  initial_forge forge;
  for (int i = 0; i < 10; ++i) traced.send_as_stranger(forge.forge());
  pair.world.run_for(100ms);
  REQUIRE(pair.server->connection_count() == 10);
  pair.world.run_for(5s);
  REQUIRE(pair.server->connection_count() == 0);
  CHECK(pair.server.ended.size() == 10);
  traced.server_traces.end();
  CHECK(files_of(traced.folder.path() / "server").empty());
}

TEST_CASE("trace: who is refused and is where it says is told with the reason", "[trace]") {
  const bool retry = GENERATE(false, true);
  traced_pair traced({}, retry, true);
  REQUIRE(traced.pair->fail_to_connect());
  traced.server_traces.end();
  const auto files = files_of(traced.folder.path() / "server");
  REQUIRE(files.size() == 1);
  CHECK(files[0].string().ends_with("unopened.jsonl"));
  const auto lines = lines_of(files[0]);
  REQUIRE(lines.size() > 3);
  CHECK(event_of(lines.front()) == "quic:arrived");
  CHECK(lines.front().at("proven") == (retry ? 1 : 0));
  CHECK(event_of(lines.back()) == "quic:ended");
  CHECK(lines.back().at("reason").get<std::string>().find("not signed by a trusted CA") != std::string::npos);
}

TEST_CASE("trace: that begins anew tells whose the connection is, and nothing of what was lost before", "[trace]") {
  traced_pair traced;
  auto& pair = *traced.pair;
  REQUIRE(pair.connect());
  traced.client_traces.introduce(pair.client_id(),
                                 trace_field("peer", "server") + trace_field("address", "10.0.0.2:4433"));
  traced.client_traces.end();
  pair.world.network.conditions = {.delay = 2ms, .loss = 0.05};
  pair.send_from_client(lane::normal, byte_buffer(1 << 20, 1));
  REQUIRE(pair.world.run_until([&] { return pair.acknowledged(lane::normal) == 1 << 20; }, 600s));
  REQUIRE(pair.client->statistics(pair.client_id())->packets_lost > 0);
  pair.world.network.conditions = {.delay = 2ms};
  pair.world.run_for(1s);
  must(traced.client_traces.begin(traced.folder.path() / "late", pair.world.network.now()));
  pair.send_from_client(lane::normal, byte_buffer(10'000, 1));
  pair.world.run_for(1s);
  traced.client_traces.end();
  const auto files = files_of(traced.folder.path() / "late");
  REQUIRE(files.size() == 1);
  const auto lines = lines_of(files[0]);
  CHECK(event_of(lines.front()) == "trace:joined");
  CHECK(lines.front().at("peer") == "server");
  CHECK(first(lines, "quic:congestion"));
  CHECK_FALSE(first(lines, "quic:lost"));
}

TEST_CASE("trace: a file ends where it is as large as it may be, and says so", "[trace]") {
  temporary_directory folder;
  connection_traces traces;
  must(traces.begin(folder.path(), beginning));
  traces.introduce(1, {});
  const bool opened = GENERATE(true, false);
  const auto text = trace_field("reason", std::string(limits::logged_text_bytes, 'x'));
  connection_id id = 1;
  for (std::size_t bytes = 0; bytes < limits::trace_file_bytes + (1u << 20); bytes += text.size()) {
    if (opened) {
      traces.write(1, beginning, "quic:ended", text);
    } else {
      traces.write_early(++id, beginning, "quic:ended", text);
      traces.close(id);
    }
  }
  // Before tracing ends: who reads along sees it.
  const auto files = files_of(folder.path());
  REQUIRE(files.size() == 1);
  CHECK(std::filesystem::file_size(files[0]) <= limits::trace_file_bytes + 100);
  std::ifstream lines(files[0]);
  std::string line, last;
  while (std::getline(lines, line)) last = line;
  const trace_page page(QUICSYNC_DOCS);
  page.check(json::parse(last));
  CHECK(event_of(json::parse(last)) == "trace:full");
  CHECK(json::parse(last).contains("connection") == !opened);
}
