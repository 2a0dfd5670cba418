// Patterns as JSON lines into a store, by the merge rule. Owned by the command; single-threaded.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include <quicsync/actors/store/pattern_store.hpp>
#include <quicsync/codec/record.hpp>

namespace quicsync::cli {

class store_import {
 public:
  /// Reads from the store what it holds. Errors: those of pattern_store::load().
  static result<store_import> begin(pattern_store& store, std::uint64_t key_seed, std::int64_t now_ms);

  /// Takes one pattern; it is written with others. Errors: those of slab_builder::add_json(), nothing is taken then;
  /// those of pattern_store::write().
  result<void> add(std::string_view json);
  /// Writes what was taken.
  result<void> finish();

  std::uint64_t taken() const noexcept { return taken_; }
  /// The store has the same, or a newer one.
  std::uint64_t known() const noexcept { return known_; }

 private:
  struct held {
    std::uint64_t version = 0;
    std::int64_t timestamp = 0;
    std::string agent_id;
    bool deleted = false;
    content_hash hash;
    log_position_number position = 0;
  };
  store_import(pattern_store& store, std::uint64_t key_seed, std::int64_t now_ms)
      : store_(&store), builder_(key_seed), now_ms_(now_ms), position_(store.durable_position()) {}
  static record_order order(const held& h) noexcept { return {h.version, h.timestamp, h.agent_id, h.deleted, h.hash}; }

  pattern_store* store_;
  slab_builder builder_;
  std::int64_t now_ms_;
  log_position_number position_;
  std::unordered_map<std::string, held> held_;  ///< by id; never iterated
  std::uint64_t taken_ = 0, known_ = 0;
};

}  // namespace quicsync::cli
