// Measures what a new version of a pattern that both sides hold costs on the link between two nodes. Prints a JSON
// object a line.
//   bench_deltas [FILE NEXT] [--whole]    NEXT: the same patterns, one version later; no FILE: patterns of its own;
//   --whole: without deltas
// Counted by the kernel, in a network namespace of its own: all that its loopback device carried, both ways, IP headers
// and acknowledgements included, segmentation by the device switched off so that each datagram counts with its header.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <quicsync/actors/server.hpp>
#include <quicsync/codec/json.hpp>

#include "tests/codec/samples.hpp"

using namespace quicsync;
using namespace std::chrono_literals;

namespace {

/// What carries the datagrams: a loopback device that nobody else uses.
class own_network {
 public:
  own_network() {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
      throw std::runtime_error("this system gives no network namespace, in which alone the kernel's counters are ours");
    const int control = socket(AF_INET, SOCK_DGRAM, 0);
    ifreq device{};
    std::snprintf(device.ifr_name, sizeof device.ifr_name, "lo");
    device.ifr_flags = IFF_UP | IFF_RUNNING;
    if (ioctl(control, SIOCSIFFLAGS, &device) != 0) throw std::runtime_error("the loopback device does not come up");
    segments_ = switch_off(control, "tx-udp-segmentation");
    ::close(control);
  }

  struct carried {
    std::uint64_t bytes = 0;  ///< of IP packets
    std::uint64_t packets = 0;
  };
  /// Since the device came up.
  carried total() const {
    constexpr std::uint64_t ethernet_bytes = 14;
    std::ifstream table("/proc/self/net/dev");
    for (std::string line; std::getline(table, line);) {
      unsigned long long bytes = 0, packets = 0;
      const auto name = line.find("lo:");
      if (name == std::string::npos) continue;
      if (std::sscanf(line.c_str() + name + 3, "%llu %llu", &bytes, &packets) != 2) break;
      return {bytes - ethernet_bytes * packets, packets};
    }
    throw std::runtime_error("no counters in /proc/self/net/dev");
  }
  /// Every datagram is a packet of its own, as on a link without such a device.
  bool exact() const noexcept { return segments_; }

 private:
  /// A feature of the device by its name, as ethtool lists them.
  static bool switch_off(int control, std::string_view feature) {
    constexpr std::size_t most = 256;
    ifreq device{};
    std::snprintf(device.ifr_name, sizeof device.ifr_name, "lo");
    const auto ask = [&](void* what) {
      device.ifr_data = static_cast<char*>(what);
      return ioctl(control, SIOCETHTOOL, &device) == 0;
    };
    // Each answer is a head and what follows it.
    std::vector<std::uint32_t> info(sizeof(ethtool_sset_info) / 4 + 1), off(sizeof(ethtool_sfeatures) / 4 + most / 16);
    const auto sets = reinterpret_cast<ethtool_sset_info*>(info.data());
    sets->cmd = ETHTOOL_GSSET_INFO;
    sets->sset_mask = 1ull << ETH_SS_FEATURES;
    if (!ask(info.data()) || info.back() > most) return false;
    const auto count = info.back();
    std::vector<std::uint32_t> names((sizeof(ethtool_gstrings) + most * ETH_GSTRING_LEN) / 4);
    const auto strings = reinterpret_cast<ethtool_gstrings*>(names.data());
    strings->cmd = ETHTOOL_GSTRINGS;
    strings->string_set = ETH_SS_FEATURES;
    strings->len = count;
    if (!ask(names.data())) return false;
    for (std::uint32_t i = 0; i < count; ++i) {
      const auto* const name =
          reinterpret_cast<const char*>(names.data()) + sizeof(ethtool_gstrings) + i * ETH_GSTRING_LEN;
      if (feature != std::string_view(name, strnlen(name, ETH_GSTRING_LEN))) continue;
      const auto features = reinterpret_cast<ethtool_sfeatures*>(off.data());
      features->cmd = ETHTOOL_SFEATURES;
      features->size = (count + 31) / 32;
      const ethtool_set_features_block block{1u << i % 32, 0};
      std::memcpy(off.data() + sizeof(ethtool_sfeatures) / 4 + i / 32 * 2, &block, sizeof block);
      return ask(off.data());
    }
    return false;
  }

