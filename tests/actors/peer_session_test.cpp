#include <deque>
#include <random>

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>

#include <quicsync/actors/cache/pattern_table.hpp>
#include <quicsync/actors/peer/peer_session.hpp>
#include <quicsync/codec/limits.hpp>

#include "support.hpp"

using namespace quicsync;
using quicsync::test::make_pattern;
using quicsync::test::make_slab;

namespace {

/// One side: a session, a table instead of a cache, and lists of what happened. Calls from the session are kept and
/// carried out afterwards, as the actors' mailboxes do.
class side : public peer_session_host {
 public:
  side(std::string name, node_role role, peer_wish wish = {}) : table_(test::key_seed) {
    config_.hello.name = std::move(name);
    config_.hello.role = role;
    config_.hello.instance = std::hash<std::string>{}(config_.hello.name);
    config_.wish = std::move(wish);
    config_.key_seed = test::key_seed;
    config_.batch_patterns = 10;
  }

  void connect(side& other, std::string their_certificate) {
    other_ = &other;
    session_.emplace(config_, peer_identity{std::move(their_certificate), "", true}, *this);
  }

  /// Carries out what is waiting; true when there was something.
  bool work() {
    if (todo_.empty()) return false;
    auto next = std::move(todo_.front());
    todo_.pop_front();
    next();
    return true;
  }

  void hold(const slab_ptr& records) {
    for (std::size_t i = 0; i < records->size(); ++i) table_.apply(records, i, this_node);
    if (parked_ && !table_.nothing_after(parked_->after, parked_->lanes)) {
      auto [tag, after, lanes] = *std::exchange(parked_, std::nullopt);
      answer_pull(tag, after, lanes);
    }
  }

  peer_session& session() { return *session_; }
  peer_session_config& config() { return config_; }
  const pattern_table& table() const { return table_; }

  std::vector<std::pair<lane, log_position_number>> reached_;
  std::vector<error> refused_;
  std::optional<error> failure_, goodbye_;
  bool established_ = false, subscribed_ = false;
  std::uint64_t answered_records_ = 0;
  bool answered_last_ = false;
  std::optional<error> answer_failure_;
  std::uint64_t consumed_ = 0, delivered_bytes_ = 0;
  std::optional<error> refuse_all_;
  bool hold_back_applied_ = false;
  bool hold_back_quic_ = false;
  std::vector<std::pair<lane, std::size_t>> held_back_;  ///< what QUIC has not acknowledged yet
  std::size_t chunk_bytes_ = 0;                          ///< 0: bytes arrive as they were sent

  // -- peer_session_host
  void send_frames(lane on, shared_bytes bytes) override {
    later([this, on, bytes] {
      other_->take(on, bytes);
      if (hold_back_quic_)
        held_back_.emplace_back(on, bytes.size());
      else
        session_->acknowledged(on, bytes.size());
    });
  }
  void consumed(lane, std::uint64_t bytes) override { consumed_ += bytes; }
  void fail(error reason) override { failure_ = std::move(reason); }
  void greeted(const hello_frame&) override {
    later([this] { session_->welcome(1); });
  }
  void established() override { established_ = true; }
  void said_goodbye(const error& reason) override { goodbye_ = reason; }
  void apply(slab_ptr records, lane on, std::uint64_t first) override {
    later([this, records, on, first] {
      messages::applied answer{0, on, first, static_cast<std::uint32_t>(records->size()), {}};
      for (std::uint32_t i = 0; i < records->size(); ++i)
        if (refuse_all_)
          answer.refused.emplace_back(i, *refuse_all_);
        else
          table_.apply(records, i, 1);
      if (!hold_back_applied_) session_->applied(answer);
    });
  }
  void pull(std::uint64_t tag, const log_cursor& after, lane_set lanes, bool wait) override {
    if (wait && table_.nothing_after(after, lanes))
      parked_ = {tag, after, lanes};
    else
      answer_pull(tag, after, lanes);
  }
  void find(std::uint64_t tag, std::string id) override {
    later([this, tag, id] {
      auto place = table_.find(id);
      session_->take_found({tag, place.records, place.index});
    });
  }
  void ask_log_end() override {
    later([this] { session_->log_ends_at(table_.last_position()); });
  }
  void subscribed() override { subscribed_ = true; }
  void reached(lane on, log_position_number position, ack_level) override { reached_.emplace_back(on, position); }
  void refused(lane, log_position_number, const error& reason) override { refused_.push_back(reason); }
  void answered(std::uint64_t, std::vector<slab_ptr> records, std::optional<error> failure, bool last) override {
    for (const auto& r : records) answered_records_ += r->size();
    if (failure) answer_failure_ = failure;
    answered_last_ = answered_last_ || last;
  }

