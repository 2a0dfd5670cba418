// What a connection's trace tells of sync: each frame in words, and two nodes that do everything there is to tell of.
#include <filesystem>
#include <thread>

#include <tests/transport/identities.hpp>
#include <tests/transport/trace_page.hpp>

#include <quicsync/actors/peer/frame_words.hpp>
#include <quicsync/actors/server.hpp>

#include "support.hpp"

using namespace quicsync;
using namespace std::chrono_literals;
using quicsync::test::make_pattern;
using quicsync::tests::must;
using quicsync::tests::trace_page;

namespace {

/// Nodes of one CA that write traces.
class traced_nodes {
 public:
  std::unique_ptr<server> started(const std::string& name, const std::function<void(node_config&)>& set = {}) {
    const auto ca = folder_.path() / "ca";
    if (!std::filesystem::exists(ca)) must(make_ca(ca));
    node_config config;
    config.cert = folder_.path() / (name + ".pem");
    config.key = folder_.path() / (name + ".key");
    config.ca = ca / "ca.pem";
    must(make_node_certificate(name, ca, folder_.path()));
    config.host = "127.0.0.1";
    config.port = 0;
    if (set) set(config);
    auto node = must(server::make(config));
    must(node->trace(folder(name)));
    must(node->start());
    return node;
  }
  std::filesystem::path folder(const std::string& of) const { return folder_.path() / "traces" / of; }
  /// How often each event was written; every line checked against the page.
  std::map<std::string, int> events() const {
    std::map<std::string, int> seen;
    const trace_page page(QUICSYNC_DOCS);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path() / "traces")) {
      if (!entry.is_regular_file()) continue;
      std::ifstream lines(entry.path());
      double last = 0;
      for (std::string line; std::getline(lines, line);) {
        const auto value = trace_page::json::parse(line);
        page.check(value);
        CHECK(value.at("us").get<double>() >= last);
        last = value.at("us").get<double>();
        ++seen[value.at("event").get<std::string>()];
      }
    }
    return seen;
  }

 private:
  tests::temporary_directory folder_;
};

/// What comes of it, where that comes in time.
template <class T>
T got(std::future<T> from) {
  REQUIRE(from.wait_for(60s) == std::future_status::ready);
  return from.get();
}

template <class F>
bool soon(F&& is_so) {
  for (const auto until = std::chrono::steady_clock::now() + 20s; std::chrono::steady_clock::now() < until;
       std::this_thread::sleep_for(5ms))
    if (is_so()) return true;
  return false;
}

}  // namespace

TEST_CASE("trace: every frame is told in the words of the page, and batches are left to those who know more",
          "[trace]") {
  const error reason{errc::not_allowed, "no"};
  const std::vector<frame> frames{frame{},
                                  hello_frame{},
                                  subscribe_frame{},
                                  acknowledgement_frame{1, ack_level::applied, {{0, 2}, {5, 5}}},
                                  acknowledgement_frame{77, ack_level::applied, {}},
                                  refusal_frame{1, 3, reason},
                                  query_frame{},
                                  reply_frame{},
                                  reply_frame{1, true, reason, {}},
                                  ping_frame{},
                                  pong_frame{},
                                  goodbye_frame{reason},
                                  error_frame{reason},
                                  neighbours_frame{},
                                  digest_frame{},
                                  sketch_frame{},
                                  request_frame{},
                                  unknown_base_frame{1, 2},
                                  again_frame{},
                                  offer_frame{},
                                  mark_frame{}};
  const trace_page page(QUICSYNC_DOCS);
  std::set<std::string> seen;
  for (const auto& each : frames) {
    const auto words = words_of(each);
    REQUIRE(words);
    page.check(trace_page::json::parse(R"({"us":1,"event":")" + std::string(words->event) + R"(","way":"in")" +
                                       words->fields + "}"));
    seen.insert(words->event);
  }
  CHECK(seen == trace_page::of_frames());
  CHECK_FALSE(words_of(batch_frame{}));
}

