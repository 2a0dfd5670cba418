// Frames: what one node says to another on a lane. Each is a type, a length and a payload; unknown types are skipped by
// length so that wire versions can meet. docs/WIRE.md, "frames".
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/codec/digest.hpp>
#include <quicsync/codec/error.hpp>

namespace quicsync {

inline constexpr std::uint64_t wire_version = 1;

/// Type numbers; never reused.
enum class frame_type : std::uint8_t {
  batch = 0x01,
  hello = 0x02,
  subscribe = 0x03,
  acknowledgement = 0x04,
  refusal = 0x05,
  query = 0x06,
  reply = 0x07,
  ping = 0x08,
  pong = 0x09,
  goodbye = 0x0a,
  error = 0x0b,
  neighbours = 0x0c,
  digest = 0x0d,
  sketch = 0x0e,
  request = 0x0f,
  delta = 0x10,  ///< sent by no version; deltas stand in blocks
  unknown_base = 0x11,
  marked_batch = 0x12,  ///< a batch with marks; batch_frame stands for both
  offer = 0x13,
  mark = 0x14,
  again = 0x15,
};

/// How far a pattern got at the other side. Each level includes the ones before.
enum class ack_level : std::uint8_t { received = 0, applied = 1, stored = 2 };
enum class node_role : std::uint8_t { node = 0, client = 1 };

/// A place in a store's history: what a neighbour has of us, so that it can resume there.
struct log_position {
  std::uint64_t incarnation = 0;  ///< random, new with each store (or each start without one)
  std::uint64_t position = 0;     ///< counts accepted records
  bool operator==(const log_position&) const = default;
};

/// Bits of hello_frame::capabilities.
namespace capability {
inline constexpr std::uint64_t takes_deltas = 1;  ///< blocks may hold deltas
}

/// The first frame on the control lane, both ways; nothing else is taken before it.
struct hello_frame {
  std::uint64_t version_min = wire_version;
  std::uint64_t version_max = wire_version;
  std::string name;  ///< the node's identity; must agree with its certificate
  node_role role = node_role::node;
  std::uint64_t instance = 0;              ///< random, new with each start of the process
  std::uint64_t capabilities = 0;          ///< bits of `capability`; unknown ones are ignored
  std::uint64_t pattern_bytes_max = 0;     ///< the largest pattern this side takes
  ack_level level = ack_level::applied;    ///< the highest level this side acknowledges
  log_position log;                        ///< where this side's history stands
  std::optional<log_position> remembered;  ///< what this side has of the other's history
  bool partial = false;                    ///< this side does not hold everything: do not reconcile against it
  bool operator==(const hello_frame&) const = default;
};

/// What the sender of this frame wants to be sent. Replaces an earlier one.
struct subscribe_frame {
  enum class start : std::uint8_t { now = 0, beginning = 1, position = 2 };
  std::string filter;  ///< canonical expression; empty means everything
  start from = start::now;
  log_position position;  ///< with start::position
  bool operator==(const subscribe_frame&) const = default;
};

/// Who may have the records of a batch. Empty audience means everybody who may read them.
struct record_marks {
  std::vector<std::string> audience;
  bool no_relay = false;
  bool empty() const noexcept { return audience.empty() && !no_relay; }
  bool operator==(const record_marks&) const = default;
};

/// Records on a lane. They are numbered from 0 in the order they stand on the lane of this connection; acknowledgements
/// and refusals name them by that number.
struct batch_frame {
  record_marks marks;
  bytes_view block;  ///< for block_decoder; a view into the frame's bytes
};

struct sequence_range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  ///< inclusive
  bool operator==(const sequence_range&) const = default;
};

/// "For each of these records my state for its id is at least that version, at this level."
struct acknowledgement_frame {
  std::uint8_t lane = 0;  ///< the lane the records came on
  ack_level level = ack_level::applied;
  std::vector<sequence_range> ranges;  ///< ascending, not touching, at least one
  bool operator==(const acknowledgement_frame&) const = default;
};

/// "I did not take this record."
struct refusal_frame {
  std::uint8_t lane = 0;
  std::uint64_t sequence = 0;
  error reason;
  bool operator==(const refusal_frame&) const = default;
};

struct query_frame {
  enum class kind : std::uint8_t { list = 0, get = 1 };
  std::uint64_t number = 0;  ///< chosen by the asker, repeated in each reply
  kind what = kind::list;
  std::string argument;  ///< list: a filter expression; get: the id
  bool operator==(const query_frame&) const = default;
};

/// One page of an answer.
struct reply_frame {
  std::uint64_t number = 0;
  bool last = false;
  std::optional<error> failure;  ///< then there is no block
  bytes_view block;              ///< an independent (fresh) block, may be empty; a view into the frame's bytes
};

struct ping_frame {
  std::uint64_t token = 0;
  bool operator==(const ping_frame&) const = default;
};
struct pong_frame {
  std::uint64_t token = 0;
  bool operator==(const pong_frame&) const = default;
};
/// "I am leaving on purpose": the connection's end that follows is no failure.
struct goodbye_frame {
  error reason;
  bool operator==(const goodbye_frame&) const = default;
};
/// "You did something wrong": followed by the connection's end.
struct error_frame {
  error reason;
  bool operator==(const error_frame&) const = default;
};
/// Names of the nodes this side is connected to: what came from it need not be relayed to them.
struct neighbours_frame {
  std::vector<std::string> names;
  bool operator==(const neighbours_frame&) const = default;
};

