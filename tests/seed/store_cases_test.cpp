// Nodes with a store, on real sockets: what is acknowledged as stored is on disk, a restart keeps it, a broken disk is
// told.
#include <filesystem>
#include <fstream>
#include <future>

#include <catch2/catch_test_macros.hpp>
#include <stdlib.h>
#include <tests/seed/seed_node.hpp>
#include <tests/transport/identities.hpp>

namespace {

using namespace quicsync;
using namespace quicsync::seed;
using namespace std::chrono_literals;

delivery_wish stored_wish() {
  delivery_wish wish;
  wish.level = ack_level::stored;
  return wish;
}

/// However the test ends, nobody waits for the disk for ever.
struct held {
  explicit held(tests::memory_disk& disk) : disk_(disk) { disk_.hold(); }
  ~held() { release(); }
  void release() { disk_.release(); }

 private:
  tests::memory_disk& disk_;
};

std::shared_ptr<tests::memory_disk> new_disk() { return std::make_shared<tests::memory_disk>(); }

}  // namespace

TEST_CASE("store: nothing is acknowledged as stored before the commit is through, and applied does not wait for it",
          "[seed][store][net]") {
  auto disk = new_disk();
  seed_node keeper("keeper", disk), writer("writer");
  keeper.start();
  writer.start().connect(keeper);
  held standstill(*disk);
  auto stored = writer->sync_patterns(make_patterns(300), stored_wish());
  auto applied = writer->sync_pattern(make_pattern("other")).get();
  CHECK(applied.complete());
  CHECK(applied.peers.at(0).level == ack_level::applied);
  // The same again: a duplicate is no sooner on disk than the first copy.
  auto again = writer->sync_pattern(make_pattern("pattern-7"), stored_wish());
  CHECK(stored.wait_for(200ms) == std::future_status::timeout);
  CHECK(again.wait_for(0ms) == std::future_status::timeout);
  CHECK(disk->size() == 0);
  standstill.release();
  const auto report = stored.get();
  CHECK(report.complete());
  CHECK(report.peers.at(0).level == ack_level::stored);
  CHECK(again.get().complete());
  CHECK(disk->size() == 301);
  CHECK(keeper.state().store.condition == "working");
}

TEST_CASE("store: a restart keeps patterns, deletions, who brought them and for whom they are", "[seed][store][net]") {
  auto disk = new_disk();
  {
    seed_node keeper("keeper", disk), writer("writer");
    keeper.start();
    writer.start().connect(keeper);
    CHECK(writer->sync_patterns(make_patterns(500), stored_wish()).get().complete());
    CHECK(writer->sync_pattern(make_pattern("pattern-3", 2), stored_wish()).get().complete());
    CHECK(writer->delete_pattern("pattern-4", stored_wish()).get().complete());
    auto among = stored_wish();
    among.only_to = {"friend", "keeper"};
    among.pass_on = true;
    among.wait_for = {"keeper"};
    CHECK(writer->sync_pattern(make_pattern("secret"), among).get().complete());
    writer->stop();
    const auto before = keeper.state().store.position;
    CHECK(before == 503);
    keeper->stop();
    keeper.start();  // the same process
    CHECK(keeper.state().store.position >= before);
    CHECK(keeper.state().patterns == 500);
  }
  seed_node keeper("keeper", disk);  // another one
  keeper.start();
  CHECK(keeper.state().patterns == 500);
  CHECK(tests::must(keeper->get("pattern-3")).version == 2);
  CHECK(!keeper.holds("pattern-4"));
  CHECK(keeper->sync_pattern(make_pattern("pattern-5"), stored_wish()).get().own_level == ack_level::stored);
  // An older version of what was deleted does not come back.
  CHECK(keeper->sync_pattern(make_pattern("pattern-4")).get().local.at(0).what == share_outcome::verdict::superseded);
  CHECK(keeper.holds("secret"));
  seed_node stranger("stranger"), another("friend");
  stranger.start().connect(keeper);
  another.start().connect(keeper);
  until([&] { return another.state().patterns == 500 && stranger.state().patterns == 499; });
  CHECK(another.holds("secret"));
  CHECK(!stranger.holds("secret"));
}

TEST_CASE("store: a node's own shares say whether they are on its disk", "[seed][store][net]") {
  auto disk = new_disk();
  seed_node keeper("keeper", disk);
  keeper.start();
  auto report = keeper->sync_pattern(make_pattern("alone"), stored_wish()).get();
  CHECK(report.failure.code == errc::no_peers);
  CHECK(report.own_level == ack_level::stored);
  CHECK(disk->size() == 1);
  seed_node other("other");
  other.start().connect(keeper);
  report = keeper->sync_pattern(make_pattern("both"), stored_wish()).get();
  CHECK(report.complete());
  CHECK(report.own_level == ack_level::stored);
  REQUIRE(report.peers.size() == 1);
  CHECK(report.peers[0].level == ack_level::applied);  // that is all the other one has
  CHECK(other->sync_pattern(make_pattern("third"), stored_wish()).get().own_level == ack_level::applied);
}

