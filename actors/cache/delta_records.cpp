#include <quicsync/actors/cache/delta_records.hpp>

namespace quicsync {

std::vector<placed_record> rebuild(const delta_block& block, const pattern_table& table, std::uint64_t key_seed) {
  std::vector<placed_record> out(block.size());
  std::vector<bool> is_delta(block.size());
  slab_builder builder(key_seed);
  std::vector<std::uint32_t> rebuilt;
  for (std::size_t i = 0; i < block.deltas().size(); ++i) {
    const auto& delta = block.deltas()[i];
    is_delta[delta.place] = true;
    const auto held = table.find(block.id(delta));
    if (!held.records) continue;
    const slab_item& item = held.records->item(held.index);
    const bool same = item.version == delta.version && static_cast<std::uint64_t>(item.timestamp) == delta.timestamp &&
                      delta_check(item.hash) == delta.check;
    if (same)
      out[delta.place] = {held.records, held.index};
    else if (!item.deleted && builder.add_delta(block, i, held.records->bytes(held.index)))
      rebuilt.push_back(delta.place);
  }
  const slab_ptr records = builder.finish();
  for (std::size_t i = 0; i < rebuilt.size(); ++i) out[rebuilt[i]] = {records, static_cast<std::uint16_t>(i)};
  std::uint16_t whole = 0;
  for (std::uint32_t place = 0; place < out.size(); ++place)
    if (!is_delta[place]) out[place] = {block.whole(), whole++};
  return out;
}

}  // namespace quicsync
