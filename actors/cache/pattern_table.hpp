// The pattern table: what a node holds, one entry an id, and the log that readers follow. All the decisions of the
// cache: the merge rule, who may have what, what goes when room or time is over. Owned by the cache actor,
// single-threaded; time is an argument. One shard; ids would be spread over several by slab_item::key.
#pragma once
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <queue>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include <quicsync/actors/cache/arrivals.hpp>
#include <quicsync/actors/cache/key_index.hpp>
#include <quicsync/actors/cache/lane_log.hpp>
#include <quicsync/actors/cache/paged_vector.hpp>
#include <quicsync/actors/cache/replacements.hpp>
#include <quicsync/actors/cache/table_digests.hpp>
#include <quicsync/actors/config.hpp>
#include <quicsync/actors/log_cursor.hpp>
#include <quicsync/actors/messages.hpp>
#include <quicsync/codec/limits.hpp>
#include <quicsync/codec/merge.hpp>
#include <quicsync/codec/slab.hpp>

namespace quicsync {

/// A record that is in the table without its payload.
struct cold_record {
  log_position_number position = 0;
  lane on = lane::normal;
  peer_number source = this_node;
  sharing access;
};

struct table_config {
  std::uint64_t key_seed = 0;                                         ///< the node's secret, as its slabs use it
  std::size_t entries_max = std::numeric_limits<std::size_t>::max();  ///< patterns; deletions do not count
  std::size_t bytes_max = std::numeric_limits<std::size_t>::max();    ///< records and what it takes to hold them
  std::optional<std::chrono::milliseconds> ttl;                       ///< from arrival
  std::chrono::milliseconds horizon = std::chrono::hours(7 * 24);     ///< what is gone is remembered so long
  type_priorities sync_priority;                                      ///< of what has no priority of its own
  std::size_t entries_expected = 0;                                   ///< room for so many is made at once
  bool stored = false;  ///< a store has to be told what is gone: take_gone()
};

class pattern_table {
 public:
  explicit pattern_table(table_config config) : config_(std::move(config)) {
    by_key_.reserve(config_.entries_expected);
  }
  /// Without bounds.
  explicit pattern_table(std::uint64_t key_seed) { config_.key_seed = key_seed; }

  static constexpr std::uint32_t none = no_number;  ///< no entry

  enum class verdict : std::uint8_t {
    added,      ///< the first record of its id
    replaced,   ///< greater than the one held
    duplicate,  ///< the very record that is held
    older,      ///< less than the one held
    widened,    ///< the very record that is held, and more may have it now
    expired,    ///< taken, but its time was over when it came: only its place in the merge rule is kept
    crowded,    ///< not taken: more than limits::frame_names may have it
    no_room,    ///< not taken: everything held is still to be acknowledged by a peer
  };
  struct outcome {
    verdict what = verdict::added;
    bool conflict = false;  ///< same version and other content: somebody lost
    lane on = lane::normal;
    log_position_number position = 0;  ///< where the record that is held now stands; 0: it is expired
    log_position_number replaced = 0;  ///< where the one stood that it replaced; 0: none
    slab_ptr loser = nullptr;          ///< of a conflict
    std::uint16_t loser_index = 0;
    std::uint32_t entry = none;  ///< where it is held, for taken_at(); none where nothing was taken
    bool accepted() const noexcept {
      return what == verdict::added || what == verdict::replaced || what == verdict::widened;
    }
  };

  /// Records of one slab that come together. What they have in common is worked out once for all of them. While it
  /// lives nothing else changes the table.
  class batch {
   public:
    /// `source` brings them; `access` says who may have these versions. The slab stays referenced while enough of its
    /// records are held. Slab and access live as long as this.
    batch(pattern_table& table, const slab_ptr& records, peer_number source, const sharing& access,
          std::int64_t now_ms);
    batch(pattern_table&, slab_ptr&&, peer_number, const sharing&, std::int64_t) = delete;
    batch(pattern_table&, const slab_ptr&, peer_number, sharing&&, std::int64_t) = delete;

    /// Before apply() of each of them, in order: brings what those that follow will look at nearer to the processor.
    /// Costs nothing to leave out; a table of a million misses the caches several times a record.
    void expect(std::size_t index);
    /// The merge rule (docs/WIRE.md): the greater record of an id stays. May evict others for its room.
    outcome apply(std::size_t index);

