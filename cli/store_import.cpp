#include "store_import.hpp"

namespace quicsync::cli {

result<store_import> store_import::begin(pattern_store& store, std::uint64_t key_seed, std::int64_t now_ms) {
  store_import made(store, key_seed, now_ms);
  auto loaded = store.load([&](stored_set set) -> result<void> {
    for (const auto& place : set.places) {
      const auto record = set.records->record(place.index);
      made.held_[std::string(record.id())] = {record.version(),
                                              record.timestamp(),
                                              std::string(record.agent_id()),
                                              record.deleted(),
                                              set.records->item(place.index).hash,
                                              place.position};
    }
    return {};
  });
  if (!loaded) return fail(std::move(loaded.error()));
  return made;
}

result<void> store_import::add(std::string_view json) {
  if (auto added = builder_.add_json(json); !added) return added;
  return builder_.full() ? finish() : result<void>();
}

result<void> store_import::finish() {
  stored_set set;
  set.records = builder_.finish();
  set.arrived_ms = now_ms_;
  for (std::size_t i = 0; i < set.records->size(); ++i) {
    const auto record = set.records->record(i);
    const auto& hash = set.records->item(i).hash;
    const auto [at, is_new] = held_.try_emplace(std::string(record.id()));
    auto& before = at->second;
    if (!is_new && order_of(record, hash) <= order(before)) {
      ++known_;
      continue;
    }
    stored_set::place place;
    place.position = ++position_;
    place.index = static_cast<std::uint16_t>(i);
    place.on = lane_of_priority(record.priority().value_or(0));
    if (!is_new) {
      place.over_version = before.version;
      set.superseded.push_back(before.position);
    }
    before = {record.version(), record.timestamp(), std::string(record.agent_id()), record.deleted(), hash,
              place.position};
    set.places.push_back(std::move(place));
    ++taken_;
  }
  return set.places.empty() ? result<void>() : store_->write({&set, 1});
}

}  // namespace quicsync::cli
