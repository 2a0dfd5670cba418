// Measures the pattern table: what processor time it costs to take a record and to read it, and what a held pattern
// takes in memory, all in: record, entry, index, log, slab, and why it is held. Prints a JSON object a line. One
// thread.
//   bench_cache [PATTERNS]    a million by default
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include <quicsync/actors/cache/pattern_table.hpp>
#include <quicsync/codec/block.hpp>

#include "tests/codec/samples.hpp"

using namespace quicsync;

namespace {

constexpr std::size_t batch = 100;  // patterns of a block, as the peers send them
constexpr std::uint64_t key_seed = 1;

/// Of this thread: what else runs on the machine does not count.
double processor_ns() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e9 + static_cast<double>(used.tv_nsec);
}

std::size_t resident_bytes() {
  malloc_trim(0);
  std::size_t pages = 0, resident = 0;
  auto* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr || std::fscanf(file, "%zu %zu", &pages, &resident) != 2) std::abort();
  std::fclose(file);
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

/// Blocks as they come over the wire, so that nothing but the table is in memory.
std::vector<byte_buffer> make_blocks(std::size_t patterns, std::uint64_t version) {
  auto value = samples::simple_pattern();
  block_encoder encoder;
  std::vector<byte_buffer> blocks;
  std::vector<byte_buffer> records;
  for (std::size_t i = 0; i < patterns; ++i) {
    value.id = "pattern-" + std::to_string(i);
    value.version = version;
    value.timestamp += 1;
    value.data = R"({"testCase":"case_)" + std::to_string(i % 5000) + R"(","duration":)" + std::to_string(i % 997) +
                 R"(,"commit":")" + std::to_string(i * 0x9E3779B97F4A7C15ull) + R"("})";
    if (auto ok = append_record(records.emplace_back(), value); !ok) std::abort();
    if (records.size() < batch && i + 1 < patterns) continue;
    const std::vector<bytes_view> views(records.begin(), records.end());
    encoder.append(blocks.emplace_back(), views);
    records.clear();
  }
  return blocks;
}

/// Takes all of them into the table, in slabs of at most `slab_records`; the time that the table took.
double apply_all(pattern_table& table, const std::vector<byte_buffer>& blocks, std::size_t slab_records) {
  double taken_ns = 0;
  block_decoder decoder;
  slab_builder builder(key_seed);
  std::vector<slab_ptr> slabs;
  const auto apply = [&](const std::vector<slab_ptr>& all) {
    const auto begin = processor_ns();
    const sharing access;
    for (const auto& records : all) {
      pattern_table::batch taken(table, records, 1, access, 1);
      for (std::size_t i = 0; i < records->size(); ++i) {
        taken.expect(i);
        taken.apply(i);
      }
    }
    taken_ns += processor_ns() - begin;
  };
  const auto apply_in_pieces = [&](const slab_ptr& records) {
    if (records->size() <= slab_records) return apply({records});
    std::vector<slab_ptr> pieces;
    slab_builder piece(key_seed);
    for (std::size_t i = 0; i < records->size(); ++i) {
      if (!piece.add_record(records->bytes(i))) std::abort();
      if (piece.size() == slab_records || i + 1 == records->size()) pieces.push_back(piece.finish());
    }
    apply(pieces);
  };
  for (const auto& block : blocks) {
    if (auto ok = decoder.decode(block, builder, slabs); !ok) std::abort();
    for (const auto& full : slabs) apply_in_pieces(full);
    slabs.clear();
  }
  if (!builder.empty()) apply_in_pieces(builder.finish());
  return taken_ns;
}

void measure(std::size_t patterns, std::size_t slab_records) {
  const auto blocks = make_blocks(patterns, 1), again = make_blocks(patterns, 2);
  const auto before = resident_bytes();
  table_config config;
  config.key_seed = key_seed;
  config.ttl = std::chrono::hours(1);
  pattern_table table(config);
  const auto count = static_cast<double>(patterns);
  const double new_ns = apply_all(table, blocks, slab_records) / count;
  const auto held = static_cast<double>(resident_bytes() - before) / count;
  const double same_ns = apply_all(table, blocks, slab_records) / count;
  const double newer_ns = apply_all(table, again, slab_records) / count;
  const auto held_later = static_cast<double>(resident_bytes() - before) / count;
  std::size_t record_bytes = 0, read = 0;
  const auto begin = processor_ns();
  for (log_cursor after;;) {
    const auto page = table.read(after, lane_set::all_patterns());
    for (const auto& set : page.sets)
      for (const auto& change : set->changes) record_bytes += set->records->item(change.index).size, ++read;
    after = page.next;
    if (page.at_end) break;
  }
  const double read_ns = processor_ns() - begin;
  std::printf(
      "{\"what\":\"cache\",\"patterns\":%zu,\"slabRecords\":%zu,\"newNanos\":%.0f,\"sameNanos\":%.0f,"
      "\"newerNanos\":%.0f,\"readNanos\":%.0f,\"recordBytes\":%.1f,\"heldBytes\":%.1f,\"heldBytesLater\":%.1f,"
      "\"countedBytes\":%.1f}\n",
      patterns, slab_records, new_ns, same_ns, newer_ns, read_ns / static_cast<double>(read),
      static_cast<double>(record_bytes) / static_cast<double>(read), held, held_later,
      static_cast<double>(table.bytes()) / count);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t patterns = argc > 1 ? std::stoul(argv[1]) : 1'000'000;
  for (const std::size_t slab_records : {std::size_t{256}, std::size_t{1}}) measure(patterns, slab_records);
}
