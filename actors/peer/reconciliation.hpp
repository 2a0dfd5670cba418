// Finding what two nodes do not share, round by round (docs/WIRE.md, "Catching up"): digests both ways; where they
// differ, the side that leads sends a sketch, the other decodes it, asks for what it lacks, and offers what it has
// alone. Sans-IO: frames and the cache's answers go in, actions come out. One a connection; owned by its session.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <quicsync/actors/cache/comparison_messages.hpp>
#include <quicsync/codec/frame.hpp>
#include <quicsync/codec/sketch.hpp>

namespace quicsync {

class reconciliation {
 public:
  // -- what the session is to do, in this order
  /// To the other side, when the control lane has room; then say drained().
  struct say {
    byte_buffer bytes;
  };
  struct ask_digest {};
  struct ask_symbols {
    std::uint64_t key = 0;
    std::size_t first = 0, count = 0;
  };
  struct select {
    std::vector<sketch_item> items;
    std::vector<offered_record> offered;
  };
  /// Send what was selected, then say selected_sent().
  struct send_selected {};
  /// Everything that this round owes has been sent: say so with a mark.
  struct say_mark {
    std::uint64_t round = 0;
    log_position_number position = 0;
  };
  /// Both digests of the first round are known. `deletions`: those may differ, and no further round tells of them.
  struct send_the_rest {
    log_position_number position = 0;  ///< of the own log, up to where the digests speak
    bool deletions = false;
  };
  /// Both sides hold the same of what is compared.
  struct equal {
    bool deletions = false;  ///< likewise
  };
  /// A sketch is not worth it, or cannot be had: what the other side was not sent yet is sent whole. `once_more`: the
  /// sets differ by so much that it must be, even where it was.
  struct copy_all {
    bool once_more = false;
    log_position_number position = 0;  ///< with `once_more`: of the own log, up to where the digests speak
  };
  /// The round is over, and the cache may forget its sketch.
  struct over {};
  using action =
      std::variant<say, ask_digest, ask_symbols, select, send_selected, say_mark, send_the_rest, equal, copy_all, over>;

  /// `leads`: this side sends the sketches; the other one must not. `seed`: of their keys, secret until they are used.
  reconciliation(bool leads, std::uint64_t seed, std::string filter)
      : leads_(leads), seed_(seed), filter_(std::move(filter)) {}

  std::vector<action> take_actions() { return std::exchange(actions_, {}); }

  /// Begins a round, where none is under way and the own set is not the one that was found equal, or stuck, last.
  void begin();
  /// The other side cannot compare, and will not within this connection.
  bool hopeless() const noexcept { return hopeless_; }
  /// The last two rounds met the same two sets: nothing heals what is between them for now, and begin() leaves a set
  /// that has not changed since alone.
  bool stuck() const noexcept { return stuck_.has_value(); }
  void try_again() noexcept { stuck_.reset(); }
  bool idle() const noexcept { return stage_ == stage::idle; }
  /// Rounds that the other side began.
  std::uint64_t rounds_joined() const noexcept { return joined_; }
  /// Differences that the last round found on both sides together.
  std::size_t found() const noexcept { return found_; }

  // -- from the other side. Errors: bad_frame, unexpected_frame, flood, those of sketches. What belongs to a round that
  // is over changes nothing.
  result<void> take(const digest_frame& theirs);
  result<void> take(const sketch_frame& sketch);
  result<void> take(const request_frame& request);
  result<void> take(const offer_frame& offer);
  /// Everything that a mark of this round speaks of is applied.
  void their_mark(std::uint64_t round);

  // -- from the cache
  void own_digest(const messages::digest_answer& own);
  result<void> own_symbols(messages::symbols_answer own);
  void selected(std::vector<offered_record> records);

  // -- from the session
  void drained();
  void selected_sent();

 private:
  enum class stage : std::uint8_t {
    idle,
    measuring,  ///< waits for the own digest
    greeted,    ///< said it, waits for the other side's
    sketching,  ///< leads: sends symbols, takes requests
    decoding,   ///< takes symbols
    picking,    ///< waits for the cache to find the records
    answering,  ///< sends them
    waiting,    ///< for the other side's mark
  };
  struct symbols_page {
    std::size_t first = 0;
    std::vector<sketch_symbol> symbols;
  };

  void say_frame(const frame& value);
  void decide();
  void give_up();
  void finish();
  void send_symbols();
  result<void> decode(const symbols_page& theirs, const std::vector<sketch_symbol>& ours);
  result<void> ask_for_more();
  bool is_over(std::uint64_t round) const noexcept { return round <= last_round_; }
  std::uint64_t records() const noexcept { return own_->count() + theirs_->count(); }

  bool leads_;
  std::uint64_t seed_;
  std::string filter_;
  std::vector<action> actions_;

  stage stage_ = stage::idle;
  std::uint64_t last_round_ = 0;  ///< that is over
  std::uint64_t joined_ = 0;
  bool hopeless_ = false;
  std::optional<digest> own_, theirs_;
  std::optional<digest> equal_;                       ///< both sides', when they were last found equal
  std::optional<std::pair<digest, digest>> unequal_;  ///< own and theirs, in the last round that found a difference
  std::optional<digest> stuck_;                       ///< own
  std::uint64_t own_deletions_ = 0, their_deletions_ = 0;
  std::optional<digest_frame> next_;  ///< the other side began the next round before this one was over here
  log_position_number position_ = 0;
  std::uint64_t key_ = 0;
  std::size_t found_ = 0;

  // leads
  std::size_t symbols_sent_ = 0, symbols_wanted_ = 0;
  bool symbols_asked_ = false;  ///< of the cache
  std::vector<sketch_item> requested_;
  std::vector<offered_record> offered_;

  // decodes
  std::optional<sketch_decoder> decoder_;
  std::deque<symbols_page> pages_;  ///< that wait for the own symbols
  std::size_t taken_ = 0, asked_for_ = 0;
  std::uint64_t their_total_ = 0;
};

}  // namespace quicsync
