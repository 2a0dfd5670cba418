#include "history.hpp"

#include <catch2/catch_test_macros.hpp>

namespace quicsync::test {
namespace {

/// Of the record and of everything that stands beside it.
std::uint64_t hash_of_place(const stored_set& set, const stored_set::place& place) {
  const auto hash = set.records->item(place.index).hash;
  std::string beside = set.source + '|' + std::to_string(set.arrived_ms) + '|' + place.over_source + '|' +
                       std::to_string(place.over_version.value_or(0)) + std::string(to_string(place.on));
  if (set.access.audience)
    for (const auto& name : *set.access.audience) beside += '|' + name;
  return hash.low ^ hash_of(as_bytes(beside)).low;
}

}  // namespace

history::history(memory_disk& disk, std::uint64_t seed, std::string key_file)
    : disk_(disk), random_(seed), key_file_(std::move(key_file)) {}

store_options history::options() {
  store_options o;
  o.path = "a.db";
  o.vfs = disk_.name();
  o.key_seed = key_seed;
  o.key_file = key_file_;
  o.clock = [this] { return now_; };
  o.random = [this](std::uint8_t* to, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) to[i] = static_cast<std::uint8_t>(random_());
  };
  return o;
}

history::contents history::load(pattern_store& store) {
  contents all;
  auto done = store.load([&](stored_set set) -> result<void> {
    for (const auto& place : set.places) all[place.position] = hash_of_place(set, place);
    return {};
  });
  if (!done) all.clear();
  return all;
}

bool history::open() {
  auto opened = pattern_store::open(options());
  if (!opened) {
    last_error = opened.error();
    return false;
  }
  store_ = std::move(*opened);
  const auto& lost = store_->state().lost;
  INFO((lost ? lost->context : std::string()));
  REQUIRE_FALSE(lost);
  contents all;
  auto done = store_->load([&](stored_set set) -> result<void> {
    for (const auto& place : set.places) all[place.position] = hash_of_place(set, place);
    return {};
  });
  if (!done) {
    last_error = done.error();
    store_.reset();
    return false;
  }
  const bool whole = under_way_ && all == *under_way_ && store_->durable_position() == position_under_way_;
  if (!whole) {
    INFO(all.size() << " records are there, " << acknowledged_.size() << " were acknowledged, "
                    << (under_way_ ? under_way_->size() : 0) << " would be with what was under way; position "
                    << store_->durable_position() << " of " << position_ << " or " << position_under_way_);
    REQUIRE((all == acknowledged_ && store_->durable_position() == position_));
  } else {
    acknowledged_ = *under_way_;
    held_ = held_after_;
    position_ = position_under_way_;
  }
  under_way_.reset();
  return true;
}

bool history::took(const result<void>& done) {
  if (!done) {
    last_error = done.error();
    return false;
  }
  acknowledged_ = std::move(*under_way_);
  held_ = held_after_;
  position_ = position_under_way_;
  under_way_.reset();
  return true;
}

bool history::write() {
  under_way_ = acknowledged_;
  held_after_ = held_;
  position_under_way_ = position_;
  std::vector<stored_set> sets;
  for (auto count = 1 + random_() % 4; count > 0; --count) {
    std::vector<sample_record> records;
    std::map<std::uint64_t, bool> in_set;
    for (auto n = 1 + random_() % (random_() % 4 == 0 ? 60 : 6); n > 0; --n) {
      const auto number = random_() % 400;
      if (!in_set.emplace(number, true).second) continue;
      records.push_back({number, ++versions_[number], random_() % 50 == 0 ? 9000u : random_() % 60});
    }
    auto set = make_set(position_under_way_ + 1, records, random_() % 2 == 0 ? "beta" : "");
    if (random_() % 5 == 0) set.access = sharing::only_to({"gamma", "delta"});
    for (std::size_t i = 0; i < records.size(); ++i) {
      auto& at = held_after_[records[i].number];
      if (at.second != 0) {
        set.superseded.push_back(at.second);
        under_way_->erase(at.second);
      }
      at = {records[i].version, set.places[i].position};
      (*under_way_)[set.places[i].position] = written_[set.places[i].position] = hash_of_place(set, set.places[i]);
    }
    position_under_way_ += records.size();
    count_ += records.size();
    sets.push_back(std::move(set));
  }
  pattern_store::notes changed;
  if (random_() % 3 == 0) changed["beta"] = {static_cast<std::uint8_t>(random_())};
  const auto syncs = disk_.syncs();
  const auto done = store_->write(sets, changed);
  if (done) {
    REQUIRE(disk_.syncs() > syncs);
    REQUIRE(disk_.all_synced("-wal"));
  }
  return took(done);
}

bool history::read() {
  std::vector<log_position_number> wanted;
  for (const auto& [position, hash] : acknowledged_)
    if (random_() % 16 == 0) wanted.push_back(position);
  auto got = store_->read(wanted);
  if (!got) {
    last_error = got.error();
    return false;
  }
  contents all;
  for (const auto& set : got->sets)
    for (const auto& place : set.places) all[place.position] = hash_of_place(set, place);
  REQUIRE(got->damaged.empty());
  REQUIRE(all.size() == wanted.size());
  for (const auto& [position, hash] : all) REQUIRE(acknowledged_.at(position) == hash);
  return true;
}

bool history::step() {
  now_ += std::chrono::milliseconds(5);
  switch (random_() % 10) {
    case 0: {
      const auto done = store_->compact(std::chrono::microseconds(0));
      if (!done) last_error = done.error();
      return done.has_value();
    }
    case 1: {
      const auto done = store_->checkpoint(random_() % 3 == 0);
      if (!done) last_error = done.error();
      return done.has_value();
    }
    case 2: {
      const auto done = store_->witness();
      if (!done) last_error = done.error();
      return done.has_value();
    }
    case 3:
      return read();
    case 4:
      if (random_() % 40 != 0) return write();
      under_way_ = contents{};
      held_after_.clear();
      position_under_way_ = position_;
      return took(store_->clear());
    default:
      return write();
  }
}

}  // namespace quicsync::test
