// Any pieces as the blocks of a lane: the records that come out pass through another lane unchanged.
#include <quicsync/codec/block.hpp>
#include <quicsync/codec/stored_block.hpp>

#include "tests/fuzz/fuzz.hpp"

using namespace quicsync;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  bytes_view rest(bytes, size);
  (void)open_stored_block(rest);
  block_decoder decoder, second;
  block_encoder encoder;
  slab_builder builder(1), copies(1);
  std::vector<slab_ptr> full, copied;
  while (!rest.empty()) {
    const auto piece = fuzz::take_piece(rest);
    if (piece.empty() || !decoder.decode(piece, builder, full)) break;
  }
  full.push_back(builder.finish());
  for (const auto& each : full) {
    std::vector<bytes_view> records;
    for (std::size_t i = 0; i < each->size(); ++i) records.push_back(each->bytes(i));
    byte_buffer block;
    copied.clear();
    encoder.append(block, records);
    fuzz::require(second.decode(block, copies, copied).has_value());
    copied.push_back(copies.finish());
    std::size_t at = 0;
    for (const auto& copy : copied) {
      for (std::size_t i = 0; i < copy->size(); ++i, ++at) {
        fuzz::require(at < each->size() && copy->item(i).hash == each->item(at).hash);
      }
    }
    fuzz::require(at == each->size());
  }
  return 0;
}