 private:
  void later(std::function<void()> what) { todo_.push_back(std::move(what)); }
  void answer_pull(std::uint64_t tag, log_cursor after, lane_set lanes) {
    later([this, tag, after, lanes] {
      auto r = table_.read(after, lanes);
      session_->take_page({tag, r.sets, r.next, r.at_end});
    });
  }
  void take(lane on, const shared_bytes& bytes) {
    delivered_bytes_ += bytes.size();
    std::size_t step = chunk_bytes_ == 0 ? bytes.size() : chunk_bytes_;
    for (std::size_t at = 0; at < bytes.size(); at += step)
      session_->receive(on, bytes.slice(at, std::min(step, bytes.size() - at)));
  }

  peer_session_config config_;
  pattern_table table_;
  side* other_ = nullptr;
  std::optional<peer_session> session_;
  std::deque<std::function<void()>> todo_;
  struct parked_pull {
    std::uint64_t tag = 0;
    log_cursor after;
    lane_set lanes;
  };
  std::optional<parked_pull> parked_;
};

struct pair_of_sides {
  side a, b;
  explicit pair_of_sides(node_role role_of_a = node_role::node, peer_wish wish_of_a = {})
      : a("a", role_of_a, std::move(wish_of_a)), b("b", node_role::node) {}
  void open(std::string certificate_of_a = "a") {
    a.connect(b, "b");
    b.connect(a, std::move(certificate_of_a));
    a.session().open();
    b.session().open();
    settle();
  }
  void settle() {
    while (a.work() || b.work()) {
    }
  }
};

slab_ptr numbered(int from, int count, std::optional<int> priority = std::nullopt) {
  std::vector<pattern> patterns;
  for (int i = from; i < from + count; ++i)
    patterns.push_back(make_pattern(fmt::format("p{}", i), 1, fmt::format(R"({{"n":{}}})", i), priority));
  return make_slab(patterns);
}

}  // namespace

TEST_CASE("peer session: two nodes greet each other and patterns flow both ways", "[peer]") {
  pair_of_sides s;
  s.open();
  CHECK(s.a.established_);
  CHECK(s.b.established_);
  s.a.hold(numbered(0, 200));
  s.b.hold(numbered(1000, 50));
  s.settle();
  CHECK(s.a.table().size() == 250);
  CHECK(s.b.table().size() == 250);
  CHECK_FALSE(s.a.failure_);
  CHECK_FALSE(s.b.failure_);
}

TEST_CASE("peer session: what was held before the connection arrives as well", "[peer]") {
  pair_of_sides s;
  s.a.hold(numbered(0, 256));
  s.open();
  CHECK(s.b.table().size() == 256);
  CHECK(s.b.session().statistics().patterns_sent == 0);  // nothing goes back to where it came from
}

TEST_CASE("peer session: the last acknowledgement reports the whole log as reached, on every lane", "[peer]") {
  pair_of_sides s;
  s.open();
  s.a.hold(numbered(0, 100, 9));
  s.a.hold(numbered(100, 100, 1));
  s.settle();
  REQUIRE_FALSE(s.a.reached_.empty());
  log_position_number high = 0, low = 0;
  for (auto [on, position] : s.a.reached_) (on == lane::high ? high : low) = position;
  CHECK(high == 100);
  CHECK(low == 200);
}

TEST_CASE("peer session: nothing is reached before the other side has applied it", "[peer]") {
  pair_of_sides s;
  s.open();
  s.b.hold_back_applied_ = true;
  s.a.hold(numbered(0, 20));
  s.settle();
  CHECK(s.b.table().size() == 20);
  for (auto [on, position] : s.a.reached_) CHECK(position == 0);
}

TEST_CASE("peer session: the sender's window opens only when records are applied", "[peer]") {
  pair_of_sides s;
  s.open();
  s.b.hold_back_applied_ = true;
  auto before = s.b.consumed_;
  auto delivered = s.b.delivered_bytes_;
  s.a.hold(numbered(0, 200));
  s.settle();
  CHECK(s.b.delivered_bytes_ > delivered + 1000);
  CHECK(s.b.consumed_ == before);
}

TEST_CASE("peer session: every byte that was delivered is given back in the end", "[peer]") {
  pair_of_sides s;
  s.b.chunk_bytes_ = 7;  // frames arrive in pieces
  s.open();
  s.a.hold(numbered(0, 250));
  s.settle();
  CHECK(s.b.table().size() == 250);
  CHECK(s.b.consumed_ == s.b.delivered_bytes_);
}

