// Measures the pattern store on a real disk, and prints a JSON object a line. One thread.
//   bench_store [DIRECTORY [PATTERNS]]    a store is made there and removed
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <quicsync/actors/store/pattern_store.hpp>

#include "tests/codec/samples.hpp"

using namespace quicsync;

namespace {

using steady = std::chrono::steady_clock;

double ms_since(steady::time_point begin) {
  return std::chrono::duration<double, std::milli>(steady::now() - begin).count();
}

template <class T>
T must(result<T> value) {
  if (!value) {
    std::fprintf(stderr, "bench: %s\n", to_string(value.error()).c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*value);
}

struct longest {
  double total_ms = 0, most_ms = 0;
  void add(double ms) {
    total_ms += ms;
    most_ms = std::max(most_ms, ms);
  }
};

/// 256 patterns of numbers from `first` on, in this version.
slab_ptr make_slab(std::size_t first, std::uint64_t version) {
  slab_builder builder(1);
  for (std::size_t i = 0; i < limits::slab_records; ++i) {
    pattern p;
    p.id = "pattern-" + std::to_string(first + i);
    p.agent_id = "agent-" + std::to_string(i % 20);
    p.type = "test_execution";
    p.metadata.source = p.agent_id;
    p.metadata.tags = {"unit", "load"};
    p.timestamp = 1'760'000'000'000 + static_cast<std::int64_t>(first + i);
    p.version = version;
    p.data = R"({"suite":"unit","passed":)" + std::to_string((first + i) % 1000) + R"(,"failed":)" +
             std::to_string(version) + R"(,"flaky":false,"seconds":)" + std::to_string(first % 77) + ".25}";
    must(builder.add(p));
  }
  return builder.finish();
}

}  // namespace

int main(int count, char** arguments) {
  const std::filesystem::path directory = count > 1 ? arguments[1] : std::filesystem::temp_directory_path();
  const auto patterns = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 1'000'000ull;
  const auto path = directory / "quicsync-store-bench" / "a.db";
  std::filesystem::remove_all(path.parent_path());
  store_options options;
  options.path = path.string();
  options.key_seed = 1;
  auto store = must(pattern_store::open(options));
  longest writes, checkpoints, steps;
  log_position_number position = 0;
  auto write_all = [&](std::uint64_t version, std::size_t slabs_a_commit) {
    std::size_t written = 0;
    while (written < patterns) {
      std::vector<stored_set> sets;
      for (std::size_t s = 0; s < slabs_a_commit && written < patterns; ++s) {
        stored_set set;
        set.records = make_slab(written, version);
        for (std::size_t i = 0; i < set.records->size(); ++i) {
          set.places.push_back({++position, static_cast<std::uint16_t>(i)});
          if (version > 1) {
            set.places.back().over_version = version - 1;
            set.superseded.push_back(position - patterns);
          }
        }
        written += set.records->size();
        sets.push_back(std::move(set));
      }
      auto begin = steady::now();
      must(store->write(sets));
      writes.add(ms_since(begin));
      begin = steady::now();
      if (must(store->checkpoint())) checkpoints.add(ms_since(begin));
      if (version == 1) continue;
      begin = steady::now();
      must(store->compact(std::chrono::microseconds(1)));
      steps.add(ms_since(begin));
    }
  };
  auto print = [&](const char* what) {
    std::printf(
        "{\"what\":\"%s\",\"kPerSecond\":%.0f,\"longestWriteMs\":%.1f,\"longestCheckpointMs\":%.1f,"
        "\"longestCompactionStepMs\":%.1f,\"bytesPerPattern\":%.1f}\n",
        what, static_cast<double>(patterns) / (writes.total_ms + checkpoints.total_ms + steps.total_ms), writes.most_ms,
        checkpoints.most_ms, steps.most_ms,
        static_cast<double>(store->state().bytes) / static_cast<double>(store->state().live));
    std::fflush(stdout);
    writes = checkpoints = steps = {};
  };
  // A multiple of a slab's records, so that versions stand apart by as many positions.
  write_all(1, 4);
  print("write, 1024 patterns a commit");
  write_all(2, 4);
  print("replace, 1024 patterns a commit, a compaction step each");
  while (must(store->compact(std::chrono::microseconds(1)))) must(store->checkpoint());
  store.reset();
  auto begin = steady::now();
  store = must(pattern_store::open(options));
  const auto open_ms = ms_since(begin);
  std::size_t loaded = 0;
  begin = steady::now();
  must(store->load([&](stored_set set) -> result<void> {
    loaded += set.places.size();
    return {};
  }));
  std::printf("{\"what\":\"open and load\",\"patterns\":%zu,\"openMs\":%.0f,\"loadMs\":%.0f}\n", loaded, open_ms,
              ms_since(begin));
  store.reset();
  std::filesystem::remove_all(path.parent_path());
}
