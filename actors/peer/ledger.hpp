// The ledger: which shares wait for which peers. It compares what each peer has acknowledged (one position per lane and
// level) with where a share's patterns stand in the log, so it costs the same for one pattern and for a thousand;
// shares are found by position, so that those which it does not settle cost an acknowledgement nothing. Owned by the
// ledger actor; time is an argument.
#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <quicsync/actors/messages.hpp>

namespace quicsync {

class ledger {
 public:
  /// A report that is due, and to whom.
  struct due {
    caf::actor requester;
    messages::report what;
    bool takes_bundles = false;  ///< the requester does
  };

  /// `level`: the highest one that it acknowledges; a share that wishes for more is settled by that.
  void peer_up(peer_number peer, connection_id connection, std::string name, bool counts,
               ack_level level = ack_level::stored);
  /// Every share that waits for it is answered with `reason` for this peer. Without effect for another connection than
  /// the latest.
  void peer_down(peer_number peer, connection_id connection, const error& reason, time_point now);
  /// `this_store`: this node's own store has it on disk.
  void reached(peer_number peer, lane on, log_position_number position, ack_level level, time_point now);
  void refused(peer_number peer, lane on, log_position_number position, const error& reason);
  /// These are not sent to it. `positions` ascend.
  void passed_over(peer_number peer, lane on, const std::vector<log_position_number>& positions);
  /// The cache was cleared: what shares wait for will never be sent. All of them are answered with `reason`.
  void forgotten(const error& reason, time_point now);

  /// Pending shares wait for where the replaced records stand now.
  void moved(const std::vector<messages::moved::place>& places);

  /// Starts to follow a share.
  void track(messages::track share, time_point now);

  /// Ends the waits whose deadline has passed.
  void handle_deadline(time_point now);
  /// The next one; nullopt: none.
  std::optional<time_point> deadline() const;

  /// Reports that became due since the last call, in that order.
  std::vector<due> take_due();

  std::size_t pending() const noexcept { return shares_.size(); }

 private:
  static constexpr std::size_t level_count = 3;
  using share_id = std::uint64_t;
  struct peer_entry {
    connection_id connection = 0;
    std::string name;
    bool counts = true;
    ack_level level = ack_level::stored;
    std::array<std::array<log_position_number, lane_count>, level_count> reached{};
    /// Shares that wait for it at a level, by the last place that they have on a lane and that it has not reached.
    std::array<std::array<std::set<std::pair<log_position_number, share_id>>, lane_count>, level_count> awaited;
  };
  /// What a peer did not take, by where it stands in the log. It is not sent again, so that a further share of the same
  /// record is told from here.
  struct refusals {
    std::string name;  ///< the peer's
    std::map<log_position_number, error> reasons;
    log_position_number unknown_until = 0;  ///< up to there some are forgotten
  };
  struct waiting_for {
    peer_number peer = 0;
    ack_level level = ack_level::applied;  ///< what the share wishes for, or the highest that the peer has
    peer_outcome outcome;
    bool settled = false;
  };
  struct share_entry {
    caf::actor requester;
    std::uint64_t number = 0;
    time_point started;
    time_point deadline;
    share_outcomes local;
    std::vector<std::pair<lane, log_position_number>> places;
    std::array<log_position_number, lane_count> last{};  ///< the highest place on each lane
    std::vector<waiting_for> peers;
    bool alone = false;  ///< there is no peer: it waits for this node's store
    bool takes_bundles = false;
  };
  /// Patterns of a share that follow each other in the log.
  struct run {
    share_id share = 0;
    std::uint32_t first_index = 0;
    std::uint32_t count = 0;
  };
  struct place_of_share {
    share_id share = 0;
    std::uint32_t index = 0;
  };

  // by position
  void add_runs(share_id id, const share_entry& share);
  void remove_runs(share_id id, const share_entry& share);
  std::vector<place_of_share> shares_at(log_position_number position) const;
  void move_place(const place_of_share& at, const messages::moved::place& move);
  void await(share_id id, const share_entry& share);
  void stop_awaiting(share_id id, const share_entry& share);

  static peer_entry own_store();
  static void find_last(share_entry& share) noexcept;
  bool has_all(const peer_entry& peer, ack_level level, const share_entry& share) const noexcept;
  log_position_number reached_by(const waiting_for& wait, lane on) const noexcept;
  static void mark(const share_entry& share, waiting_for& wait, std::size_t index, pattern_fate fate);
  static void note_refusal(const share_entry& share, waiting_for& wait, std::uint32_t index, const error& reason);
  void settle(const share_entry& share, waiting_for& wait, error failure, time_point now);
  void settle_all(const error& reason, time_point now, std::optional<peer_number> peer);
  void recall_refusals(share_entry& entry);
  void wait_for_peers(share_entry& entry, const delivery_wish& wish, time_point now);
  bool finish_if_settled(share_id id);
  void report_without_waiting(messages::track& share, error failure);

  std::map<peer_number, peer_entry> peers_;   ///< ordered: the order shows in reports
  std::map<peer_number, refusals> refusals_;  ///< of nodes also while they are away
  std::map<share_id, share_entry> shares_;    ///< oldest first
  std::multimap<log_position_number, run> runs_;
  std::uint32_t longest_run_ = 1;
  std::set<std::pair<time_point, share_id>> deadlines_;
  share_id last_share_ = 0;
  std::vector<due> due_;
};

}  // namespace quicsync