TEST_CASE("trace: two nodes that compare, share, refuse, ask and part write every event of the page", "[trace][net]") {
  traced_nodes nodes;
  auto alpha = nodes.started("alpha", [](node_config& c) {
    c.rules.write = {{{"beta", {"agent"}}}};
    c.limits.out.patterns_per_second = 2000;
  });
  auto beta = nodes.started("beta");
  // Enough that is the same on both sides for a sketch to be worth it, and a little that is not.
  for (auto* node : {alpha.get(), beta.get()}) {
    std::vector<pattern> held;
    for (int i = 0; i < 400; ++i) {
      held.push_back(make_pattern("both-" + std::to_string(i)));
      held.back().timestamp = 1760000000000 + i;
    }
    for (int i = 0; i < 3; ++i) held.push_back(make_pattern(std::string(node->name()) + "-" + std::to_string(i)));
    for (const auto& each : held) got(node->sync_pattern(each));
  }
  must(got(beta->connect_to_peer("127.0.0.1:" + std::to_string(alpha->port()), "alpha")));
  const auto holds = [](server& node, std::uint64_t count) { return must(node.state()).patterns == count; };
  REQUIRE(soon([&] { return holds(*alpha, 406) && holds(*beta, 406); }));

  // Acknowledged, refused, kept from the other one, and over the rate.
  auto foreign = make_pattern("foreign");
  foreign.agent_id = "somebody else";
  CHECK_FALSE(got(beta->sync_pattern(foreign)).complete());
  got(beta->sync_pattern(make_pattern("not for alpha"), {"gamma"}));
  for (int i = 0; i < 2500; ++i) alpha->sync_pattern(make_pattern("many-" + std::to_string(i)));
  CHECK(got(alpha->sync_pattern(make_pattern("last"))).complete());
  // Tracing that begins anew says whose the connection is, and counts on.
  must(alpha->trace({}));
  const auto before = [&] {
    const auto peers = must(alpha->state()).peers;
    REQUIRE(peers.size() == 1);
    return peers.front();
  }();
  must(alpha->trace(nodes.folder("alpha-late")));
  std::this_thread::sleep_for(100ms);  // the rate limit lets one more through at once
  CHECK(got(alpha->sync_pattern(make_pattern("later"))).complete());
  const auto answered = std::make_shared<std::promise<void>>();  // it may come when nobody waits any more
  beta->ask_peer(query_frame::kind::get, "last", [answered](const auto& page) {
    if (page.last) answered->set_value();
  });
  got(answered->get_future());
  beta.reset();
  REQUIRE(soon([&] { return must(alpha->state()).peers.empty(); }));
  alpha.reset();

  auto seen = nodes.events();
  for (const auto& event : trace_page::of_nodes()) {
    INFO(event);
    CHECK(seen[event] > 0);
  }
  std::vector<trace_page::json> late;
  for (const auto& entry : std::filesystem::directory_iterator(nodes.folder("alpha-late"))) {
    std::ifstream lines(entry.path());
    for (std::string line; std::getline(lines, line);) late.push_back(trace_page::json::parse(line));
  }
  REQUIRE_FALSE(late.empty());
  CHECK(late.front().at("event") == "trace:joined");
  CHECK(late.front().at("peer") == "beta");
  std::vector<trace_page::json> sent;
  for (const auto& line : late) {
    CHECK(line.at("event") != "sync:rate_wait");
    if (line.at("event") == "sync:sent") sent.push_back(line);
  }
  REQUIRE(sent.size() == 1);
  for (const auto each : all_lanes)
    if (sent[0].at("lane") == std::string(to_string(each)))
      CHECK(sent[0].at("first") == before.lanes[index_of(each)].patterns_sent);
  CHECK(sent[0].at("records") == 1);
}
