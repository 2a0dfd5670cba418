#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include <quicsync/actors/peer/reconciliation.hpp>
#include <quicsync/codec/limits.hpp>

namespace quicsync {
namespace {

// A difference costs about 1.4 symbols of 13.5 bytes and a request; a record that is sent although it is there, its
// 75 bytes.
constexpr double difference_bytes = 24, record_bytes = 75;
// Symbols that find nearly every set of differences, by what is known of their number.
constexpr double symbols_a_difference = 1.45;
// Of the first page: enough for a change in a thousand when two nodes meet, later for a few.
constexpr std::uint64_t records_a_symbol = 320;
constexpr std::size_t first_page_min = 64, first_page_max = limits::sketch_page_symbols, small_page_max = 128;

/// Spreads the bits: keys of one connection's rounds have nothing to do with each other.
std::uint64_t mixed(std::uint64_t value) noexcept {
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
  value = (value ^ value >> 27) * 0x94d049bb133111ebull;
  return value ^ value >> 31;
}

}  // namespace

void reconciliation::say_frame(const frame& value) {
  byte_buffer bytes;
  append_frame(bytes, value);
  actions_.emplace_back(say{std::move(bytes)});
}

void reconciliation::begin() {
  if (!idle()) return;
  stage_ = stage::measuring;
  actions_.emplace_back(ask_digest{});
}

result<void> reconciliation::take(const digest_frame& theirs) {
  if (is_over(theirs.round)) return {};
  const auto round = last_round_ + 1;
  if (theirs.round == round + 1 && !idle() && !next_) {
    next_ = theirs;
    return {};
  }
  if (theirs.round != round || theirs_)
    return fail(errc::bad_frame, fmt::format("a digest of round {} in round {}", theirs.round, round));
  if (theirs.filter != filter_) {
    // They compare something else: what they want has changed, or what this side wants has for them.
    give_up();
    return {};
  }
  theirs_ = theirs.value;
  their_deletions_ = theirs.deletions;
  if (stage_ == stage::greeted) decide();
  if (stage_ != stage::idle || is_over(theirs.round)) return {};
  ++joined_;
  stage_ = stage::measuring;
  actions_.emplace_back(ask_digest{});
  return {};
}

void reconciliation::own_digest(const messages::digest_answer& own) {
  if (stage_ != stage::measuring) return;
  if (!own.whole && theirs_) return give_up();
  if (!own.whole || (!theirs_ && (equal_ == own.value || stuck_ == own.value))) {
    if (!own.whole) actions_.emplace_back(copy_all{});
    stage_ = stage::idle;
    return;
  }
  own_ = own.value;
  position_ = own.position;
  own_deletions_ = own.deletions;
  say_frame(digest_frame{last_round_ + 1, filter_, *own_, own_deletions_});
  stage_ = stage::greeted;
  if (theirs_) decide();
}

// Both sides come to the same decision by the same two digests.
void reconciliation::decide() {
  found_ = 0;
  equal_.reset();
  const bool same_deletions = own_deletions_ == their_deletions_;
  if (last_round_ == 0) actions_.emplace_back(send_the_rest{position_, !same_deletions});
  if (*own_ == *theirs_) {
    equal_ = own_;
    unequal_.reset();
    stuck_.reset();
    actions_.emplace_back(equal{same_deletions});
    return finish();
  }
  const std::pair both(*own_, *theirs_);
  stuck_ = unequal_ == both ? own_ : std::nullopt;
  unequal_ = both;
  const auto [less, more] = std::minmax({own_->count(), theirs_->count()});
  const auto surplus = static_cast<double>(more - less);
  if (less == 0 || surplus * difference_bytes > 2 * static_cast<double>(less) * record_bytes) {
    found_ = static_cast<std::size_t>(more);
    actions_.emplace_back(copy_all{true, position_});
    return finish();
  }
  symbols_sent_ = taken_ = 0;
  symbols_asked_ = false;
  requested_.clear();
  offered_.clear();
  pages_.clear();
  decoder_.reset();
  if (!leads_) {
    stage_ = stage::decoding;
    asked_for_ = first_page_max;
    return;
  }
  key_ = mixed(seed_ + mixed(last_round_ + 1));
  const auto by_size = static_cast<std::size_t>(more / records_a_symbol);
  symbols_wanted_ = std::clamp(by_size, first_page_min, last_round_ == 0 ? first_page_max : small_page_max);
  stage_ = stage::sketching;
  send_symbols();
}

void reconciliation::give_up() {
  say_frame(request_frame{last_round_ + 1, request_frame::kind::symbols, 0, 0, {}});
  actions_.emplace_back(copy_all{});
  finish();
}

void reconciliation::finish() {
  actions_.emplace_back(over{});
  ++last_round_;
  stage_ = stage::idle;
  own_.reset();
  theirs_.reset();
  decoder_.reset();
  pages_.clear();
  requested_ = {};
  offered_ = {};
  if (!next_) return;
  const auto next = std::move(*next_);
  next_.reset();
  // It is the next one's digest: nothing in it can be wrong now.
  if (auto joined = take(next); !joined) next_.reset();
}

// -- leads

void reconciliation::send_symbols() {
  if (stage_ != stage::sketching || symbols_asked_ || symbols_sent_ >= symbols_wanted_) return;
  symbols_asked_ = true;
  actions_.emplace_back(
      ask_symbols{key_, symbols_sent_, std::min(symbols_wanted_ - symbols_sent_, limits::sketch_page_symbols)});
}

void reconciliation::drained() { send_symbols(); }

result<void> reconciliation::own_symbols(messages::symbols_answer own) {
  if (stage_ != stage::sketching && stage_ != stage::decoding) return {};
  if (own.declined) {
    give_up();
    return {};
  }
  if (stage_ == stage::sketching) {
    symbols_asked_ = false;
    byte_buffer symbols;
    append_symbols(symbols, own.symbols, own.first, own.total);
    symbols_sent_ += own.symbols.size();
    say_frame(sketch_frame{last_round_ + 1, key_, own.total, own.first, symbols});
    return {};
  }
  if (pages_.empty() || pages_.front().first != own.first) return {};
  const auto theirs = std::move(pages_.front());
  pages_.pop_front();
  return decode(theirs, own.symbols);
}

result<void> reconciliation::take(const request_frame& request) {
  if (is_over(request.round)) return {};
  if (request.round != last_round_ + 1 || idle() || stage_ == stage::measuring)
    return fail(errc::unexpected_frame, "a request before the digests are known");
  if (request.what == request_frame::kind::symbols && request.count == 0) {
    hopeless_ = hopeless_ || !theirs_;
    actions_.emplace_back(copy_all{});
    finish();
    return {};
  }
  if (stage_ != stage::sketching) return fail(errc::unexpected_frame, "a request of who does not decode");
  if (request.what == request_frame::kind::symbols) {
    if (request.first != symbols_wanted_ || request.count > limits::sketch_symbols - symbols_wanted_)
      return fail(errc::bad_frame, fmt::format("{} symbols from {} on, where {} were asked for", request.count,
                                               request.first, symbols_wanted_));
    symbols_wanted_ += request.count;
    send_symbols();
    return {};
  }
  if (requested_.size() + request.items.size() > own_->count() + limits::request_items)
    return fail(errc::flood, "more records are requested than there are");
  requested_.insert(requested_.end(), request.items.begin(), request.items.end());
  return {};
}

result<void> reconciliation::take(const offer_frame& offer) {
  if (is_over(offer.round)) return {};
  if (offer.round != last_round_ + 1 || stage_ != stage::sketching)
    return fail(errc::unexpected_frame, "an offer of who does not decode");
  if (offered_.size() + offer.records.size() > limits::sketch_symbols)
    return fail(errc::flood, "more records are offered than a sketch finds");
  offered_.insert(offered_.end(), offer.records.begin(), offer.records.end());
  if (!offer.last) return {};
  found_ = requested_.size() + offered_.size();
  stage_ = stage::picking;
  actions_.emplace_back(select{std::exchange(requested_, {}), std::exchange(offered_, {})});
  return {};
}

// -- decodes

result<void> reconciliation::take(const sketch_frame& sketch) {
  if (is_over(sketch.round)) return {};
  // What was asked for may be on its way when what has come is enough.
  const bool is_decoded =
      !leads_ && (stage_ == stage::picking || stage_ == stage::waiting || stage_ == stage::answering);
  if (sketch.round != last_round_ + 1 || (stage_ != stage::decoding && !is_decoded))
    return fail(errc::unexpected_frame, "a sketch that nobody asked for");
  if (!decoder_ && !is_decoded) {
    decoder_.emplace(sketch.key);
    key_ = sketch.key;
    their_total_ = sketch.total;
  }
  auto symbols = take_symbols(sketch.symbols, sketch.first, sketch.total);
  if (!symbols) return fail(std::move(symbols.error()));
  if (sketch.key != key_ || sketch.total != their_total_ || sketch.first != taken_ || symbols->empty())
    return fail(errc::bad_frame, "a sketch that does not go on where it was");
  if (symbols->size() > asked_for_ - taken_) return fail(errc::flood, "more of a sketch than was asked for");
  if (is_decoded) {
    taken_ += symbols->size();
    return {};
  }
  // How long the first page is its sender decides.
  if (taken_ == 0) asked_for_ = symbols->size();
  actions_.emplace_back(ask_symbols{key_, taken_, symbols->size()});
  pages_.push_back({taken_, std::move(*symbols)});
  taken_ += pages_.back().symbols.size();
  return {};
}

result<void> reconciliation::decode(const symbols_page& theirs, const std::vector<sketch_symbol>& ours) {
  if (auto done = decoder_->add(theirs.symbols, ours); !done) return done;
  if (!decoder_->complete()) return decoder_->size() == asked_for_ ? ask_for_more() : result<void>();
  found_ = decoder_->theirs().size() + decoder_->ours().size();
  stage_ = stage::picking;
  actions_.emplace_back(select{decoder_->ours(), {}});
  return {};
}

result<void> reconciliation::ask_for_more() {
  const auto taken = static_cast<double>(decoder_->size());
  const double differences = decoder_->estimate();
  // The fewer symbols, the wider off.
  const double wanted = symbols_a_difference * differences * (1.0 + 2.0 / std::sqrt(taken));
  const double end = std::max(wanted, taken * 1.25 + 32);
  const bool cheaper_whole =
      differences * difference_bytes > (static_cast<double>(records()) - differences) * record_bytes;
  // Not `end > …`, so that no number at all gives up, too.
  if (cheaper_whole || !(end <= static_cast<double>(limits::sketch_symbols))) {
    give_up();
    return {};
  }
  const auto count = static_cast<std::size_t>(end) - asked_for_;
  say_frame(request_frame{last_round_ + 1, request_frame::kind::symbols, asked_for_, count, {}});
  asked_for_ += count;
  return {};
}

// -- both

void reconciliation::selected(std::vector<offered_record> records) {
  if (stage_ != stage::picking) return;
  if (leads_) {
    stage_ = stage::answering;
    actions_.emplace_back(send_selected{});
    return;
  }
  const auto round = last_round_ + 1;
  const auto& lacking = decoder_->theirs();
  for (std::size_t i = 0; i < lacking.size(); i += limits::request_items) {
    const auto end = std::min(lacking.size(), i + limits::request_items);
    const auto from = lacking.begin();
    request_frame request{round, request_frame::kind::records, 0, 0, {}};
    request.items.assign(from + static_cast<std::ptrdiff_t>(i), from + static_cast<std::ptrdiff_t>(end));
    say_frame(request);
  }
  for (std::size_t i = 0; i <= records.size(); i += limits::offered_records) {
    const auto end = std::min(records.size(), i + limits::offered_records);
    const auto from = records.begin();
    offer_frame offer{round, i + limits::offered_records > records.size(), {}};
    offer.records.assign(from + static_cast<std::ptrdiff_t>(i), from + static_cast<std::ptrdiff_t>(end));
    say_frame(offer);
  }
  decoder_.reset();
  stage_ = stage::waiting;
}

void reconciliation::their_mark(std::uint64_t round) {
  if (stage_ != stage::waiting || round != last_round_ + 1) return;
  if (leads_) return finish();
  stage_ = stage::answering;
  actions_.emplace_back(send_selected{});
}

void reconciliation::selected_sent() {
  if (stage_ != stage::answering) return;
  actions_.emplace_back(say_mark{last_round_ + 1, position_});
  if (!leads_) return finish();
  stage_ = stage::waiting;
}

}  // namespace quicsync