  bool segments_ = false;
};

std::vector<std::string> read(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(std::move(line));
  if (lines.empty()) throw std::runtime_error(path + ": no patterns");
  return lines;
}

std::vector<std::string> make(std::uint64_t version) {
  std::vector<std::string> lines;
  samples::pattern_maker maker(1);
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    auto value = maker.make();
    value.id = fmt::format("pattern_{}", i);
    value.version = version;
    value.metadata.expires_at.reset();  // whatever the maker thinks of, all of them are to be taken
    value.metadata.checksum.reset();
    value.timestamp = static_cast<std::int64_t>(1760000000000 + i * 20 + version * 60000);
    value.data = fmt::format(R"({{"testCase":"{}_{}","result":"passed","duration":{},"coverage":0.{}}})", maker.word(),
                             i, 100 + (i * 2654435761u + version) % 900, 1000 + i % 9000);
    lines.emplace_back();
    append_json(lines.back(), value);
  }
  return lines;
}

template <class T>
T must(result<T> value) {
  if (!value) throw std::runtime_error(to_string(value.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*value);
}

node_config open_node(const char* name, bool deltas) {
  node_config config;
  config.id = name;
  config.host = "127.0.0.1";
  config.port = 0;
  config.reject_unauthorized = false;
  config.enable_auth = false;
  config.deltas = deltas;
  return config;
}

/// Until the peers have acknowledged all of them.
void share(server& node, const std::vector<std::string>& lines) {
  std::atomic<std::size_t> open = 0, failed = 0;
  auto slab = node.new_slab();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    must(slab.add_json(lines[i]));
    if (slab.size() < 100 && i + 1 < lines.size()) continue;
    ++open;
    node.share(slab.finish(), {}, [&](const sync_report& done) {
      if (!done.complete()) ++failed;
      --open;
    });
  }
  while (open != 0) std::this_thread::sleep_for(1ms);
  if (failed != 0) throw std::runtime_error("not everything was acknowledged");
}

void measure(const std::vector<std::string>& first, const std::vector<std::string>& next, bool deltas) {
  own_network network;
  auto a = must(server::make(open_node("a", deltas))), b = must(server::make(open_node("b", deltas)));
  must(a->start());
  must(b->start());
  must(b->connect_to_peer("127.0.0.1:" + std::to_string(a->port())).get());
  const char* what = "first_versions";
  for (const auto* lines : {&first, &next}) {
    std::this_thread::sleep_for(2s);  // what follows a share, like marks and keep-alives, is not counted with the next
    const auto before = network.total();
    share(*a, *lines);
    std::this_thread::sleep_for(200ms);  // the last acknowledgements
    const auto after = network.total();
    const auto patterns = static_cast<double>(lines->size());
    const auto state = must(a->state());
    std::printf(
        R"({"benchmark":"deltas","what":"%s","deltas":%s,"patterns":%zu,"bytes_a_pattern":%.2f,"packets":%llu,"exact":%s,"lane_bytes":%llu,"record_bytes":%llu})"
        "\n",
        what, deltas ? "true" : "false", lines->size(), static_cast<double>(after.bytes - before.bytes) / patterns,
        static_cast<unsigned long long>(after.packets - before.packets), network.exact() ? "true" : "false",
        static_cast<unsigned long long>(state.stats.lane_bytes_sent),
        static_cast<unsigned long long>(state.stats.record_bytes_sent));
    std::fflush(stdout);
    what = "next_versions";
  }
  if (must(b->state()).patterns != first.size()) throw std::runtime_error("the other node does not hold all of them");
}

}  // namespace

int main(int argc, char** argv) try {
  std::vector<std::string> files;
  bool deltas = true;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--whole")
      deltas = false;
    else
      files.emplace_back(argv[i]);
  }
  if (files.size() >= 2)
    measure(read(files[0]), read(files[1]), deltas);
  else
    measure(make(1), make(2), deltas);
  return 0;
} catch (const std::exception& why) {
  std::fprintf(stderr, "bench: error: %s\n", why.what());
  return 1;
}
