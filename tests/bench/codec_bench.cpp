// Measures the codec on a file of patterns, one JSON object a line, and prints a JSON object a line. One thread.
//   bench_codec [FILE [NEXT]]    NEXT: the same patterns, one version later, for the deltas; no FILE: patterns of its
//   own
// Figures: thousands a second of processor time (k/s), the best of three rounds, and bytes a pattern with frames
// included.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <lz4.h>
#include <time.h>

#include <quicsync/codec/block.hpp>
#include <quicsync/codec/delta.hpp>
#include <quicsync/codec/frame.hpp>
#include <quicsync/codec/json.hpp>
#include <quicsync/codec/sketch.hpp>

#include "tests/codec/samples.hpp"

using namespace quicsync;

namespace {

/// Texts one behind the other as in a file, and records one behind the other as in a slab.
struct corpus {
  std::string text;
  byte_buffer bytes;
  std::vector<std::string_view> lines;
  std::vector<bytes_view> records;
};

corpus encode(std::string text) {
  corpus all;
  all.text = std::move(text);
  std::vector<std::size_t> ends;
  for (std::string_view rest = all.text; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (const auto ok = append_record_of_json(all.bytes, line); !ok) {
      std::fprintf(stderr, "line %zu: %s\n", all.lines.size() + 1, ok.error().context.c_str());
      std::exit(1);
    }
    all.lines.push_back(line);
    ends.push_back(all.bytes.size());
  }
  std::size_t begin = 0;
  for (const auto end : ends) {
    all.records.push_back(bytes_view(all.bytes).subspan(begin, end - begin));
    begin = end;
  }
  return all;
}

corpus read(const char* path) {
  std::ifstream file(path);
  auto all = encode(std::string(std::istreambuf_iterator<char>(file), {}));
  if (all.lines.empty()) {
    std::fprintf(stderr, "%s: no patterns\n", path);
    std::exit(1);
  }
  return all;
}

corpus make() {
  std::string text;
  samples::pattern_maker maker(1);
  for (int i = 0; i < 100'000; ++i) {
    append_json(text, maker.make());
    text.push_back('\n');
  }
  return encode(std::move(text));
}

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

double best_seconds(const std::function<void()>& work) {
  double best = 1e9;
  for (int round = 0; round < 3; ++round) {
    const double begin = processor_seconds();
    work();
    best = std::min(best, processor_seconds() - begin);
  }
  return best;
}

void print_rate(const char* what, std::size_t count, double seconds) {
  std::printf("{\"what\":\"%s\",\"k_per_s\":%.0f}\n", what, static_cast<double>(count) / seconds / 1000);
  std::fflush(stdout);
}

/// What the machine does at this moment with nothing of ours: the texts themselves through lz4, by 100. Rates of
/// different runs compare as ratios to this.
void bench_yardstick(const corpus& all) {
  constexpr std::size_t batch = 100;
  const auto end_of = [&](std::size_t first) {
    const auto& last = all.lines[std::min(first + batch, all.lines.size()) - 1];
    return last.data() + last.size();
  };
  std::vector<std::pair<std::size_t, int>> packed;  // of each batch: size of its text, size compressed
  std::string wire(all.text.size() + all.text.size() / 128 + 1024, '\0'), text(1u << 24, '\0');
  const double encode = best_seconds([&] {
    packed.clear();
    std::size_t at = 0;
    for (std::size_t first = 0; first < all.lines.size(); first += batch) {
      const auto* const begin = all.lines[first].data();
      const auto size = static_cast<std::size_t>(end_of(first) - begin);
      packed.emplace_back(size, LZ4_compress_default(begin, wire.data() + at, static_cast<int>(size),
                                                     static_cast<int>(wire.size() - at)));
      at += static_cast<std::size_t>(packed.back().second);
    }
  });
  const double decode = best_seconds([&] {
    std::size_t at = 0;
    for (const auto& [size, compressed] : packed) {
      if (LZ4_decompress_safe(wire.data() + at, text.data(), compressed, static_cast<int>(size)) < 0) std::exit(1);
      at += static_cast<std::size_t>(compressed);
    }
  });
  const auto patterns = static_cast<double>(all.lines.size());
  std::printf("{\"what\":\"yardstick: lz4 of the JSON text by 100\",\"encode_k_per_s\":%.0f,\"decode_k_per_s\":%.0f}\n",
              patterns / encode / 1000, patterns / decode / 1000);
  std::fflush(stdout);
}

void bench_json(const corpus& all) {
  byte_buffer record;
  print_rate("json_to_record", all.lines.size(), best_seconds([&] {
               for (const auto& line : all.lines) {
                 record.clear();
                 if (!append_record_of_json(record, line)) std::exit(1);
               }
             }));
  std::string text;
  print_rate("record_to_json", all.lines.size(), best_seconds([&] {
               for (const auto& each : all.records) {
                 text.clear();
                 if (!append_json(text, *record_view::parse(each))) std::exit(1);
               }
             }));
  for (std::size_t i = 0; i < all.lines.size(); ++i) {
    text.clear();
    if (!append_json(text, *record_view::parse(all.records[i])) || text != all.lines[i]) {
      std::fprintf(stderr, "line %zu does not come back\n", i + 1);
      std::exit(1);
    }
  }
}

void bench_batches(const corpus& all, std::size_t batch, bool compress) {
  const auto slices = [&](auto&& use) {
    std::vector<bytes_view> views;
    std::size_t bytes = 0;
    for (const auto& record : all.records) {
      if (views.size() == batch || bytes + record.size() > limits::block_bytes) use(views), views.clear(), bytes = 0;
      views.push_back(record);
      bytes += record.size();
    }
    use(views);
  };
  byte_buffer wire;
  byte_buffer block;
  const double encode = best_seconds([&] {
    wire.clear();
    block_encoder encoder(compress);
    slices([&](const std::vector<bytes_view>& views) {
      block.clear();
      encoder.append(block, views);
      append_frame(wire, batch_frame{{}, block});
    });
  });
  const auto total = wire.size();
  const shared_bytes stream(std::move(wire));
  std::size_t count = 0;
  const double decode = best_seconds([&] {
    count = 0;
    frame_reader reader(limits::frame_bytes);
    reader.feed(stream);
    block_decoder decoder;
    slab_builder builder(1);
    std::vector<slab_ptr> full;
    while (true) {
      const auto next = reader.next();
      if (!next || !*next) break;
      if (!decoder.decode(std::get<batch_frame>(**next).block, builder, full)) std::exit(1);
      for (const auto& slab : full) count += slab->size();
      full.clear();
    }
    count += builder.finish()->size();
  });
  if (count != all.records.size()) std::exit(1);
  const auto patterns = static_cast<double>(all.records.size());
  std::printf(
      "{\"what\":\"batch\",\"lz4\":%s,\"batch\":%zu,\"encode_k_per_s\":%.0f,\"decode_k_per_s\":%.0f,\"bytes_a_"
      "pattern\":%.2f}\n",
      compress ? "true" : "false", batch, patterns / encode / 1000, patterns / decode / 1000,
      static_cast<double>(total) / patterns);
  std::fflush(stdout);
}

void bench_deltas(const corpus& before, const corpus& after) {
  constexpr std::size_t batch = 100;
  const auto count = std::min(before.records.size(), after.records.size());
  std::vector<std::uint64_t> checks;
  for (const auto& record : after.records) checks.push_back(delta_check(hash_of(record)));
  byte_buffer wire, block;
  std::vector<block_delta> deltas;
  const double make = best_seconds([&] {
    wire.clear();
    block_encoder encoder;
    for (std::size_t first = 0; first < count; first += batch) {
      const auto size = std::min(batch, count - first);
      deltas.clear();
      block.clear();
      for (std::size_t i = 0; i < size; ++i)
        deltas.push_back({static_cast<std::uint32_t>(i),
                          common_ends_of(before.records[first + i], after.records[first + i]), checks[first + i]});
      encoder.append(block, std::span(after.records).subspan(first, size), deltas);
      append_frame(wire, batch_frame{{}, block});
    }
  });
  const auto total = wire.size();
  const double apply = best_seconds([&] {
    frame_reader reader(limits::frame_bytes);
    reader.feed(shared_bytes::copy_of(wire));
    block_decoder decoder;
    for (std::size_t first = 0; first < count; first += batch) {
      const auto next = reader.next();
      const auto taken = decoder.decode_deltas(std::get<batch_frame>(**next).block, 1);
      slab_builder builder(1);
      for (std::size_t i = 0; taken && i < taken->deltas().size(); ++i)
        if (!builder.add_delta(*taken, i, before.records[first + i])) std::exit(1);
      const auto slab = builder.finish();
      if (slab->size() != std::min(batch, count - first) || !std::ranges::equal(slab->bytes(0), after.records[first]))
        std::exit(1);
    }
  });
  const auto patterns = static_cast<double>(count);
  std::printf(
      "{\"what\":\"delta\",\"batch\":%zu,\"make_k_per_s\":%.0f,\"apply_k_per_s\":%.0f,\"bytes_a_pattern\":%.2f}\n",
      batch, patterns / make / 1000, patterns / apply / 1000, static_cast<double>(total) / patterns);
}

/// A sketch of a million records, in slices; the longest slice, and what finding differences took.
void bench_sketch(std::size_t differences) {
  constexpr std::uint64_t key = 0x5bd1e995;
  constexpr std::size_t shared = 1'000'000, slice = 1024;
  std::mt19937_64 random(differences);
  sketch_source theirs(key), ours(key);
  theirs.reserve(shared + differences);
  ours.reserve(shared + differences);
  double longest = 0, spent = 0;
  const auto timed = [&](auto&& work) {
    const double begin = processor_seconds();
    work();
    const double took = processor_seconds() - begin;
    longest = std::max(longest, took);
    spent += took;
  };
  std::vector<content_hash> hashes(shared);
  for (auto& hash : hashes) hash = {random(), random()};
  for (std::size_t i = 0; i < shared; i += slice) {
    timed([&] {
      for (std::size_t j = i; j < std::min(shared, i + slice); ++j) theirs.add(hashes[j]);
    });
  }
  for (const auto& hash : hashes) ours.add(hash);
  for (std::size_t i = 0; i < differences; ++i) (i % 2 == 0 ? theirs : ours).add({random(), random()});
  sketch_decoder decoder(key);
  std::size_t bytes = 0;
  double decoding = 0;
  while (!decoder.complete()) {
    const auto from = decoder.size();
    const auto to = from + std::max<std::size_t>(4, from / 32);
    for (bool done = false; !done;) timed([&] { done = theirs.build(to, slice); });
    while (!ours.build(to, slice)) continue;
    byte_buffer wire;
    append_symbols(wire, theirs.symbols().subspan(from, to - from), from, theirs.size());
    bytes += wire.size();
    const auto symbols = take_symbols(wire, from, theirs.size());
    const double begin = processor_seconds();
    if (!symbols || !decoder.add(*symbols, ours.symbols().subspan(from, to - from))) std::exit(1);
    decoding += processor_seconds() - begin;
  }
  if (decoder.theirs().size() + decoder.ours().size() != differences) std::exit(1);
  std::printf(
      "{\"what\":\"sketch\",\"records\":%zu,\"differences\":%zu,\"symbols\":%zu,\"bytes\":%zu,\"build_s\":%.3f,"
      "\"longest_slice_ms\":%.3f,\"decode_s\":%.3f}\n",
      shared, differences, decoder.size(), bytes, spent, longest * 1000, decoding);
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  const auto all = count > 1 ? read(arguments[1]) : make();
  const auto patterns = static_cast<double>(all.lines.size());
  std::printf("{\"what\":\"corpus\",\"patterns\":%zu,\"json_bytes\":%.1f,\"record_bytes\":%.1f}\n", all.lines.size(),
              static_cast<double>(all.text.size()) / patterns - 1, static_cast<double>(all.bytes.size()) / patterns);
  bench_yardstick(all);
  bench_json(all);
  bench_yardstick(all);
  for (const std::size_t batch : {1u, 10u, 100u, 1000u}) bench_batches(all, batch, true);
  bench_batches(all, 100, false);
  if (count > 2) bench_deltas(all, read(arguments[2]));
  for (const std::size_t differences : {1u, 10u, 1000u, 50000u}) bench_sketch(differences);
  return 0;
}