   private:
    pattern_table& table_;
    const slab_ptr& records_;
    const sharing& access_;
    const std::int64_t now_ms_;
    const peer_number source_;
    const bool is_crowded_;
    const bool room_for_all_;  ///< whatever comes of them
    /// Entries that records to come may stand for, as expect() found them in the index.
    std::array<std::uint32_t, 8> expected_{};
    bool finds_ids_ = true;  ///< the last one that expect() looked for was there
  };
  /// One by itself.
  outcome apply(const slab_ptr& records, std::size_t index, peer_number source, const sharing& access = {},
                std::int64_t now_ms = 0) {
    return batch(*this, records, source, access, now_ms).apply(index);
  }

  /// Where a record stood and what it had won over when a store took it.
  struct past {
    log_position_number position = 0;
    std::int64_t arrived_ms = 0;
    std::optional<std::uint64_t> over_version;
    peer_number over_source = this_node;
  };
  /// Takes back what a store kept, at the place where it stood. Precondition: after last_position(). What the store had
  /// not let go of in time (of two records of one id the lesser) is gone now, as take_gone() then says.
  outcome restore(const slab_ptr& records, std::size_t index, peer_number source, const sharing& access,
                  const past& before);
  /// What restore() wants of a record that apply() has just taken, by its `outcome::entry`.
  struct taken {
    peer_number source = this_node;
    sharing access;
    pattern_table::past past;
  };
  taken taken_at(std::uint32_t entry_index) const;
  /// Positions up to this one are never given again.
  void resume_after(log_position_number position) noexcept { last_position_ = std::max(last_position_, position); }

  /// Positions at which nothing stands any more, since the last call; none without a store. What was evicted is not
  /// among them.
  std::vector<log_position_number> take_gone() { return std::exchange(gone_, {}); }

  /// The record held for an id; a null slab where there is none (any more).
  struct place {
    slab_ptr records;
    std::uint16_t index = 0;
    peer_number source = this_node;
    sharing access;
    log_position_number cold = 0;  ///< only the store has its payload, at this position; 0: it is here
  };
  place find(std::string_view id) const;
  /// Something is known of the id of this record: a version, a deletion, or the place of what has expired.
  bool knows(const slab& records, std::size_t index) const {
    return find_entry(records.item(index).key, records.id(index)) != none;
  }

  /// Why the record of an id is the one that is held.
  struct reason {
    peer_number source = this_node;             ///< who brought it
    std::int64_t arrived_ms = 0;                ///< when
    std::optional<std::uint64_t> over_version;  ///< what it replaced; none: the first of its id
    peer_number over_source = this_node;        ///< who had brought that
    order_part decided = order_part::none;      ///< where the two differ, as far as it is known
    lane on = lane::normal;                     ///< where it stands
  };
  std::optional<reason> why(std::string_view id) const;

  /// What follows `after` on `lanes`, most urgent lane first: at most `records_max` records and `bytes_max` bytes (at
  /// least one record, if there is one). Superseded positions are passed over.
  struct reading {
    std::vector<std::shared_ptr<const change_set>> sets;
    log_cursor next;
    bool at_end = false;
    std::vector<cold_record> cold = {};  ///< belong to it, but only the store has their payload
  };
  reading read(const log_cursor& after, lane_set lanes, std::size_t records_max = limits::turn_records,
               std::size_t bytes_max = limits::turn_bytes) const;
  /// Deltas will be wanted: from now on it is noted what replaces what.
  void note_replacements() noexcept { notes_replacements_ = true; }
  /// The same as read() for a reader that takes deltas, without what it has brought: sets say what their changes have
  /// in common with what it holds.
  reading read_for(const delta_reader& peer, const log_cursor& after, lane_set lanes,
                   std::size_t records_max = limits::turn_records, std::size_t bytes_max = limits::turn_bytes) const;

  /// True when a reader at `after` would get nothing.
  bool nothing_after(const log_cursor& after, lane_set lanes) const noexcept;

  // -- what peers compare