TEST_CASE("store: clearing the cache clears it too, and it goes on after that", "[seed][store][net]") {
  auto disk = new_disk();
  seed_node keeper("keeper", disk);
  keeper.start();
  keeper->sync_patterns(make_patterns(300), stored_wish()).get();
  CHECK(disk->size() == 300);
  CHECK(tests::must(keeper->clear_cache()) == 300);
  CHECK(keeper->sync_pattern(make_pattern("after"), stored_wish()).get().own_level == ack_level::stored);
  CHECK(disk->size() == 1);
}

TEST_CASE("store: when the disk fails, nothing more is taken or said to be stored, and the node says why",
          "[seed][store][net]") {
  auto disk = new_disk();
  seed_node keeper("keeper", disk), writer("writer");
  keeper.start();
  writer.start().connect(keeper);
  CHECK(writer->sync_pattern(make_pattern("before"), stored_wish()).get().complete());
  disk->fail_writes({errc::store_failed, "the disk is on fire"});
  auto lost = writer->sync_pattern(make_pattern("during"), stored_wish()).get();
  CHECK(!lost.complete());
  CHECK(keeper.await("store:failed").failure.context == "the disk is on fire");
  for (int i = 0; i < 2; ++i) writer.await("peer:connected", "keeper");  // again
  auto refused = writer->sync_pattern(make_pattern("after"), stored_wish()).get();
  REQUIRE(refused.peers.size() == 1);
  REQUIRE(refused.peers[0].refused.size() == 1);
  CHECK(refused.peers[0].refused[0].second.code == errc::store_failed);
  CHECK(refused.peers[0].level == ack_level::applied);
  CHECK(keeper->sync_pattern(make_pattern("own")).get().local.at(0).reason.code == errc::store_failed);
  CHECK(keeper.state().store.condition == "failed");
  CHECK(disk->size() == 1);
  CHECK(keeper.holds("before"));
}

TEST_CASE("store: a node that may do without goes on in memory when the disk fails", "[seed][store][net]") {
  auto disk = new_disk();
  seed_node keeper("keeper", disk, [](node_config& c) { c.store_required = false; }), writer("writer");
  keeper.start();
  writer.start().connect(keeper);
  disk->fail_writes({errc::store_failed, "the disk is on fire"});
  writer->sync_pattern(make_pattern("during"), stored_wish()).get();
  keeper.await("store:failed");
  for (int i = 0; i < 2; ++i) writer.await("peer:connected", "keeper");  // again
  const auto report = writer->sync_pattern(make_pattern("after"), stored_wish()).get();
  CHECK(report.complete());
  CHECK(report.peers.at(0).level == ack_level::applied);
  CHECK(keeper.holds("after"));
}

