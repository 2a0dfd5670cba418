#include "top_view.hpp"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "figures.hpp"
#include "troubles.hpp"

namespace quicsync::cli {
namespace {

using side = table::side;

struct column {
  std::string_view heading;
  std::size_t width;  ///< 0: what the others leave
  side align = side::left;
  std::string_view order = {};   ///< the order that goes by it; empty: none does
  std::size_t from_columns = 0;  ///< shown on screens as wide as that
};

constexpr column actor_columns[] = {{"  NAME", 0, side::left, "name"},
                                    {"KIND", 12},
                                    {"STATE", 10},
                                    {"WAIT", 6, side::right, "depth"},
                                    {"MSG/S", 6, side::right, "rate"},
                                    {"BUSY", 6, side::right, "busy"},
                                    {"LONGEST", 9, side::right, "longest"},
                                    {"MESSAGES", 9, side::right, "messages", 100},
                                    {"AGE", 10, side::right, "age", 112},
                                    {"WAITS FOR", 24, side::left, "", 140}};
constexpr column peer_columns[] = {{"  PEER", 0, side::left, "name"},
                                   {"RTT", 8, side::right, "rtt"},
                                   {"LAG", 8, side::right, "lag"},
                                   {"SILENT", 8, side::right},
                                   {"IN/S", 7, side::right, "in"},
                                   {"OUT/S", 7, side::right, "out"},
                                   {"STATE", 14},
                                   {"ADDRESS", 22, side::left, "", 104}};
constexpr column stream_columns[] = {{"PEER", 0, side::left, "peer"},
                                     {"LANE", 8},
                                     {"WAY", 4},
                                     {"BYTES", 9, side::right, "bytes"},
                                     {"UNACKED", 9, side::right, "unacked"},
                                     {"WINDOW", 9, side::right}};

constexpr std::string_view actor_orders[] = {"busy", "rate", "depth", "longest", "messages", "age", "name"};
constexpr std::string_view peer_orders[] = {"lag", "rtt", "in", "out", "name"};
constexpr std::string_view stream_orders[] = {"peer", "bytes", "unacked"};

std::span<const std::string_view> orders_of(top_view::page page) {
  switch (page) {
    case top_view::page::peers:
      return peer_orders;
    case top_view::page::streams:
      return stream_orders;
    default:
      return actor_orders;
  }
}

std::string cell(std::string_view text, std::size_t width, side align) {
  const auto taken = columns_of(text);
  if (align == side::left || taken > width) return fitted(text, width);
  return std::string(width - taken, ' ').append(text);
}

/// Cells side by side, filled up or cut to the screen's width.
class layout {
 public:
  layout(std::span<const column> columns, std::size_t width) : width_(width) {
    std::size_t taken = 0;
    for (const auto& c : columns)
      if (c.from_columns <= width) {
        shown_.push_back(&c);
        taken += c.width + 1;
      }
    rest_ = width + 1 > taken + 8 ? width + 1 - taken - 1 : 8;
  }

  std::string heading(std::string_view order) const {
    std::string line;
    for (const auto* c : shown_) {
      const bool sorted = !c->order.empty() && c->order == order;
      append(line, *c, sorted ? fmt::format("{}▾", c->heading) : std::string(c->heading));
    }
    return fitted(line, width_);
  }

  /// One text for each column, of those too that have no room.
  template <class... Texts>
  std::string row(std::span<const column> columns, const Texts&... texts) const {
    const std::string_view all[] = {texts...};
    std::string line;
    for (const auto* c : shown_) append(line, *c, all[static_cast<std::size_t>(c - columns.data())]);
    return fitted(line, width_);
  }

 private:
  void append(std::string& line, const column& c, std::string_view text) const {
    if (!line.empty()) line += ' ';
    line += cell(text, c.width == 0 ? rest_ : c.width, c.align);
  }