TEST_CASE("peer session: a pattern larger than a lane's window does not wait for itself", "[peer]") {
  pair_of_sides s;
  s.b.chunk_bytes_ = 64 << 10;
  s.open();
  std::string data(6u << 20, '"');
  std::mt19937 random(1);  // so that it does not compress away
  for (std::size_t i = 1; i + 1 < data.size(); ++i) data[i] = static_cast<char>('a' + random() % 26);
  s.a.hold(make_slab({make_pattern("big", 1, data)}));
  s.settle();
  REQUIRE(s.b.table().find("big").records);
  CHECK(s.b.consumed_ == s.b.delivered_bytes_);
}

TEST_CASE("peer session: a lane that was full goes on when QUIC has acknowledged it, whatever the other lanes do",
          "[peer]") {
  pair_of_sides s;
  s.open();
  s.a.hold_back_quic_ = true;
  std::mt19937 random(3);
  constexpr int count = 600;
  for (int i = 0; i < count; ++i) {
    std::string data(8000, '"');
    for (std::size_t k = 1; k + 1 < data.size(); ++k) data[k] = static_cast<char>('a' + random() % 26);
    s.a.hold(make_slab({make_pattern(fmt::format("p{}", i), 1, data)}));
  }
  s.settle();
  CHECK(s.b.table().size() < count);
  s.a.hold_back_quic_ = false;
  for (auto [on, bytes] : std::exchange(s.a.held_back_, {})) s.a.session().acknowledged(on, bytes);
  s.settle();
  CHECK(s.b.table().size() == count);
}

TEST_CASE("peer session: a flood of subscriptions ends the connection", "[peer]") {
  pair_of_sides s;
  s.open();
  byte_buffer many;
  for (std::size_t i = 0; i <= limits::subscriptions; ++i)
    append_frame(many, subscribe_frame{"", subscribe_frame::start::beginning, {}});
  s.b.session().receive(lane::control, shared_bytes(std::move(many)));
  REQUIRE(s.b.failure_);
  CHECK(s.b.failure_->code == errc::flood);
}

TEST_CASE("peer session: who asks and never reads the answers is cut off before they fill the memory", "[peer]") {
  pair_of_sides s;
  s.open();
  s.b.hold_back_quic_ = true;
  std::string data(1u << 20, '"');
  std::mt19937 random(4);
  for (std::size_t k = 1; k + 1 < data.size(); ++k) data[k] = static_cast<char>('a' + random() % 26);
  s.b.hold(make_slab({make_pattern("big", 1, data, 9)}));
  s.settle();
  for (std::uint64_t i = 0; i < 1000; ++i) s.a.session().query(i, query_frame::kind::get, "big");
  s.settle();
  std::size_t answers = 0;
  for (auto [on, bytes] : s.b.held_back_) answers += on == lane::low ? bytes : 0;
  CHECK(answers < 2 * limits::lane_in_flight_bytes + (2u << 20));
}

TEST_CASE("peer session: patterns for a named audience are refused, not taken as if they were for all", "[peer]") {
  pair_of_sides s;
  s.open();
  byte_buffer block, bytes;
  auto slab = numbered(0, 1);
  block_encoder encoder;
  std::array<bytes_view, 1> records{slab->bytes(0)};
  encoder.append(block, records);
  append_frame(bytes, batch_frame{{{"c"}, true}, block});
  s.b.session().receive(lane::normal, shared_bytes(std::move(bytes)));
  CHECK(s.b.failure_);
  CHECK(s.b.table().size() == 0);
}

TEST_CASE("peer session: refusals are reported with their reason and settle the record", "[peer]") {
  pair_of_sides s;
  s.open();
  s.b.refuse_all_ = error{errc::not_allowed, "a rule forbids it"};
  s.a.hold(numbered(0, 3));
  s.settle();
  REQUIRE(s.a.refused_.size() == 3);
  CHECK(s.a.refused_[0].code == errc::not_allowed);
  CHECK(s.a.reached_.back().second == 3);
}

TEST_CASE("peer session: a filter is applied where the patterns come from", "[peer]") {
  peer_wish wish;
  wish.filter = "id=p1*";
  pair_of_sides s(node_role::client, wish);
  s.b.hold(numbered(0, 200));
  s.open();
  CHECK(s.a.table().size() == 111);  // p1, p10-p19, p100-p199
  CHECK(s.b.session().statistics().patterns_sent == 111);
}

TEST_CASE("peer session: who subscribes from now gets nothing of before", "[peer]") {
  peer_wish wish;
  wish.from = subscribe_frame::start::now;
  pair_of_sides s(node_role::client, wish);
  s.b.hold(numbered(0, 100));
  s.open();
  CHECK(s.a.table().size() == 0);
  s.b.hold(numbered(100, 10));
  s.settle();
  CHECK(s.a.table().size() == 10);
}

