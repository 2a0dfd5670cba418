// A real node with a store, killed at random moments under full load: whatever it had acknowledged as stored is there
// again.
// `./dev test crash [CYCLES]`; QUICSYNC_TEST_SEED replays the moments as far as a real machine can.
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <sstream>
#include <thread>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include "../cli/workplace.hpp"

namespace quicsync::test {
namespace {

using std::chrono::steady_clock;

std::uint64_t number_of(const char* name, std::uint64_t otherwise) {
  const char* given = std::getenv(name);
  return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
}

double seconds_since(steady_clock::time_point begin) {
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

constexpr std::size_t ids = 100'000;  // shared in each cycle, so that what is stored is replaced as well

std::string line_of(std::size_t number, std::uint64_t version) {
  return fmt::format(
      R"({{"id":"pattern-{:06}","agentId":"agent-{}","type":"test_execution","data":{{"suite":"unit","passed":{},"failed":{},"text":"version {} of pattern {}"}},"metadata":{{"source":"crash","tags":["load"]}},"timestamp":{},"version":{}}})",
      number, number % 20, number % 1000, version % 7, version, number, 1'760'000'000'000 + version, version);
}

/// What a line of `export` or `list` says: the version by id.
std::map<std::string, std::uint64_t> versions_in(const std::string& output) {
  std::map<std::string, std::uint64_t> all;
  std::istringstream in(output);
  for (std::string line; std::getline(in, line);) {
    const auto id = line.find("\"id\":\"") + 6;
    const auto version = line.rfind("\"version\":") + 10;
    all[line.substr(id, line.find('"', id) - id)] = std::strtoull(line.c_str() + version, nullptr, 10);
  }
  return all;
}

class crash_run {
 public:
  crash_run(std::uint64_t cycles, std::uint64_t seed)
      : cycles_(cycles), random_(seed), key_(place_.write("key", std::string(32, 'k'))) {
    std::filesystem::permissions(key_, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    ::setenv("QUICSYNC_SYNC_COUNT", place_.path("syncs").c_str(), 1);
  }

  void run() {
    for (std::uint64_t cycle = 1; cycle <= cycles_; ++cycle) {
      INFO("cycle " << cycle);
      share_until_killed(cycle);
      compare_with_file();
      compare_with_node();
    }
    catch_up();
    std::cout << fmt::format(
        "{} kill -9 cycles: {} acknowledged as stored, 0 lost; {} patterns held; {} syncs; slowest start {:.2f} s\n",
        cycles_, acknowledgements_, stored_.size(), syncs_, slowest_start_);
  }

 private:
  // A peer holds newer versions of everything: the node is killed again and again while it catches up with it, has less
  // to fetch each time, and in the end holds all of it.
  void catch_up() {
    running_node full(place_, "gamma", {"--store", "none", "--admin", "none"});
    {
      std::ofstream input(place_.path("input"));
      for (std::size_t i = 0; i < ids; ++i) input << line_of(i, cycles_ + 1) << '\n';
    }
    REQUIRE(test::run(command("share", full, place_.identity("beta"), {place_.path("input")})).code == 0);
    auto with_peer = arguments();
    with_peer.insert(with_peer.end(), {"--peer", "gamma@" + full.address()});
    std::uint64_t newest_before = 0;
    for (std::uint64_t kill = 0; kill < std::max<std::uint64_t>(cycles_ / 5, 5); ++kill) {
      INFO("kill " << kill << " of catch-up");
      {
        running_node node(place_, "alpha", with_peer);
        std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 250));
        node.program().signal(SIGKILL);
        node.program().wait();
      }
      compare_with_file();
      const auto newest = static_cast<std::uint64_t>(std::count_if(
          in_file_.begin(), in_file_.end(), [this](const auto& each) { return each.second == cycles_ + 1; }));
      REQUIRE(newest >= newest_before);
      newest_before = newest;
    }
    std::cout << fmt::format("killed while it caught up: {} of {} patterns were on disk after the last time\n",
                             newest_before, ids);
    const running_node node(place_, "alpha", with_peer);
    const auto wanted = versions_in(test::run(command("list", full, place_.identity("beta"))).output);
    REQUIRE(wanted.size() == ids);
    const auto begin = steady_clock::now();
    while (versions_in(test::run(command("list", node, place_.identity("beta"))).output) != wanted) {
      REQUIRE(seconds_since(begin) < 60);
      std::this_thread::sleep_for(std::chrono::milliseconds(200));
    }
  }

  std::vector<std::string> arguments() const {
    return {"--store", place_.path("node.db"), "--store-key", key_, "--admin", "none"};
  }

  std::uint64_t read_syncs() const {
    std::uint64_t count = 0;
    std::ifstream(place_.path("syncs"), std::ios::binary).read(reinterpret_cast<char*>(&count), sizeof count);
    return count;
  }

  void share_until_killed(std::uint64_t cycle) {
    {
      std::ofstream input(place_.path("input"));
      for (std::size_t i = 0; i < ids; ++i) input << line_of(i, cycle) << '\n';
    }
    std::filesystem::remove(place_.path("acked"));
    // The node alone counts its syncs.
    ::setenv("LD_PRELOAD", QUICSYNC_SYNC_COUNTER, 1);
    const auto begin = steady_clock::now();
    running_node node(place_, "alpha", arguments());
    slowest_start_ = std::max(slowest_start_, seconds_since(begin));
    ::unsetenv("LD_PRELOAD");
    const auto syncs_before = read_syncs();
    process share(command("share", node, place_.identity("beta"),
                          {"--level", "stored", "--acked-ids", place_.path("acked"), place_.path("input")}));
    std::this_thread::sleep_for(std::chrono::milliseconds(20 + random_() % 400));
    node.program().signal(SIGKILL);
    node.program().wait();
    share.signal(SIGKILL);
    share.wait();
    std::ifstream acked(place_.path("acked"));
    std::uint64_t count = 0;
    for (std::string id; std::getline(acked, id) && !acked.eof(); ++count) stored_[id] = cycle;
    acknowledgements_ += count;
    const auto syncs = read_syncs() - syncs_before;
    syncs_ += syncs;
    if (count > 0) REQUIRE(syncs > 0);
  }

  void compare_with_file() {
    const auto exported = test::run({"store", "export", place_.path("node.db"), "--store-key", key_});
    INFO(exported.errors);
    REQUIRE(exported.code == 0);
    in_file_ = versions_in(exported.output);
    for (const auto& [id, version] : stored_) {
      const auto at = in_file_.find(id);
      if (at == in_file_.end()) FAIL(id << " was acknowledged in version " << version << " and is not there");
      if (at->second < version)
        FAIL(id << " was acknowledged in version " << version << " and is there in " << at->second);
    }
  }

  void compare_with_node() {
    const auto begin = steady_clock::now();
    running_node node(place_, "alpha", arguments());
    slowest_start_ = std::max(slowest_start_, seconds_since(begin));
    const auto listed = test::run(command("list", node, place_.identity("beta")));
    INFO(listed.errors);
    REQUIRE(listed.code == 0);
    const bool same = versions_in(listed.output) == in_file_;
    REQUIRE(same);
    // Sometimes it is killed as it stands, sometimes it ends well.
    if (random_() % 2 == 0) node.stop();
  }

  const std::uint64_t cycles_;
  std::mt19937_64 random_;
  workplace place_;
  const std::string key_;
  std::map<std::string, std::uint64_t> stored_;   ///< the version that was acknowledged last
  std::map<std::string, std::uint64_t> in_file_;  ///< after the last kill
  std::uint64_t acknowledgements_ = 0, syncs_ = 0;
  double slowest_start_ = 0;
};

}  // namespace

TEST_CASE("crash: what a node has acknowledged as stored is there after kill -9", "[crash][.slow]") {
  crash_run(number_of("QUICSYNC_CRASH_CYCLES", 50), number_of("QUICSYNC_TEST_SEED", 1)).run();
}

TEST_CASE("crash: a node with a million patterns starts in less than two seconds", "[crash][.slow]") {
  const workplace place;
  const auto store = place.path("node.db");
  {
    process import({"store", "import", store}, process::input::pipe);
    std::string text;
    for (std::size_t i = 0; i < 1'000'000; ++i) {
      text += line_of(i, 1) + '\n';
      if (text.size() < 1u << 20) continue;
      import.write(text);
      text.clear();
    }
    import.write(text);
    import.close_input();
    REQUIRE(import.wait() == 0);
  }
  const auto begin = steady_clock::now();
  running_node node(place, "alpha", {"--store", store, "--admin", "none"});
  const auto seconds = seconds_since(begin);
  std::cout << fmt::format("a million patterns: started in {:.2f} s, {} bytes on disk\n", seconds,
                           std::filesystem::file_size(store));
  CHECK(seconds < 2.0);
}

}  // namespace quicsync::test