/// "These are my records under this filter": the first word of a reconciliation. Equal digests end it.
struct digest_frame {
  std::uint64_t round = 0;  ///< chosen by who begins, repeated in all frames of this reconciliation
  std::string filter;       ///< canonical expression; what the digest covers
  digest value;
  std::uint64_t deletions = 0;  ///< digest::short_sum() of the deletions that this side holds
  bool operator==(const digest_frame&) const = default;
};
/// Symbols of a sketch of the same records.
struct sketch_frame {
  std::uint64_t round = 0;
  std::uint64_t key = 0;    ///< of the items; made anew for each connection
  std::uint64_t total = 0;  ///< records in the sketch
  std::uint64_t first = 0;  ///< place of the first symbol
  bytes_view symbols;       ///< for take_symbols(); a view into the frame's bytes
};
/// "Send me this much more of your sketch" (none: let us give it up), or "send me these records as they stand now".
struct request_frame {
  enum class kind : std::uint8_t { symbols = 0, records = 1 };
  std::uint64_t round = 0;
  kind what = kind::symbols;
  std::uint64_t first = 0, count = 0;  ///< with kind::symbols
  std::vector<std::uint64_t> items;    ///< with kind::records: sketch items, at most limits::request_items
  bool operator==(const request_frame&) const = default;
};
/// One of the records that only the offering side has.
struct offered_record {
  std::uint64_t id = 0;  ///< sketch_id_of() its id
  std::uint64_t version = 0;
  bool operator==(const offered_record&) const = default;
};
/// What the side that decoded a sketch found to have alone: of what it requested, the other side need not send an older
/// version of these. The last one of a round ends its requests.
struct offer_frame {
  std::uint64_t round = 0;
  bool last = false;
  std::vector<offered_record> records;  ///< at most limits::offered_records
  bool operator==(const offer_frame&) const = default;
};
/// "Once you have applied the records numbered below these, you have all that is meant for you of my log up to there,
/// and all that I owe you in this round."
struct mark_frame {
  std::uint64_t round = 0;                ///< 0: of none
  std::uint64_t position = 0;             ///< in the log of the sender's hello
  std::array<std::uint64_t, 3> before{};  ///< on the lanes high, normal and low
  bool operator==(const mark_frame&) const = default;
};
/// A form of deltas that no version sends: they stand in blocks.
struct delta_frame {
  bytes_view deltas;  ///< a view into the frame's bytes
};
/// "I do not have the base of this delta": the record is to be sent whole, in an again_frame.
struct unknown_base_frame {
  std::uint8_t lane = 0;
  std::uint64_t sequence = 0;
  bool operator==(const unknown_base_frame&) const = default;
};

/// The whole record in answer to an unknown_base_frame. It keeps the number that its delta had.
struct again_frame {
  std::uint64_t sequence = 0;  ///< on the lane that this comes on
  bytes_view block;            ///< of one record, in the lane's history; a view into the frame's bytes
};

/// A known frame. `std::monostate`: a type this version does not know, skipped.
using frame = std::variant<std::monostate, batch_frame, hello_frame, subscribe_frame, acknowledgement_frame,
                           refusal_frame, query_frame, reply_frame, ping_frame, pong_frame, goodbye_frame, error_frame,
                           neighbours_frame, digest_frame, sketch_frame, request_frame, delta_frame, unknown_base_frame,
                           offer_frame, mark_frame, again_frame>;

/// Appends type, length and payload. Text over its limit is cut; std::monostate appends nothing.
void append_frame(byte_buffer& out, const frame& value);

/// Whether frames of this type are read here, or skipped.
bool is_known(std::uint8_t type);

/// One frame from its type and payload; views are into `payload`. std::monostate for an unknown type. Errors:
/// bad_frame, truncated.
result<frame> decode_frame(std::uint8_t type, bytes_view payload);

/// Takes a lane's bytes apart. Feed it what arrives, then take frames until there is none.
class frame_reader {
 public:
  /// `payload_bytes_max`: a longer frame is an error as soon as its length is read.
  explicit frame_reader(std::size_t payload_bytes_max) : payload_bytes_max_(payload_bytes_max) {}

  /// The bytes stay referenced, not copied, while whole frames lie in them.
  void feed(shared_bytes bytes);

  /// The next whole frame; nullopt: more bytes are needed. A frame of an unknown type is stepped over without being
  /// gathered and comes as std::monostate, so that the caller can count it. Views in it are valid until the next call
  /// of either function. Errors: bad_frame, truncated, too_large, each with the frame's type and position; the reader
  /// is of no more use then.
  result<std::optional<frame>> next();

  /// Bytes taken so far by frames that next() returned or skipped.
  std::uint64_t consumed_bytes() const noexcept { return consumed_bytes_; }

 private:
  struct header {
    std::uint8_t type = 0;
    std::size_t header_bytes = 0;
    std::size_t payload_bytes = 0;
  };
  result<std::optional<header>> read_header(bytes_view bytes) const;
  result<std::optional<frame>> next_from_partial();
  result<std::optional<frame>> skip();
  result<std::optional<frame>> take(const header& head, bytes_view payload);
  bytes_view gathered() const noexcept;
  void drop(std::size_t count);
  std::size_t pull(std::size_t count);

  std::size_t payload_bytes_max_;
  shared_bytes current_;
  std::size_t offset_ = 0;
  byte_buffer partial_;            ///< a frame that began in one piece and ends in a later one
  std::size_t partial_begin_ = 0;  ///< bytes of partial_ that were passed over
  std::size_t partial_taken_ = 0;  ///< of partial_, by frames that were returned
  bool skipping_ = false;
  std::size_t skip_left_ = 0;
  std::uint64_t consumed_bytes_ = 0;
};

}  // namespace quicsync