  table_digests& digests() noexcept { return digests_; }
  /// Counts so many entries more of digests that are not complete yet.
  void scan_digests(std::size_t entries_max);
  /// Entries are numbered from 0 up to this; a number is used again once its id is forgotten.
  std::uint32_t entries() const noexcept { return static_cast<std::uint32_t>(entries_.size()); }
  /// Calls back for each of these entries that holds a record which is no deletion.
  template <class F>
  void visit_held(std::uint32_t first, std::uint32_t last, F&& visit) const {
    for (auto i = first; i < std::min<std::size_t>(last, entries_.size()); ++i)
      if ((entries_[i].has_record() && !entries_[i].deleted) || entries_[i].cold) visit(held(i));
  }
  /// Adds the record that an entry holds to a page, where there is one; returns its bytes.
  std::size_t append_to(reading& page, std::uint32_t entry_index) const;
  /// The record held for the id of one that somebody brought, as a set of its own, to answer them; null where nothing
  /// greater is held or only its place is kept.
  std::shared_ptr<const change_set> newer_than(const slab& records, std::size_t index) const;
  /// How many records a reader at `after` has before it; superseded ones beyond a few thousand may be among them.
  std::size_t left_after(const log_cursor& after) const;

  /// Forgets everything; positions go on from where they were.
  std::size_t clear();

  // -- what only the store has the payload of

  /// Everything up to this position is in the store: what is evicted of it keeps its place in the table.
  void set_durable(log_position_number position) noexcept { durable_ = std::max(durable_, position); }
  /// The store has lost what stood there: nothing is known of that id any more.
  void forget_cold(log_position_number position, lane on);
  /// Nothing can be read from the store any more, and nothing is kept there.
  void lose_store() noexcept {
    config_.stored = false;
    partial_ = partial_ || cold_ != 0;
  }

  // -- room and time: table_retention.cpp

  /// What this peer has not acknowledged is not evicted, unless that is more than limits::outbox_records.
  void set_progress(peer_number peer, lane on, log_position_number position);
  void forget_progress(peer_number peer);

  /// Does what is due at this time, at most `limits::turn_records` of it: payloads of expired patterns go, what came
  /// longer ago than the ttl goes, what is gone past the horizon is forgotten.
  void maintain(std::int64_t now_ms);
  /// When maintain() has something to do; nullopt: never.
  std::optional<std::int64_t> next_due_ms() const;

  /// Patterns; neither deletions nor expired ones.
  std::size_t size() const noexcept { return live_ + cold_; }
  /// Those of them whose payload is here.
  std::size_t warm() const noexcept { return live_; }
  /// Not everything that was accepted is held any more: another node's state must not be compared with this.
  bool partial() const noexcept { return partial_; }
  /// What only the store has.
  std::size_t cold() const noexcept { return cold_; }
  std::uint64_t evicted() const noexcept { return evicted_; }
  std::size_t bytes() const noexcept;
  log_position_number last_position() const noexcept { return last_position_; }
  /// Log entries, superseded ones included: at most twice what is held and a constant.
  std::size_t log_size() const noexcept;
  /// Slabs that are kept alive.
  std::size_t slabs() const noexcept { return arrivals_.slabs(); }

 private:
  /// Two to a cache line: what is held is mostly this.
  struct alignas(32) entry {
    log_position_number position = 0;
    std::uint64_t over_version = 0;
    std::uint32_t from = none;  ///< its arrival; none: cold or expired, see left_
    peer_number over_source = this_node;
    std::uint16_t index = 0;  ///< in the arrival's slab
    lane on = lane::normal;
    order_part decided : 3 = order_part::none;  ///< none: it replaced nothing
    bool deleted : 1 = false;
    bool cold : 1 = false;  ///< its record is in the store only; see left_
    bool has_record() const noexcept { return from != none; }
  };
  static_assert(sizeof(entry) == 32);
  /// What an expired or a cold record leaves here: its place in the merge rule.
  struct order_left : cold_identity {
    std::string agent_id;
    std::uint64_t key = 0;
    std::int64_t timestamp = 0, expires_at = 0, arrived_ms = 0;
    peer_number source = this_node;
    std::uint32_t size = 0;  ///< of a cold record
    sharing access = {};     ///< of a cold record
  };
  /// Something to be done about an entry, as long as it stands at this position.
  struct due {
    std::int64_t when_ms = 0;
    log_position_number position = 0;
    std::uint32_t entry_index = 0;
    bool operator>(const due& other) const noexcept {
      return std::pair(when_ms, position) > std::pair(other.when_ms, other.position);
    }
  };