TEST_CASE("peer session: a second subscription begins anew, also while a page of the first is on its way", "[peer]") {
  pair_of_sides s;
  for (int i = 0; i < 20; ++i) s.a.hold(numbered(i * 200, 200));
  s.a.connect(s.b, "b");
  s.b.connect(s.a, "a");
  s.a.session().open();
  s.b.session().open();
  while (!s.a.subscribed_) {
    s.a.work();
    s.b.work();
  }
  byte_buffer again;
  append_frame(again, subscribe_frame{"id=p1*", subscribe_frame::start::beginning, {}});
  s.a.session().receive(lane::control, shared_bytes(std::move(again)));
  s.settle();
  for (const char* id : {"p1", "p10", "p1999"}) CHECK(s.b.table().find(id).records);
  CHECK_FALSE(s.a.failure_);
}

TEST_CASE("peer session: a client that subscribes to nothing still shares", "[peer]") {
  peer_wish wish;
  wish.subscribe = false;
  pair_of_sides s(node_role::client, wish);
  s.b.hold(numbered(1000, 10));
  s.open();
  s.a.hold(numbered(0, 10));
  s.settle();
  CHECK(s.b.table().size() == 20);
  CHECK(s.a.table().size() == 10);
  CHECK_FALSE(s.b.subscribed_);
}

TEST_CASE("peer session: a name that is not the certificate's ends it", "[peer]") {
  pair_of_sides s;
  s.open("somebody-else");
  REQUIRE(s.b.failure_);
  CHECK(s.b.failure_->code == errc::certificate_name);
  CHECK(s.b.failure_->context.find("'somebody-else'") != std::string::npos);
  CHECK_FALSE(s.b.established_);
}

TEST_CASE("peer session: no common wire version ends it with both versions named", "[peer]") {
  pair_of_sides s;
  s.a.config().hello.version_min = s.a.config().hello.version_max = 9;
  s.open();
  REQUIRE(s.b.failure_);
  CHECK(s.b.failure_->code == errc::wire_version);
}

TEST_CASE("peer session: a goodbye is no failure and carries its reason", "[peer]") {
  pair_of_sides s;
  s.open();
  s.a.session().leave({errc::connection_closed, "done for today"});
  s.settle();
  REQUIRE(s.b.goodbye_);
  CHECK(s.b.goodbye_->context == "done for today");
  CHECK_FALSE(s.b.failure_);
}

TEST_CASE("peer session: list answers with all that matches, get with one or with not_found", "[peer]") {
  pair_of_sides s;
  s.open();
  for (int i = 0; i < 20; ++i) s.b.hold(numbered(i * 200, 200));
  s.settle();
  s.a.session().query(1, query_frame::kind::list, "");
  s.settle();
  CHECK(s.a.answered_records_ == 4000);
  CHECK(s.a.answered_last_);

  s.a.answered_records_ = 0;
  s.a.session().query(2, query_frame::kind::get, "p3");
  s.settle();
  CHECK(s.a.answered_records_ == 1);

  s.a.session().query(3, query_frame::kind::get, "nobody");
  s.settle();
  REQUIRE(s.a.answer_failure_);
  CHECK(s.a.answer_failure_->code == errc::not_found);
}

TEST_CASE("peer session: bytes that are no frame end the connection, never the process", "[peer]") {
  for (std::uint8_t first : {0x01, 0x04, 0x0a, 0xff}) {
    pair_of_sides s;
    s.open();
    byte_buffer junk(300, first);
    s.b.session().receive(lane::control, shared_bytes(byte_buffer(junk)));
    s.b.session().receive(lane::normal, shared_bytes(std::move(junk)));
    s.settle();
    SUCCEED();
  }
}

TEST_CASE("peer session: a frame before the hello ends the connection", "[peer]") {
  pair_of_sides s;
  s.a.connect(s.b, "b");
  s.b.connect(s.a, "a");
  byte_buffer bytes;
  append_frame(bytes, subscribe_frame{});
  s.b.session().receive(lane::control, shared_bytes(std::move(bytes)));
  REQUIRE(s.b.failure_);
  CHECK(s.b.failure_->code == errc::unexpected_frame);
}

TEST_CASE("peer session: acknowledgements of what was never sent end the connection", "[peer]") {
  pair_of_sides s;
  s.open();
  byte_buffer bytes;
  append_frame(bytes, acknowledgement_frame{static_cast<std::uint8_t>(lane::normal), ack_level::applied, {{0, 1000}}});
  s.b.session().receive(lane::control, shared_bytes(std::move(bytes)));
  REQUIRE(s.b.failure_);
  CHECK(s.b.failure_->code == errc::bad_frame);
}