TEST_CASE("store: a disk that stands still slows down who sends, and fills no memory", "[seed][store][net]") {
  auto disk = new_disk();
  seed_node keeper("keeper", disk), writer("writer");
  keeper.start();
  writer.start().connect(keeper);
  held standstill(*disk);
  const std::string large = '"' + std::string(60'000, 'x') + '"';
  std::vector<pattern> many;
  for (int i = 0; i < 1200; ++i) many.push_back(make_pattern("large-" + std::to_string(i), 1, large));
  auto shared = writer->sync_patterns(many, stored_wish());
  until([&] { return keeper.state().store.unstored_bytes >= limits::unstored_bytes; });
  CHECK(shared.wait_for(300ms) == std::future_status::timeout);
  CHECK(keeper.state().store.unstored_bytes < limits::unstored_bytes + limits::slab_bytes + (1u << 20));
  CHECK(keeper.state().patterns < many.size());
  standstill.release();
  CHECK(shared.get().complete());
  CHECK(disk->size() == many.size());
}

TEST_CASE("store: what the cache has no room for is read from the store, by whoever asks", "[seed][store][net]") {
  auto disk = new_disk();
  seed_node keeper("keeper", disk, [](node_config& c) { c.cache_entries = 100; });
  keeper.start();
  CHECK(keeper->sync_patterns(make_patterns(999), stored_wish()).get().own_level == ack_level::stored);
  // Makes room for itself: what is on disk by now can go.
  CHECK(keeper->sync_pattern(make_pattern("last"), stored_wish()).get().own_level == ack_level::stored);
  CHECK(keeper.state().patterns == 1000);
  CHECK(keeper.holds("pattern-7"));
  CHECK(tests::must(keeper->cached_patterns()).size() == 1000);
  CHECK(keeper->sync_pattern(make_pattern("pattern-8", 0)).get().local.at(0).what ==
        share_outcome::verdict::superseded);
  seed_node late("late");
  late.start().connect(keeper);
  until([&] { return late.state().patterns == 1000; });
  CHECK(late.holds("pattern-7"));
  keeper->stop();
  keeper.start();
  CHECK(keeper.state().patterns == 1000);
  CHECK(keeper.holds("pattern-998"));
}

namespace {

/// A store's file in a directory of its own, which goes with the test.
class store_file {
 public:
  store_file() {
    std::string name = (std::filesystem::temp_directory_path() / "quicsync-store-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    folder_ = name;
  }
  ~store_file() { std::filesystem::remove_all(folder_); }
  store_file(const store_file&) = delete;
  store_file& operator=(const store_file&) = delete;
  std::string path() const { return (folder_ / "node.db").string(); }

  /// One bit in the middle of every 64 KB.
  void damage() const {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    const auto bytes = std::filesystem::file_size(path());
    for (std::uint64_t at = 96u << 10; at < bytes; at += 64u << 10) {
      file.seekg(static_cast<std::streamoff>(at));
      const auto byte = static_cast<char>(file.get() ^ 4);
      file.seekp(static_cast<std::streamoff>(at));
      file.put(byte);
    }
  }

 private:
  std::filesystem::path folder_;
};

/// Patterns that hardly compress.
std::vector<pattern> rough_patterns(std::size_t count, std::uint64_t version = 1) {
  std::vector<pattern> patterns;
  std::uint64_t state = 1;
  for (std::size_t i = 0; i < count; ++i) {
    std::string text;
    while (text.size() < 400) text += std::to_string(state = state * 6364136223846793005u + 1442695040888963407u);
    patterns.push_back(make_pattern("rough-" + std::to_string(i), version, "\"" + text + "\""));
  }
  return patterns;
}

}  // namespace

TEST_CASE("store: what a damaged file has lost comes back from a peer, and both are told", "[seed][store][net]") {
  const store_file file;
  seed_node keeper("keeper", [&](node_config& config) { config.store = file.path(); }), other("other");
  keeper.start();
  other.start().connect(keeper);
  constexpr std::size_t count = 2000;
  CHECK(keeper->sync_patterns(rough_patterns(count), stored_wish()).get().complete());
  keeper->stop();
  keeper.start();  // now all of it is in the file
  keeper->stop();
  REQUIRE(std::filesystem::file_size(file.path()) > 256u << 10);
  file.damage();
  keeper.start();
  const auto left = keeper.state().patterns;
  CHECK(left < count);
  CHECK(keeper.await("store:lost").failure.code == errc::store_lost);
  CHECK(keeper.count("store:healed") == 0);
  other.connect(keeper);
  CHECK(keeper.await("store:healed").peer_id == "other");
  until([&] { return keeper.state().patterns == count; });
  for (const auto& value : tests::must(keeper->cached_patterns())) {
    const auto there = tests::must(other->get(value.id));
    CHECK((there.data == value.data && there.version == value.version));
  }
  // And it is on disk again.
  until([&] { return keeper.state().store.unstored_bytes == 0; });
  keeper->stop();
  keeper.start();
  CHECK(keeper.state().patterns == count);
}

TEST_CASE("store: at its size limit it makes room of what was replaced before it says that it is full",
          "[seed][store][net]") {
  const store_file file;
  seed_node keeper("keeper", [&](node_config& config) {
    config.store = file.path();
    config.store_bytes_max = 1'500'000;
  });
  keeper.start();
  for (std::uint64_t version = 1; version <= 40; ++version) {
    const auto report = keeper->sync_patterns(rough_patterns(500, version), stored_wish()).get();
    REQUIRE(report.own_level == ack_level::stored);
  }
  CHECK(keeper.count("store:failed") == 0);
  // What lives is too much: now it is full.
  for (int i = 0; i < 12 && keeper.count("store:failed") == 0; ++i) {
    auto more = rough_patterns(500);
    for (auto& value : more) value.id += "-" + std::to_string(i);
    keeper->sync_patterns(more, stored_wish()).get();
  }
  CHECK(keeper.await("store:failed").failure.code == errc::store_full);
}

TEST_CASE("store: who clears is answered when a restart would bring nothing back", "[seed][store][net]") {
  auto disk = new_disk();
  seed_node keeper("keeper", disk);
  keeper.start();
  keeper->sync_patterns(make_patterns(300), stored_wish()).get();
  held standstill(*disk);
  keeper->sync_pattern(make_pattern("one more"));  // the store waits for the disk with this
  until([&] { return keeper.holds("one more"); });
  auto cleared = std::async(std::launch::async, [&] { return tests::must(keeper->clear_cache()); });
  CHECK(cleared.wait_for(200ms) == std::future_status::timeout);
  CHECK(disk->size() == 300);
  standstill.release();
  CHECK(cleared.get() == 301);
  CHECK(disk->size() == 0);
}