  reading read_but_from(peer_number reader, const log_cursor& after, lane_set lanes, std::size_t records_max,
                        std::size_t bytes_max) const;
  held_record held(std::uint32_t entry_index) const;
  lane lane_of(const slab& records, std::size_t index) const;
  std::string_view id_of(std::uint32_t entry_index) const;
  record_order order_at(std::uint32_t entry_index) const;
  std::uint32_t find_entry(std::uint64_t key, std::string_view id) const;
  merge_result compare(std::uint32_t entry_index, const slab& records, std::size_t index) const;
  outcome widen(std::uint32_t entry_index, const slab_ptr& records, std::size_t index, peer_number source,
                const sharing& access);
  std::uint32_t add_entry(std::uint64_t key);
  void remove_entry(std::uint32_t entry_index);
  log_position_number stand(std::uint32_t entry_index, lane on, log_position_number replaced, bool is_timed);
  void leave(lane on, log_position_number position);
  std::optional<replacements::step> step_over(std::uint32_t entry_index, const slab& records, std::size_t index,
                                              const sharing& access) const;
  log_position_number passed_by_all() const;
  static bool is_logged(const entry& e) noexcept { return e.has_record() || e.cold; }
  static log_position_number read_at(const entry& e) noexcept { return is_logged(e) ? e.position : 0; }
  /// For lane_log: whether the entry that was accepted there still stands there.
  auto stands() const noexcept {
    return [this](const lane_log::standing& at) {
      const entry& e = entries_[at.entry];
      return e.position == at.position && is_logged(e);
    };
  }
  const slab& slab_of(const entry& e) const noexcept { return *arrivals_[e.from].records; }
  const slab_item& item_of(const entry& e) const noexcept { return slab_of(e).item(e.index); }
  std::int64_t arrived_ms(std::uint32_t entry_index) const;
  peer_number source_of(std::uint32_t entry_index) const;
  void note_gone(log_position_number position) {
    if (config_.stored) gone_.push_back(position);
  }

  // table_retention.cpp
  /// From attach() to detach() an entry holds a record: no other function changes that.
  void attach(std::uint32_t entry_index, const slab_ptr& records, std::size_t index, peer_number source,
              const sharing& access, std::int64_t arrived_ms);
  void detach(std::uint32_t entry_index);
  void copy_what_is_left(const slab_ptr& records);
  void gather_lone_ones();
  static bool is_lone(const slab& records);
  void copy_together(const std::vector<std::uint32_t>& entries);
  std::uint32_t find_attached(const slab& records, std::size_t index) const;
  void expire(std::uint32_t entry_index, order_left left);
  void cool(std::uint32_t entry_index);
  void evict(const lane_log::standing& at, lane on);
  static order_left order_left_of(const slab& records, std::size_t index, peer_number source, std::int64_t arrived_ms);
  void plan_entry(std::uint32_t entry_index);
  bool has_room_for_all_of(const slab& records, const sharing& access) const;
  bool is_full_for(std::size_t bytes, std::uint32_t in_place_of) const;
  bool make_room(std::size_t bytes, std::uint32_t in_place_of);
  bool evict_one(const log_cursor& acknowledged, std::uint32_t but_not);
  bool forget_one_gone(const log_cursor& acknowledged, std::uint32_t but_not);
  void handle(const due& d, std::int64_t now_ms);
  std::optional<lane_log::standing> oldest(lane on, std::uint32_t but_not = none) const;
  log_cursor acknowledged_by_all() const;
  log_cursor may_be_evicted_to() const;

  table_config config_;
  table_digests digests_;
  page_pool pages_;
  key_index by_key_{pages_};
  paged_vector<entry> entries_{pages_};
  std::vector<std::uint32_t> free_;  ///< entries that hold nothing
  arrivals arrivals_;
  std::vector<std::uint32_t> lone_;  ///< entries whose slab was small when they came, of late
  std::array<lane_log, lane_count> logs_;
  mutable log_cursor evicted_to_;  ///< nothing to be evicted stands at or before it
  log_position_number last_position_ = 0;
  std::size_t live_ = 0;
  std::size_t cold_ = 0;
  log_position_number durable_ = 0;
  std::size_t bytes_ = 0;  ///< of records, and what it takes to hold them one by one
  std::uint64_t evicted_ = 0;
  bool partial_ = false;
  std::int64_t waits_for_peers_until_ms_ = 0;  ///< what the ttl has ended is not acknowledged yet

  absl::flat_hash_map<std::uint32_t, order_left> left_;             ///< by entry; never iterated
  std::priority_queue<due, std::vector<due>, std::greater<>> due_;  ///< of some entries that were replaced, too
  std::map<peer_number, log_cursor> progress_;                      ///< what peers have acknowledged
  replacements replacements_;                                       ///< for peers that take deltas
  bool notes_replacements_ = false;                                 ///< there is such a peer, or was of late
  std::vector<log_position_number> gone_;                           ///< for take_gone()
};

}  // namespace quicsync