  std::size_t width_, rest_;
  std::vector<const column*> shown_;
};

std::string coloured(std::string_view colour, std::string text, const palette& colours) {
  return colour.empty() ? text : fmt::format("{}{}{}", colour, text, colours.plain);
}

std::string mark(bool troubled, const std::string& name) { return (troubled ? "! " : "  ") + printable(name); }

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool holds(std::string_view text, std::string_view part) { return lower(text).find(lower(part)) != std::string::npos; }

}  // namespace

void top_view::take(top_answers answers) {
  const double seconds = (answers.node.time_ms - now_.node.time_ms) / 1000;
  std::map<std::string, rates> measured;
  if (known_ && seconds > 0.05) {
    std::map<std::string_view, const peer_view*> before;
    for (const auto& peer : now_.node.peers) before.emplace(peer.id, &peer);
    for (const auto& peer : answers.node.peers) {
      const auto old = before.find(peer.id);
      if (old == before.end()) continue;
      const auto per_second = [&](std::uint64_t then, std::uint64_t now) {
        return now > then ? static_cast<double>(now - then) / seconds : 0;
      };
      measured[peer.id] = {per_second(old->second->patterns_received, peer.patterns_received),
                           per_second(old->second->patterns_sent, peer.patterns_sent)};
    }
    rates_ = std::move(measured);
  }
  now_ = std::move(answers);
  known_ = true;
  lost_.clear();
}

top_view::question top_view::asks() const {
  const auto orders = orders_of(page::actors);
  return {page_, std::string(orders[sort_[0]]), page_ == page::actors ? filter_ : std::string(),
          page_ == page::actors ? offset_ : 0};
}

void top_view::turn_to(page next) {
  page_ = next;
  offset_ = 0;
  all_rows_ = 0;
}

void top_view::scroll(std::ptrdiff_t rows) {
  const auto last = all_rows_ > page_rows_ ? all_rows_ - page_rows_ : 0;
  const auto wanted = static_cast<std::ptrdiff_t>(offset_) + rows;
  offset_ = wanted < 0 ? 0 : std::min(last, static_cast<std::size_t>(wanted));
}

void top_view::edit_filter(std::string_view key) {
  if (key == "enter") {
    filter_ = *std::exchange(typed_, std::nullopt);
    offset_ = 0;
  } else if (key == "escape") {
    typed_.reset();
  } else if (key == "backspace") {
    while (!typed_->empty() && (static_cast<unsigned char>(typed_->back()) & 0xc0) == 0x80) typed_->pop_back();
    if (!typed_->empty()) typed_->pop_back();
  } else if (key.size() == 1) {
    *typed_ += key;
  }
}

bool top_view::press(std::string_view key) {
  if (typed_) {
    edit_filter(key);
    return true;
  }
  const auto at = static_cast<std::size_t>(page_);
  const auto orders = orders_of(page_).size();
  if (key == "q") return false;
  if (std::exchange(help_, false)) return true;
  if (key == "1" || key == "2" || key == "3")
    turn_to(static_cast<page>(key[0] - '1'));
  else if (key == "tab" || key == "right")
    turn_to(static_cast<page>((at + 1) % 3));
  else if (key == "left")
    turn_to(static_cast<page>((at + 2) % 3));
  else if (key == "s")
    sort_[at] = (sort_[at] + 1) % orders;
  else if (key == "S")
    sort_[at] = (sort_[at] + orders - 1) % orders;
  else if (key == "/")
    typed_ = filter_;
  else if (key == "escape")
    filter_.clear();
  else if (key == "p" || key == " ")
    paused_ = !paused_;
  else if (key == "?" || key == "h")
    help_ = true;
  else if (key == "up" || key == "k")
    scroll(-1);
  else if (key == "down" || key == "j")
    scroll(1);
  else if (key == "pageup")
    scroll(-static_cast<std::ptrdiff_t>(page_rows_));
  else if (key == "pagedown")
    scroll(static_cast<std::ptrdiff_t>(page_rows_));
  else if (key == "home")
    offset_ = 0;
  else if (key == "end")
    scroll(static_cast<std::ptrdiff_t>(all_rows_));
  return true;
}

std::vector<std::string> top_view::head(std::size_t columns, const palette& colours) const {
  const auto& node = now_.node;
  rates all;
  for (const auto& [id, of] : rates_) {
    all.in += of.in;
    all.out += of.out;
  }
  std::vector<std::string> lines;
  auto title = fmt::format("quicsync top  {}  up {}", printable(node.name), short_duration(node.uptime_ms));
  auto clock = node.time_ms > 0 ? instant(node.time_ms).substr(11, 8) : std::string();
  if (paused_) clock = "PAUSED  " + clock;
  lines.push_back(coloured(colours.strong, fitted(title, columns - columns_of(clock) - 1) + " " + clock, colours));
  lines.push_back(fitted(fmt::format("{} patterns, {}/s in, {}/s out   {} peers   {} agents   {} actors",
                                     short_count(static_cast<double>(node.patterns)), short_rate(all.in),
                                     short_rate(all.out), node.connections, node.agents, node.actors),
                         columns));
  const auto actors = names_of_troubled(now_.troubled.actors, now_.troubled.matched);
  const auto peers = names_of_troubled(node.peers);
  std::string verdict;
  if (!actors.empty()) verdict += "stuck: " + actors;
  if (!peers.empty()) verdict += (verdict.empty() ? "slow: " : "   slow: ") + peers;
  if (!lost_.empty())
    lines.push_back(coloured(colours.bad, fitted("! " + printable(lost_), columns), colours));
  else if (verdict.empty())
    lines.push_back(coloured(colours.good, fitted("no actor is stuck, no peer is slow", columns), colours));
  else
    lines.push_back(coloured(actors.empty() ? colours.warn : colours.bad, fitted("! " + verdict, columns), colours));

  constexpr std::string_view names[] = {"1 actors", "2 peers", "3 streams"};
  std::string tabs;
  for (std::size_t i = 0; i < std::size(names); ++i)
    tabs += i == static_cast<std::size_t>(page_) ? fmt::format("[{}] ", names[i]) : fmt::format(" {}  ", names[i]);
  auto how = fmt::format("sort: {}", orders_of(page_)[sort_[static_cast<std::size_t>(page_)]]);
  if (!filter_.empty()) how += fmt::format("  filter: {}", printable(filter_));
  const auto room = columns > columns_of(tabs) ? columns - columns_of(tabs) : 0;
  lines.push_back(tabs + cell(how, room, side::right));
  return lines;
}

std::string top_view::foot(std::size_t columns, const palette& colours) const {
  if (typed_) return fitted(fmt::format("filter: {}_   (Enter: take it, Esc: leave it)", printable(*typed_)), columns);
  const auto shown = all_rows_ > page_rows_ ? fmt::format("  {}-{} of {}", offset_ + 1,
                                                          std::min(offset_ + page_rows_, all_rows_), all_rows_)
                                            : std::string();
  const auto room = columns - std::min(columns, columns_of(shown));
  return coloured(colours.faint, fitted("q quit  1-3 view  s sort  / filter  p pause  ↑↓ scroll  ? help", room) + shown,
                  colours);
}

std::size_t top_view::begin_of(std::size_t count, std::size_t rows) {
  all_rows_ = count;
  page_rows_ = std::max<std::size_t>(1, rows);
  scroll(0);
  return offset_;
}

void top_view::append_actors(std::vector<std::string>& to, std::size_t columns, std::size_t rows,
                             const palette& colours) {
  const layout places(actor_columns, columns);
  to.push_back(coloured(colours.reverse, places.heading(orders_of(page::actors)[sort_[0]]), colours));
  --rows;
  std::vector<const actor_view*> shown;
  for (const auto& actor : now_.troubled.actors)  // these stay in sight, however the others are sorted
    if (shown.size() < rows / 2 && holds(actor.name, filter_)) shown.push_back(&actor);
  const auto pinned = shown.size();
  for (const auto& actor : now_.actors.actors)
    if (std::none_of(shown.begin(), shown.begin() + static_cast<std::ptrdiff_t>(pinned),
                     [&](const auto* other) { return other->id == actor.id; }))
      shown.push_back(&actor);
  begin_of(now_.actors.matched, rows - pinned);
  if (shown.size() > rows) shown.resize(rows);
  for (const auto* a : shown) {
    auto line = places.row(
        actor_columns, mark(a->troubled(), a->name), a->kind, a->state, short_count(static_cast<double>(a->depth)),
        short_rate(a->rate), short_share(a->busy_share), short_duration(std::max(a->longest_ms, a->running_ms)),
        short_count(static_cast<double>(a->messages)), short_duration(a->age_ms), printable(a->waits_for));
    to.push_back(coloured(a->troubled() ? colours.bad : "", std::move(line), colours));
  }
}

void top_view::append_peers(std::vector<std::string>& to, std::size_t columns, std::size_t rows,
                            const palette& colours) {
  const layout places(peer_columns, columns);
  const auto order = orders_of(page::peers)[sort_[1]];
  to.push_back(coloured(colours.reverse, places.heading(order), colours));
  --rows;
  std::vector<peer_view> shown;
  std::copy_if(now_.node.peers.begin(), now_.node.peers.end(), std::back_inserter(shown),
               [&](const peer_view& p) { return holds(p.name, filter_) || holds(p.address, filter_); });
  troubled_first(shown);
  const auto value_of = [&](const peer_view& p) {
    const auto found = rates_.find(p.id);
    const auto of = found == rates_.end() ? rates{} : found->second;
    return order == "rtt"   ? p.rtt_ms
           : order == "in"  ? of.in
           : order == "out" ? of.out
                            : static_cast<double>(p.lag_records);
  };
  std::stable_sort(shown.begin(), shown.end(), [&](const peer_view& a, const peer_view& b) {
    if (a.troubled() != b.troubled()) return a.troubled();
    return order == "name" ? a.name < b.name : value_of(a) > value_of(b);
  });
  for (std::size_t at = begin_of(shown.size(), rows), end = std::min(shown.size(), at + rows); at < end; ++at) {
    const auto& p = shown[at];
    const auto found = rates_.find(p.id);
    const auto of = found == rates_.end() ? rates{} : found->second;
    const auto* state = !p.connected ? "not connected" : p.slow ? "slow" : !p.healthy ? "not well" : "well";
    auto line = places.row(
        peer_columns, mark(p.troubled(), p.name.empty() ? p.address : p.name),
        p.connected ? short_duration(p.rtt_ms) : "-", short_count(static_cast<double>(p.lag_records)),
        p.lag_age_ms > 0 ? short_duration(p.lag_age_ms) : "-", short_rate(of.in), short_rate(of.out), state, p.address);
    to.push_back(coloured(!p.connected ? colours.bad : p.troubled() ? colours.warn : "", std::move(line), colours));
  }
}

void top_view::append_streams(std::vector<std::string>& to, std::size_t columns, std::size_t rows,
                              const palette& colours) {
  const layout places(stream_columns, columns);
  const auto order = orders_of(page::streams)[sort_[2]];
  to.push_back(coloured(colours.reverse, places.heading(order), colours));
  --rows;
  std::vector<const stream_view*> shown;
  for (const auto& stream : now_.streams)
    if (holds(stream.peer, filter_) || holds(stream.lane, filter_)) shown.push_back(&stream);
  std::stable_sort(shown.begin(), shown.end(), [&](const auto* a, const auto* b) {
    if (order == "bytes") return a->bytes > b->bytes;
    if (order == "unacked") return a->unacked_bytes > b->unacked_bytes;
    return a->peer < b->peer;
  });
  const auto size = [](std::uint64_t n) { return short_bytes(static_cast<double>(n)); };
  for (std::size_t at = begin_of(shown.size(), rows), end = std::min(shown.size(), at + rows); at < end; ++at) {
    const auto& s = *shown[at];
    to.push_back(places.row(stream_columns, printable(s.peer), s.lane, s.direction, size(s.bytes),
                            size(s.unacked_bytes), size(s.window_bytes)));
  }
}

std::vector<std::string> top_view::picture(std::size_t columns, std::size_t lines, const palette& colours) {
  auto all = head(columns, colours);
  const auto rows = lines - std::min(lines, all.size() + 1);
  if (help_) {
    for (const auto* text :
         {"", "1 2 3, Tab, ← →   actors, peers, streams", "s S               the next order, the one before",
          "/                 show only names with this text; Esc shows all again",
          "p, space          stop the picture, go on", "↑ ↓ PgUp PgDn     scroll; Home and End go to the ends",
          "q, Ctrl-C         quit", "", "! marks who is stuck, has failed, is slow or not connected; they come first.",
          "", "Any key goes back."})
      all.push_back(fitted(text, columns));
  } else if (page_ == page::actors) {
    append_actors(all, columns, rows, colours);
  } else if (page_ == page::peers) {
    append_peers(all, columns, rows, colours);
  } else {
    append_streams(all, columns, rows, colours);
  }
  all.resize(lines - 1);
  all.push_back(foot(columns, colours));
  return all;
}

}  // namespace quicsync::cli
