// What a connection's trace tells of QUIC: each event where it happens, as docs/TRACE.md says.
#include <filesystem>

#include <tests/transport/endpoint_pair.hpp>
#include <tests/transport/rogue_client.hpp>
#include <tests/transport/trace_page.hpp>

#include <quicsync/transport/connection_traces.hpp>

using namespace quicsync;
using namespace quicsync::tests;
using namespace std::chrono_literals;

namespace {

/// Both ends of a pair, each with a folder of traces.
struct traced_pair {
  explicit traced_pair(pair_options options = {}, bool retry = false) {
    must(client_traces.begin(folder.path() / "client"));
    must(server_traces.begin(folder.path() / "server"));
    auto client = config_of(identity_of("client"), options, 1), server = config_of(identity_of("server"), options, 2);
    client.traces = &client_traces;
    server.traces = &server_traces;
    if (retry) server.handshakes.unproven = 0;
    pair.emplace(std::move(client), std::move(server), options.seed);
  }
  /// How often each event was written, once tracing has ended; every line checked against the page.
  std::map<std::string, int> events() {
    client_traces.end();
    server_traces.end();
    std::map<std::string, int> seen;
    const trace_page page(QUICSYNC_DOCS);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path())) {
      if (!entry.is_regular_file()) continue;
      std::ifstream lines(entry.path());
      for (std::string line; std::getline(lines, line);) {
        const auto value = trace_page::json::parse(line);
        page.check(value);
        ++seen[value.at("event").get<std::string>()];
      }
    }
    return seen;
  }

  temporary_directory folder;
  connection_traces client_traces, server_traces;
  std::optional<endpoint_pair> pair;
};

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
  // The bytes of a connection that opened stand in the client's trace before it opened: it writes them with its file.
  traced_pair traced({.seed = 7, .lane_window_first_bytes = 64'000, .lane_window_bytes = 1'000'000}, true);
  auto& pair = *traced.pair;
  REQUIRE(pair.connect());
  traced.client_traces.write(pair.client_id(), {}, "quic:opened",
                             trace_field("peer", "server") + trace_field("address", "10.0.0.2:4433") +
                                 trace_field("incoming", std::uint64_t{0}) + trace_field("resumed", std::uint64_t{0}));
  pair.world.network.conditions = {.delay = 2ms, .jitter = 1ms, .loss = 0.02, .duplication = 0};
  pair.send_from_client(lane::normal, byte_buffer(4 << 20, 1));
  REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::normal).size() > 1'000'000; }, 600s));
  REQUIRE(pair.client->update_keys(pair.client_id(), pair.world.network.now()));
  pair.server.consume = false;
  pair.world.run_for(2s);
  pair.server.consume = true;
  pair.server->consumed(pair.server_id(), lane::normal, 10'000'000);
  pair.client.set_address(address::parse("10.0.0.77:5555").value());
  REQUIRE(pair.world.run_until([&] { return pair.at_server(lane::normal).size() == 4 << 20; }, 600s));
  pair.world.run_for(1s);
  pair.send_from_client(lane::low, byte_buffer(10, 3));
  pair.world.run_for(1s);
  auto seen = traced.events();
  for (const auto& event : trace_page::of_endpoints()) {
    if (event == "trace:full") continue;
    INFO(event);
    CHECK(seen[event] > 0);
  }
}

TEST_CASE("trace: those that never open share one file, however many they are", "[trace]") {
  temporary_directory folder;
  connection_traces traces;
  must(traces.begin(folder.path()));
  const auto now = std::chrono::steady_clock::now();
  for (connection_id id = 1; id <= 1000; ++id) {
    for (int i = 0; i < 1000; ++i) traces.write_early(id, now, "quic:arrived", trace_field("address", "192.0.2.1:9"));
    traces.close(id);
  }
  traces.end();
  std::size_t files = 0, bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    ++files;
    bytes += std::filesystem::file_size(entry.path());
    std::ifstream lines(entry.path());
    std::string line;
    std::getline(lines, line);
    CHECK(trace_page::json::parse(line).at("connection") == 1);
  }
  CHECK(files == 1);
  CHECK(bytes < 1000 * 2 * connection_traces::early_bytes_max);  // each line is given its connection
}

TEST_CASE("trace: a file ends where it is as large as it may be, and says so", "[trace]") {
  temporary_directory folder;
  connection_traces traces;
  must(traces.begin(folder.path()));
  const auto now = std::chrono::steady_clock::now();
  const std::string long_text = trace_field("reason", std::string(limits::logged_text_bytes, 'x'));
  for (std::size_t bytes = 0; bytes < limits::trace_file_bytes + (1u << 20); bytes += long_text.size())
    traces.write(1, now, "quic:ended", long_text);
  traces.end();
  const auto file = std::filesystem::directory_iterator(folder.path())->path();
  CHECK(std::filesystem::file_size(file) <= limits::trace_file_bytes + 100);
  std::ifstream lines(file);
  std::string line, last;
  while (std::getline(lines, line)) last = line;
  const trace_page page(QUICSYNC_DOCS);
  page.check(trace_page::json::parse(last));
  CHECK(trace_page::json::parse(last).at("event") == "trace:full");
}
