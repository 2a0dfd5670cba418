// A network in memory on virtual time: datagrams between addresses, with the faults of network_conditions, ways that
// are cut and addresses that are rebound, all drawn from one seed. Same seed, same run. One thread, no clock, no
// socket.
#pragma once
#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <tests/transport/network_conditions.hpp>
#include <tests/transport/seeded_random.hpp>

#include <quicsync/transport/endpoint.hpp>

namespace quicsync::tests {

class simulated_network {
 public:
  using receiver =
      std::function<void(const address& local, const address& remote, std::uint8_t ecn, bytes_view datagram)>;
  using observer = std::function<void(const address& from, const address& to, bytes_view datagram)>;
  using thief = std::function<bool(const address& from, const address& to, bytes_view datagram)>;

  explicit simulated_network(std::uint64_t seed) : random_(seed), rare_random_(~seed) {}

  network_conditions conditions;
  /// Sees every datagram as it is sent, also those that will be lost.
  observer on_sent;
  /// What a test loses by hand: true, and the datagram is gone.
  thief steals;

  time_point now() const noexcept { return now_; }
  seeded_random& random() noexcept { return random_; }
  const network_counters& counters() const noexcept { return counters_; }

  // -- who is where -------------------------------------------------------------------------------------------------
  void attach(const address& at, receiver to) { receivers_[at] = std::move(to); }
  /// What is on its way to it vanishes.
  void detach(const address& at) { receivers_.erase(at); }

  /// As a NAT that gives an inner address another outer one: from now on everybody sees `outer`, what is sent there
  /// arrives at `inner`, and what is sent to an earlier outer address (or to `inner` itself) vanishes.
  void rebind(const address& inner, const address& outer) {
    if (const auto before = outer_.find(inner); before != outer_.end()) inner_.erase(before->second);
    outer_[inner] = outer;
    inner_[outer] = inner;
  }
  /// Where a datagram to this address ends up; none: nowhere.
  address inner_of(const address& outer) const {
    const auto found = inner_.find(outer);
    if (found != inner_.end()) return found->second;
    return outer_.contains(outer) ? address{} : outer;
  }

  // -- cuts ---------------------------------------------------------------------------------------------------------
  /// From now on nothing gets from one host to the other; what is on its way vanishes. The way back is another one.
  void cut(const std::string& from_host, const std::string& to_host) { cuts_.emplace(from_host, to_host); }
  void mend(const std::string& from_host, const std::string& to_host) { cuts_.erase({from_host, to_host}); }
  bool connected(const address& from, const address& to) const {
    return cuts_.empty() || !cuts_.contains({from.host(), to.host()});
  }

  // -- datagrams ----------------------------------------------------------------------------------------------------
  /// Each segment as a datagram.
  void send(const address& from, const transmit& what) {
    for (std::size_t at = 0; at < what.bytes.size(); at += what.segment_bytes) {
      const auto size = std::min(what.segment_bytes, what.bytes.size() - at);
      send_datagram(from, what.remote, what.ecn, bytes_view(what.bytes).subspan(at, size));
    }
  }
  void send_datagram(const address& from, const address& to, std::uint8_t ecn, bytes_view datagram) {
    const auto found = outer_.find(from);
    const auto& seen_as = found == outer_.end() ? from : found->second;
    ++counters_.sent;
    if (ecn != 0) ++counters_.sent_with_ecn;
    if (on_sent) on_sent(seen_as, to, datagram);
    const bool twice = random_.chance(conditions.duplication);
    if (twice) ++counters_.duplicated;
    for (int copy = 0; copy < (twice ? 2 : 1); ++copy) send_copy(seen_as, to, ecn, datagram);
  }

  /// When the next datagram arrives; max: none is under way.
  time_point next_arrival() const { return under_way_.empty() ? time_point::max() : under_way_.begin()->first.first; }

  /// Lets time pass and delivers what arrives meanwhile.
  void advance_to(time_point when) {
    now_ = std::max(now_, when);
    while (!under_way_.empty() && under_way_.begin()->first.first <= now_) {
      auto arrived = std::move(under_way_.begin()->second);
      under_way_.erase(under_way_.begin());
      deliver(arrived);
    }
  }

 private:
  struct by_bytes {
    std::size_t operator()(const address& at) const noexcept { return at.hash(); }
    std::size_t operator()(const std::pair<address, address>& way) const noexcept {
      return way.first.hash() * 31 + way.second.hash();
    }
  };
  struct flying {
    address from, to;
    std::uint8_t ecn;
    byte_buffer bytes;
  };
  struct way {
    unsigned losses_in_a_row = 0;
    time_point free_at{};  ///< when all that waits has been sent
  };
  struct fate {
    double loss, reordering, corruption, mark;
    std::uint64_t jitter, where;
  };

