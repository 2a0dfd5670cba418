// Any bytes as the symbols of a sketch against a small set of one's own: decoding ends, and finds no more than there is
// room for.
#include <quicsync/codec/sketch.hpp>

#include "tests/fuzz/fuzz.hpp"

using namespace quicsync;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 4) return 0;
  const std::uint64_t key = bytes[0], first = bytes[1], total = bytes[2] * 1000u;
  sketch_source ours(key);
  for (unsigned i = 0; i < bytes[3]; ++i) ours.add({i, i});
  const auto theirs = take_symbols({bytes + 4, size - 4}, first, total);
  if (!theirs) return 0;
  byte_buffer again;
  append_symbols(again, *theirs, first, total);
  fuzz::require(again.size() == size - 4);
  while (!ours.build(theirs->size(), 64)) continue;
  sketch_decoder decoder(key);
  const auto split = theirs->size() / 2;
  const std::span<const sketch_symbol> all(*theirs);
  if (decoder.add(all.first(split), ours.symbols().first(split))) {
    (void)decoder.add(all.subspan(split), ours.symbols().subspan(split, all.size() - split));
  }
  fuzz::require(decoder.theirs().size() + decoder.ours().size() <= theirs->size());
  return 0;
}
