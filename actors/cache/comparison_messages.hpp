// What peers and the cache say to each other while two nodes catch up. docs/WIRE.md, "Catching up".
#pragma once
#include <memory>
#include <string>
#include <vector>

#include <quicsync/actors/cache/comparison_view.hpp>
#include <quicsync/actors/messages.hpp>
#include <quicsync/codec/digest.hpp>
#include <quicsync/codec/frame.hpp>
#include <quicsync/codec/sketch.hpp>

namespace quicsync {

/// How far one has come in another node's log, and under which filter.
struct remembered_log {
  log_position at;
  std::string filter;
};

namespace messages {

/// Of the records that `view` covers. Answered with `digest_answer`.
struct ask_digest {
  std::uint64_t tag = 0;
  std::shared_ptr<const comparison_view> view;
};
struct digest_answer {
  std::uint64_t tag = 0;
  digest value;
  log_position_number position = 0;  ///< the log's end at that moment
  std::uint64_t deletions = 0;       ///< as in digest_frame
  bool whole = false;                ///< false: not everything that was accepted is held, or it cannot be counted
};
/// Symbols of a sketch of the same records under this key; another key begins a new sketch. Answered with
/// `symbols_answer`, when they are built.
struct ask_symbols {
  std::uint64_t tag = 0;
  std::uint64_t key = 0;
  std::size_t first = 0, count = 0;
};
struct symbols_answer {
  std::uint64_t tag = 0;
  std::uint64_t total = 0;  ///< records in the sketch
  std::size_t first = 0;
  std::vector<sketch_symbol> symbols;
  bool declined = false;  ///< there is no room for another sketch
};
/// The other side lacks these. Answered with `selected`; then to be pulled with `pull_selected`.
struct select_records {
  std::uint64_t tag = 0;
  std::vector<sketch_item> items;
  std::vector<offered_record> offered;  ///< by the other side: newer ones leave out what was selected
};
struct selected {
  std::uint64_t tag = 0;
  std::vector<offered_record> records;
};
/// Answered with a `page` without `next`.
struct pull_selected {
  std::uint64_t tag = 0;
  std::size_t records_max = limits::turn_records;
  std::size_t bytes_max = limits::turn_bytes;
};
/// From a peer: its round is over.
struct end_round {};

/// A peer has brought something older than what is held, and would not meet that in the log.
struct answer_older {
  struct pair {
    std::shared_ptr<const change_set> newer;  ///< one record
    slab_ptr brought;
    std::uint16_t index = 0;  ///< in `brought`
  };
  std::uint64_t tag = 0;
  std::vector<pair> pairs;
};

/// Up to this position of the node's log everything is held here.
struct remember_log {
  std::string name;
  remembered_log what;
};
/// Answered with `recalled_log`.
struct recall_log {
  std::uint64_t tag = 0;
  std::string name;
};
struct recalled_log {
  std::uint64_t tag = 0;
  std::optional<remembered_log> what;
};

/// The cache to itself: there is more to compare.
struct compare_on {};

}  // namespace messages
}  // namespace quicsync

QUICSYNC_LOCAL_MESSAGE(quicsync::messages::ask_digest)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::digest_answer)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::ask_symbols)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::symbols_answer)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::select_records)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::selected)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::pull_selected)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::end_round)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::answer_older)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::remember_log)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::recall_log)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::recalled_log)
QUICSYNC_LOCAL_MESSAGE(quicsync::messages::compare_on)