  void send_copy(const address& from, const address& to, std::uint8_t ecn, bytes_view datagram) {
    // Every draw is made for every datagram: a change of one figure then moves no other.
    fate drawn{};
    drawn.loss = draw(random_);
    drawn.jitter = random_.below(static_cast<std::uint64_t>(conditions.jitter.count()) + 1);
    drawn.reordering = draw(rare_random_);
    drawn.corruption = draw(rare_random_);
    drawn.mark = draw(rare_random_);
    drawn.where = rare_random_.next();
    if (datagram.size() > conditions.datagram_bytes_max) return count(counters_.too_large);
    if (!connected(from, to)) return count(counters_.cut_off);
    if (is_lost(from, to, drawn.loss) || (steals && steals(from, to, datagram))) return count(counters_.lost);
    const auto leaves = leave(from, to, datagram.size());
    if (!leaves) return count(counters_.queue_full);
    auto arrival = *leaves + conditions.delay + std::chrono::nanoseconds(drawn.jitter);
    if (drawn.reordering < conditions.reordering) {
      count(counters_.reordered);
      arrival += conditions.reordering_delay;
    }
    flying sent{from, to, ecn, {datagram.begin(), datagram.end()}};
    if (drawn.corruption < conditions.corruption && !datagram.empty()) {
      count(counters_.corrupted);
      sent.bytes[drawn.where / 8 % datagram.size()] ^= static_cast<std::uint8_t>(1u << drawn.where % 8);
    }
    if ((ecn == 1 || ecn == 2) && drawn.mark < conditions.congestion_marks) {
      count(counters_.marked);
      sent.ecn = 3;
    }
    under_way_.emplace(std::pair(arrival, ++numbered_), std::move(sent));
  }

  bool is_lost(const address& from, const address& to, double drawn) {
    if (!conditions.loss_after_loss && conditions.losses_in_a_row_max == 0) return drawn < conditions.loss;
    auto& here = ways_[{from, to}];
    const bool after_loss = here.losses_in_a_row > 0;
    const auto chance = after_loss ? conditions.loss_after_loss.value_or(conditions.loss) : conditions.loss;
    const bool may = conditions.losses_in_a_row_max == 0 || here.losses_in_a_row < conditions.losses_in_a_row_max;
    const bool lost = drawn < chance && may;
    here.losses_in_a_row = lost ? here.losses_in_a_row + 1 : 0;
    return lost;
  }

  // When its last byte has left; none: the queue has no room.
  std::optional<time_point> leave(const address& from, const address& to, std::size_t size) {
    if (conditions.bytes_per_second == 0) return now_;
    auto& here = ways_[{from, to}];
    const auto rate = static_cast<double>(conditions.bytes_per_second);
    const auto begin = std::max(here.free_at, now_);
    const auto waiting = std::chrono::duration<double>(begin - now_).count() * rate;
    if (waiting + static_cast<double>(size) > static_cast<double>(conditions.queue_bytes)) return std::nullopt;
    const std::chrono::duration<double> takes(static_cast<double>(size) / rate);
    return here.free_at = begin + std::chrono::duration_cast<std::chrono::nanoseconds>(takes);
  }

  void deliver(const flying& arrived) {
    const auto to = inner_of(arrived.to);
    const auto found = receivers_.find(to);
    if (!connected(arrived.from, arrived.to)) return count(counters_.cut_off);
    if (found == receivers_.end()) return count(counters_.nobody_there);
    count(counters_.delivered);
    found->second(to, arrived.from, arrived.ecn, arrived.bytes);
  }

  static double draw(seeded_random& from) { return static_cast<double>(from.next() >> 11) * 0x1.0p-53; }
  static void count(std::uint64_t& counter) noexcept { ++counter; }

  seeded_random random_, rare_random_;
  time_point now_{std::chrono::hours(1)};
  std::uint64_t numbered_ = 0;
  network_counters counters_;
  std::map<std::pair<time_point, std::uint64_t>, flying> under_way_;
  std::set<std::pair<std::string, std::string>> cuts_;
  // Looked up only, never walked.
  std::unordered_map<address, receiver, by_bytes> receivers_;
  std::unordered_map<address, address, by_bytes> outer_, inner_;
  std::unordered_map<std::pair<address, address>, way, by_bytes> ways_;
};

}  // namespace quicsync::tests
