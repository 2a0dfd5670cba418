// How long a pattern takes from an agent to another one through two nodes on this machine, a thousand a second, and
// where the time goes: the same is done with less in between each time, and the differences are the parts.
#pragma once
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <future>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <quicsync/actors/agent/agent.hpp>
#include <quicsync/transport/certificates.hpp>

#include "bench_process.hpp"

namespace quicsync::bench {

/// Microseconds, of which half are at most the one, and 99 of a hundred the other.
struct quantiles {
  double p50 = 0;
  double p99 = 0;
};

inline quantiles quantiles_of(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  if (all.empty()) return {};
  return {all[all.size() / 2], all[all.size() * 99 / 100]};
}

inline std::int64_t now_ns() {
  using namespace std::chrono;
  return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

namespace detail {

constexpr int patterns_sent = 2000;
constexpr std::chrono::microseconds between{1000};

/// A CA, gone at the end.
class own_trust {
 public:
  own_trust() {
    auto made = (std::filesystem::temp_directory_path() / "quicsync-bench-XXXXXX").string();
    if (mkdtemp(made.data()) == nullptr) throw std::runtime_error("cannot make a temporary directory");
    path_ = made;
    must(make_ca(path_ / "ca"));
  }
  ~own_trust() { std::filesystem::remove_all(path_); }
  own_trust(const own_trust&) = delete;
  own_trust& operator=(const own_trust&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::unique_ptr<server> node_of(const own_trust& trust, const std::string& name,
                                       std::chrono::microseconds busy_poll) {
  auto files = must(make_node_certificate(name, trust.path() / "ca", trust.path()));
  node_config config;
  config.host = "127.0.0.1";
  config.port = 0;
  config.busy_poll = busy_poll;
  config.cert = files.certificate;
  config.key = files.key;
  config.ca = trust.path() / "ca" / "ca.pem";
  auto node = must(server::make(config));
  must(node->start());
  return node;
}

// The sender has just been woken by its timer: what is measured begins with the call of share().
inline task<void> sends(agent& self, std::vector<double>* acknowledged, std::promise<void>* done) {
  auto due = std::chrono::steady_clock::now() + std::chrono::milliseconds(200);
  for (int i = 0; i < patterns_sent; ++i) {
    due += between;
    co_await self.sleep(due - std::chrono::steady_clock::now());
    const auto begin = now_ns();
    auto report = must(co_await self.share(self.new_pattern("p" + std::to_string(i), "bench", std::to_string(begin))));
    acknowledged->push_back(static_cast<double>(now_ns() - begin) / 1000);
  }
  done->set_value();
}

inline task<void> reads(agent& self, std::vector<double>* late, std::promise<void>* ready, std::promise<void>* done) {
  auto patterns = self.subscribe("type=bench");
  co_await patterns.next_record(std::chrono::milliseconds(100));  // from now on it is subscribed
  ready->set_value();
  for (int i = 0; i < patterns_sent; ++i) {
    auto one = must(co_await patterns.next(std::chrono::seconds(10)));
    late->push_back(static_cast<double>(now_ns() - std::stoll(one.data)) / 1000);
  }
  done->set_value();
}

struct way {
  quantiles one_way;
  quantiles acknowledged;   ///< there and back, as share() tells it
  double processor_us = 0;  ///< of both nodes, for each pattern, its acknowledgement included
};

inline way measured_way(server& from, server& to, placement where) {
  std::vector<double> late, acknowledged;
  std::promise<void> ready, sent, read;
  must(to.spawn_agent(agent_options("reads").on(where), reads, &late, &ready, &read));
  ready.get_future().wait();
  const auto used = processor_seconds();
  must(from.spawn_agent(agent_options("sends").on(where), sends, &acknowledged, &sent));
  sent.get_future().wait();
  read.get_future().wait();
  return {quantiles_of(late), quantiles_of(acknowledged), (processor_seconds() - used) * 1e6 / patterns_sent};
}

/// A datagram to a thread that sleeps in epoll_wait: what no program on this machine can do without.
inline quantiles bare_datagram() {
  std::array<int, 2> ends{};
  sockaddr_in at{};
  socklen_t length = sizeof at;
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (auto& end : ends) end = socket(AF_INET, SOCK_DGRAM, 0);
  if (bind(ends[1], reinterpret_cast<sockaddr*>(&at), length) != 0 ||
      getsockname(ends[1], reinterpret_cast<sockaddr*>(&at), &length) != 0)
    throw std::runtime_error("no socket");
  std::vector<double> late;
  std::thread receiver([&] {
    const int waits = epoll_create1(0);
    epoll_event what{};
    what.events = EPOLLIN;
    epoll_ctl(waits, EPOLL_CTL_ADD, ends[1], &what);
    std::array<char, 200> datagram{};
    for (int i = 0; i < patterns_sent; ++i) {
      if (epoll_wait(waits, &what, 1, 1000) != 1) break;
      std::int64_t begin = 0;
      if (recv(ends[1], datagram.data(), datagram.size(), 0) <= 0) break;
      std::memcpy(&begin, datagram.data(), sizeof begin);
      late.push_back(static_cast<double>(now_ns() - begin) / 1000);
    }
    ::close(waits);
  });
  auto due = std::chrono::steady_clock::now() + between;
  for (int i = 0; i < patterns_sent; ++i, due += between) {
    std::this_thread::sleep_until(due);
    std::array<char, 200> datagram{};
    const auto begin = now_ns();
    std::memcpy(datagram.data(), &begin, sizeof begin);
    sendto(ends[0], datagram.data(), datagram.size(), 0, reinterpret_cast<sockaddr*>(&at), length);
  }
  receiver.join();
  for (auto end : ends) ::close(end);
  return quantiles_of(std::move(late));
}

}  // namespace detail

inline void measure_way() {
  const auto bare = detail::bare_datagram();
  std::printf("a pattern from agent to agent, %d at 1000/s:\n%-44s %8s %8s\n", detail::patterns_sent, "microseconds",
              "p50", "p99");
  const auto line = [](const char* what, double p50, double p99) {
    std::printf("%-44s %8.1f %8.1f\n", what, p50, p99);
  };
  line("a datagram to a thread that sleeps", bare.p50, bare.p99);
  struct setting {
    const char* name;
    placement where;
    std::chrono::microseconds busy_poll;
  };
  for (const auto& [name, where, busy_poll] :
       {setting{"on the loop", placement::loop, {}},
        {"on the loop, which looks for work 1 ms", placement::loop, detail::between},
        {"on the pool", placement::pool, {}}}) {
    const detail::own_trust trust;
    detail::way one_node, two_nodes;
    {
      auto node = detail::node_of(trust, "alone", busy_poll);
      one_node = detail::measured_way(*node, *node, where);
    }
    {
      auto here = detail::node_of(trust, "here", busy_poll), there = detail::node_of(trust, "there", busy_poll);
      must(here->connect_to_peer("127.0.0.1:" + std::to_string(there->port()), "there").get());
      two_nodes = detail::measured_way(*here, *there, where);
    }
    std::printf("agents %s\n", name);
    line("  through one node", one_node.one_way.p50, one_node.one_way.p99);
    line("  through two nodes", two_nodes.one_way.p50, two_nodes.one_way.p99);
    line("  through two nodes, acknowledged (applied)", two_nodes.acknowledged.p50, two_nodes.acknowledged.p99);
    std::printf(
        "  where the p50 goes: agents and cache %.1f, the kernel and a thread that wakes %.1f,\n"
        "  QUIC, frames and peers on both sides %.1f; processor time of both nodes %.1f\n",
        one_node.one_way.p50, bare.p50, two_nodes.one_way.p50 - one_node.one_way.p50 - bare.p50,
        two_nodes.processor_us);
  }
}

}  // namespace quicsync::bench
