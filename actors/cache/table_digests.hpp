// The digests of what the pattern table holds, one for each set that peers compare, kept up to date as records come and
// go. Deletions are in one of their own, expired ones in none. Owned by the pattern table, on its thread.
#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <quicsync/actors/cache/comparison_view.hpp>
#include <quicsync/codec/digest.hpp>

namespace quicsync {

class table_digests {
 public:
  /// Calls back for each record that is held in the entries from `first` up to `last`.
  using visitor =
      std::function<void(std::uint32_t first, std::uint32_t last, const std::function<void(const held_record&)>&)>;
  using view_ptr = std::shared_ptr<const comparison_view>;

  table_digests();

  // -- the table says
  void held(const held_record& record);
  void gone(const held_record& record);
  void deletion_held(const held_record& record);
  void deletion_gone(const held_record& record);
  void clear();

  // -- who compares
  /// Keeps the digest of this set from now on; a number for it, never 0. Where it is the first of its kind it is
  /// counted by scan(). nullopt: limits::digests_kept of them are kept already.
  std::optional<std::uint32_t> follow(view_ptr view);
  void forget(std::uint32_t number);
  /// nullopt: not counted yet.
  std::optional<digest> find(std::uint32_t number) const;

  /// Of everything that everybody may have.
  const digest& find_all() const { return contents_.at(0).sum; }

  /// digest::short_sum() of the deletions; one that not everybody may have makes it another one than the peers'.
  std::uint64_t deletions() const noexcept { return deletions_.short_sum() + marked_deletions_; }

  bool scanning() const noexcept { return scans_ != 0; }
  /// Counts so many entries more of what is not counted yet; `entries`: how many the table has.
  void scan(std::uint32_t entries, std::size_t entries_max, const visitor& visit);

 private:
  static constexpr std::uint32_t whole = std::numeric_limits<std::uint32_t>::max();
  /// Records that everybody may have, by content: peers with the same filter and without rules share one.
  struct by_content {
    std::string kind;
    view_ptr view;
    std::size_t users = 0;
    digest sum;
    std::uint32_t scanned = 0;  ///< entries before it are counted
    bool wants_all = false;     ///< the view does
  };
  /// Records with an audience, for one peer.
  struct followed {
    view_ptr view;
    std::uint32_t content = 0;  ///< number of its by_content
    digest marked;
    std::uint32_t scanned = 0;
  };
  void count_in(const held_record& record, bool add);

  std::map<std::uint32_t, by_content> contents_;  ///< the first one is of everything, and always there
  std::map<std::uint32_t, followed> views_;
  std::size_t marked_ = 0;  ///< records held that not everybody may have
  std::size_t held_ = 0;
  digest deletions_;  ///< that everybody may have
  std::size_t marked_deletions_ = 0;
  std::size_t scans_ = 0;
  std::uint32_t last_number_ = 0;
};

}  // namespace quicsync
