// What is inside a pattern_store: its tables, what is known of each row, and what to do next about them. Only for the
// files of pattern_store.
#pragma once
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <quicsync/actors/store/pattern_store.hpp>
#include <quicsync/actors/store/store_lock.hpp>
#include <quicsync/actors/store/store_tables.hpp>
#include <quicsync/actors/store/store_witness.hpp>
#include <quicsync/actors/store/stored_row.hpp>

namespace quicsync {

struct pattern_store::impl {
  using row_head = detail::store_tables::row_head;

  struct row_info {
    row_head head;
    std::vector<std::uint32_t> dead;  ///< ascending, counted from head.first
    std::uint64_t live() const noexcept { return head.count - std::min<std::uint64_t>(head.count, dead.size()); }
  };
  using row_map = std::map<log_position_number, row_info>;

  explicit impl(store_options o) : options(std::move(o)) {}

  // -- store_opening.cpp
  result<void> open();
  result<void> open_tables();
  result<void> prepare_files();
  result<void> write_log_again();
  result<void> make_new();
  result<void> read_what_is_there();
  result<void> read_dead(const std::vector<std::uint64_t>& ids);
  result<void> compare_with_witness();
  result<void> start_anew_after_loss();
  void lose(std::string what);
  std::uint64_t random_number() const;
  /// nullopt where the options name no file.
  result<std::optional<detail::store_key>> read_key() const;

  // -- pattern_store.cpp
  result<void> commit(const std::function<result<void>()>& change);
  result<void> write_witness();
  result<std::vector<stored_set>> sets_of(const row_info& row);
  result<void> set_aside(log_position_number first, const error& why);
  result<void> load(const std::function<result<void>(stored_set)>& each);
  result<void> write(std::span<const stored_set> sets, const pattern_store::notes& changed,
                     log_position_number reached);
  result<reading> read(std::span<const log_position_number> positions);
  result<std::uint64_t> bytes_used();
  result<std::uint64_t> make_room();

  row_map::iterator row_at(log_position_number position);
  bool is_dead(const row_info& row, log_position_number position) const;
  bool mark_dead(log_position_number position);
  void forget_needless_dead(row_info& row, const std::vector<stored_set>& sets);
  void note_row(const row_head& head);
  void drop_row(row_map::iterator row);

  // -- store_rescue.cpp
  result<void> finish_rescue();
  result<void> rescue(const error& why);
  result<void> install_rescued();
  std::string beside(const char* what) const { return options.path + what; }

  // -- store_compaction.cpp
  result<void> clear();
  result<bool> compact(std::chrono::microseconds budget);
  result<void> remove_cleared();
  result<void> rewrite_from(log_position_number first);
  result<void> shorten_dead();
  result<bool> checkpoint(bool all);
  bool has_dead_to_shorten() const noexcept;

  std::chrono::nanoseconds now() const { return options.clock(); }

  store_options options;
  detail::store_lock lock;
  detail::store_tables tables;
  std::optional<detail::store_witness> witness_file;
  pattern_store::notes noted;

  row_map rows;
  std::set<log_position_number> worth_rewriting;      ///< first positions of rows
  row_map cleared;                                    ///< forgotten, and not yet removed
  std::map<std::uint64_t, std::uint64_t> dead_lists;  ///< how many positions each of table `dead` names
  std::uint64_t dead_listed = 0;                      ///< by all of them
  std::uint64_t dead = 0, live = 0;                   ///< records in rows

  std::chrono::nanoseconds witness_written{0};
  bool witness_behind = false;
  std::uint64_t quarantined = 0;
  std::optional<error> failed, lost;

  log_position_number unpacked_first = 0;  ///< the row that was read last; 0: none
  std::vector<stored_set> unpacked;
};

}  // namespace quicsync
