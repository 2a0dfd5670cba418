// Measures the transport between two processes over loopback. Prints a JSON object a line on stdout, and lines for
// people on stderr.
//   bench_transport [throughput] [handshakes] [idle] [--bytes N] [--rounds N] [--connections N]
// throughput: one lane, packets of 1452 bytes, ours (endpoint, socket, loop, transport actor) and a plain ngtcp2 loop
// with the same settings, in turn; medians. handshakes: mutual TLS, full and resumed. idle: memory of connections that
// say nothing but keep-alives, at a whole node that accepted them and at the bare endpoint that dialled them.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <stdlib.h>
#include <tests/bench/bench_process.hpp>
#include <tests/bench/endpoint_driver.hpp>
#include <tests/bench/own_transfer.hpp>

#include <quicsync/actors/server.hpp>
#include <quicsync/codec/frame.hpp>
#include <quicsync/transport/plain_transfer.hpp>

using namespace quicsync;
using namespace quicsync::bench;
using namespace std::chrono_literals;

namespace {

struct options {
  std::vector<std::string> parts;
  std::uint64_t bytes = 1u << 30;
  int rounds = 5;
  int handshakes = 2000;
  int connections = 1000;

  bool wants(std::string_view part) const {
    return parts.empty() || std::find(parts.begin(), parts.end(), part) != parts.end();
  }
};

// A CA and two identities, gone at the end.
class trust {
 public:
  trust() {
    auto pattern = (std::filesystem::temp_directory_path() / "quicsync-bench-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a temporary directory");
    directory_ = pattern;
    must(make_ca(directory_ / "ca"));
    for (const auto* name : {"server", "client"}) must(make_node_certificate(name, directory_ / "ca", directory_));
  }
  ~trust() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  trust(const trust&) = delete;
  trust& operator=(const trust&) = delete;
  credentials::files of(const std::string& name) const {
    return {directory_ / (name + ".pem"), directory_ / (name + ".key"), directory_ / "ca" / "ca.pem"};
  }

 private:
  std::filesystem::path directory_;
};

// -- throughput -----------------------------------------------------------------------------------------------------

struct transfer_figures {
  double megabytes_per_second = 0;
  double processor_seconds_per_gigabyte = 0;  ///< both processes
};

transfer_figures figures(std::uint64_t bytes, double seconds, double processor) {
  const auto count = static_cast<double>(bytes);
  return {count / seconds / 1e6, processor / (count / 1e9)};
}

transfer_figures transfer_ours(const trust& identities, const options& wanted) {
  child_process server([&](reporter& out) {
    transfer_plan plan;
    plan.bytes = wanted.bytes;
    plan.listening = [&](std::uint16_t port) { out.say(port); };
    const auto outcome = run_transfer(identities.of("server"), std::move(plan));
    if (outcome.bytes < wanted.bytes) throw std::runtime_error("our transfer ended early");
    out.say(std::chrono::duration<double>(outcome.last - outcome.first).count());
    out.say(processor_seconds());
  });
  const auto port = static_cast<int>(server.hear());
  child_process client([&](reporter& out) {
    transfer_plan plan;
    plan.bytes = wanted.bytes;
    plan.dial = "127.0.0.1:" + std::to_string(port);
    plan.listening = [](std::uint16_t) {};
    run_transfer(identities.of("client"), std::move(plan));
    out.say(processor_seconds());
  });
  const auto seconds = server.hear(), there = server.hear(), here = client.hear();
  return figures(wanted.bytes, seconds, there + here);
}

transfer_figures transfer_plainly(const trust& identities, const options& wanted) {
  const auto side = [&](const char* name, plain_transfer::side which) {
    const auto files = identities.of(name);
    plain_transfer_plan plan;
    plan.certificate = files.certificate.string();
    plan.key = files.key.string();
    plan.bytes = wanted.bytes;
    // As ours: transport_params() in transport/connection.cpp.
    plan.stream_window_bytes = limits::lane_window_bytes + 1;
    plan.connection_window_bytes = 3 * limits::lane_window_bytes + limits::control_window_bytes + 4;
    plan.socket_buffer_bytes = static_cast<int>(udp_socket::wanted_buffer_bytes);
    return must(plain_transfer::make(std::move(plan), which));
  };
  child_process server([&](reporter& out) {
    const auto receiver = side("server", plain_transfer::side::receives);
    out.say(receiver->port());
    out.say(must(receiver->receive()));
    out.say(processor_seconds());
  });
  const auto port = static_cast<std::uint16_t>(server.hear());
  child_process client([&](reporter& out) {
    must(side("client", plain_transfer::side::sends)->send(port));
    out.say(processor_seconds());
  });
  const auto seconds = server.hear(), there = server.hear(), here = client.hear();
  return figures(wanted.bytes, seconds, there + here);
}

void bench_throughput(const trust& identities, const options& wanted) {
  std::vector<double> ours, plain, ours_processor, plain_processor, ratios;
  for (int round = 0; round < wanted.rounds; ++round) {
    const auto own = transfer_ours(identities, wanted), other = transfer_plainly(identities, wanted);
    std::fprintf(stderr, "round %d: ours %.0f MB/s, plain loop %.0f MB/s\n", round + 1, own.megabytes_per_second,
                 other.megabytes_per_second);
    ours.push_back(own.megabytes_per_second);
    plain.push_back(other.megabytes_per_second);
    ours_processor.push_back(own.processor_seconds_per_gigabyte);
    plain_processor.push_back(other.processor_seconds_per_gigabyte);
    ratios.push_back(own.megabytes_per_second / other.megabytes_per_second);
  }
  std::printf(
      "{\"what\":\"throughput\",\"bytes\":%llu,\"rounds\":%d,\"ours_MBps\":%.0f,\"plain_MBps\":%.0f,\"ratio\":%.3f,"
      "\"ours_cpu_s_per_GB\":%.3f,\"plain_cpu_s_per_GB\":%.3f}\n",
      static_cast<unsigned long long>(wanted.bytes), wanted.rounds, median(ours), median(plain), median(ratios),
      median(ours_processor), median(plain_processor));
  std::fprintf(stderr,
               "throughput, medians: ours %.0f MB/s, plain loop %.0f MB/s, ratio %.2f (goal 0.85); CPU s per GB, both "
               "processes: %.2f and %.2f\n",
               median(ours), median(plain), median(ratios), median(ours_processor), median(plain_processor));
}

// -- handshakes -----------------------------------------------------------------------------------------------------

endpoint_driver drive(const credentials::files& identity, endpoint_driver::handler on_event,
                      const char* bind = "127.0.0.1:0", bool resumption = true) {
  endpoint_config quic;
  quic.identity = must(credentials::load(identity));
  quic.resumption = resumption;
  return {must(endpoint::make(std::move(quic))), must(udp_socket::bind(*address::parse(bind))), std::move(on_event)};
}

constexpr int handshakes_at_once = 16;

// Greets everybody, and is done when all have gone.
void accept_handshakes(reporter& out, const trust& identities, const options& wanted) {
  int ended = 0;
  auto side = drive(
      identities.of("server"),
      [&](endpoint& quic, endpoint_event& event) {
        // Who has gone meanwhile needs no greeting.
        if (const auto* up = std::get_if<connection_opened>(&event)) [[maybe_unused]]
          const auto greeted = quic.send(up->id, lane::control, shared_bytes(byte_buffer(1)));
        if (std::holds_alternative<connection_ended>(event)) ++ended;
      },
      "0.0.0.0:0");
  out.say(side.port());
  side.run_until([&] { return ended == wanted.handshakes; });
  out.say(static_cast<double>(side->statistics().handshakes_completed));
  out.say(processor_seconds());
}

// A server is remembered by its address: each of those that are under way at once dials another one, again and again,
// when it has been greeted. The ticket for the next one is there by then.
void dial_handshakes(reporter& out, const trust& identities, const options& wanted, int port, bool resume) {
  int dialled = 0, ended = 0, resumed = 0;
  std::map<connection_id, address> remotes;
  const auto dial = [&](endpoint& quic, const address& to) {
    if (dialled == wanted.handshakes) return;
    ++dialled;
    remotes.emplace(must(quic.connect(to, "server", endpoint_driver::now())), to);
  };
  auto side = drive(
      identities.of("client"),
      [&](endpoint& quic, endpoint_event& event) {
        if (const auto* up = std::get_if<connection_opened>(&event)) {
          resumed += up->resumed ? 1 : 0;
        } else if (const auto* greeting = std::get_if<lane_bytes>(&event)) {
          quic.close(greeting->id, errc::none, "done", endpoint_driver::now());
        } else if (const auto* over = std::get_if<connection_ended>(&event)) {
          ++ended;
          dial(quic, remotes.extract(over->id).mapped());
        }
      },
      "127.0.0.1:0", resume);
  const auto begin = endpoint_driver::now();
  for (int i = 1; i <= handshakes_at_once; ++i)
    dial(*side, *address::parse("127.0.0." + std::to_string(i) + ":" + std::to_string(port)));
  side.run_until([&] { return ended == wanted.handshakes; });
  out.say(std::chrono::duration<double>(endpoint_driver::now() - begin).count());
  out.say(processor_seconds());
  out.say(resumed);
  // The last closes must arrive, or the other side waits for its idle timeout.
  side.run_until([] { return false; }, endpoint_driver::now() + 200ms);
}

void bench_handshakes(const trust& identities, const options& wanted, bool resume) {
  child_process server([&](reporter& out) { accept_handshakes(out, identities, wanted); });
  const auto port = static_cast<int>(server.hear());
  child_process client([&](reporter& out) { dial_handshakes(out, identities, wanted, port, resume); });
  const auto seconds = client.hear(), here = client.hear(), resumed = client.hear();
  const auto completed = server.hear(), there = server.hear();
  const char* kind = resume ? "resumed" : "full";
  std::printf(
      "{\"what\":\"handshakes\",\"kind\":\"%s\",\"count\":%d,\"completed\":%.0f,\"resumed\":%.0f,\"per_second\":%.0f,"
      "\"cpu_ms_dialling\":%.3f,\"cpu_ms_accepting\":%.3f}\n",
      kind, wanted.handshakes, completed, resumed, completed / seconds, here * 1000 / wanted.handshakes,
      there * 1000 / wanted.handshakes);
  std::fprintf(
      stderr,
      "%s handshakes, mutual TLS, %d at once: %.0f a second (%.0f of %.0f resumed); CPU each %.2f ms dialling, "
      "%.2f ms accepting\n",
      kind, handshakes_at_once, completed / seconds, resumed, completed, here * 1000 / wanted.handshakes,
      there * 1000 / wanted.handshakes);
}

// -- idle connections -------------------------------------------------------------------------------------------------

struct memory {
  double resident = resident_bytes(), heap = heap_bytes();
};

void say_growth(reporter& out, const memory& before, int connections) {
  const memory after;
  out.say((after.resident - before.resident) / connections);
  out.say((after.heap - before.heap) / connections);
}

constexpr int warm_connections = 20;  // what is there once, whatever the number of connections

// A whole node that accepts: its growth from `warm` to all connections.
void accept_idle(reporter& out, const trust& identities, const options& wanted) {
  node_config config;
  const auto files = identities.of("server");
  config.cert = files.certificate;
  config.key = files.key;
  config.ca = files.ca;
  config.host = "127.0.0.1";
  config.port = 0;
  const auto node = must(server::make(std::move(config)));
  std::atomic<int> connected{0};
  node->on("peer:connected", [&](const event&) { ++connected; });
  must(node->start());
  out.say(node->port());
  const auto wait_for = [&](int count) {
    while (connected < count) usleep(10'000);
    usleep(3'000'000);  // silence: what a handshake needed is freed, keep-alives go on
  };
  wait_for(warm_connections);
  const memory before;
  out.say(0);
  wait_for(warm_connections + wanted.connections);
  say_growth(out, before, wanted.connections);
  usleep(1'000'000);
}

void dial_idle(reporter& out, const trust& identities, const options& wanted, const address& to, child_process& node) {
  const hello_frame hello{.version_min = wire_version,
                          .version_max = wire_version,
                          .name = "client",
                          .role = node_role::client,
                          .instance = 1,
                          .capabilities = 0,
                          .pattern_bytes_max = limits::pattern_bytes,
                          .level = ack_level::applied,
                          .log = {},
                          .remembered = std::nullopt,
                          .partial = false};
  byte_buffer greeting;
  append_frame(greeting, hello);
  int dialled = 0, up = 0, wave_end = 0;
  bool measured = false;
  const auto dial = [&](endpoint& quic) {
    if (dialled == wave_end) return;
    ++dialled;
    must(quic.connect(to, "server", endpoint_driver::now()));
  };
  auto side = drive(identities.of("client"), [&](endpoint& quic, endpoint_event& event) {
    if (const auto* opened = std::get_if<connection_opened>(&event)) {
      must(quic.send(opened->id, lane::control, shared_bytes(byte_buffer(greeting))));
      ++up;
      dial(quic);
    } else if (const auto* bytes = std::get_if<lane_bytes>(&event)) {
      quic.consumed(bytes->id, bytes->on, bytes->bytes.size());
    } else if (const auto* over = std::get_if<connection_ended>(&event)) {
      if (!measured) throw std::runtime_error("an idle connection ended: " + over->reason.context);
    }
  });
  const auto connect_to = [&](int count) {
    wave_end = count;
    for (int i = 0; i < 16; ++i) dial(*side);
    side.run_until([&] { return up == count; });
    side.run_until([] { return false; }, endpoint_driver::now() + 2500ms);
  };
  connect_to(warm_connections);
  const memory before;
  side.run_until([] { return false; }, endpoint_driver::now() + 1500ms);
  node.hear();
  connect_to(warm_connections + wanted.connections);
  say_growth(out, before, wanted.connections);
  measured = true;
  side.run_until([] { return false; }, endpoint_driver::now() + 3s);
}

void bench_idle(const trust& identities, const options& wanted) {
  child_process accepting([&](reporter& out) { accept_idle(out, identities, wanted); });
  const auto to = *address::parse("127.0.0.1:" + std::to_string(static_cast<int>(accepting.hear())));
  child_process dialling([&](reporter& out) { dial_idle(out, identities, wanted, to, accepting); });
  const auto dialled_resident = dialling.hear(), dialled_heap = dialling.hear();
  const auto accepted_resident = accepting.hear(), accepted_heap = accepting.hear();
  std::printf(
      "{\"what\":\"idle\",\"connections\":%d,\"accepting_node_resident_bytes\":%.0f,\"accepting_node_heap_bytes\":%.0f,"
      "\"dialling_endpoint_resident_bytes\":%.0f,\"dialling_endpoint_heap_bytes\":%.0f}\n",
      wanted.connections, accepted_resident, accepted_heap, dialled_resident, dialled_heap);
  std::fprintf(
      stderr,
      "%d idle connections, growth of a process each (resident / heap in use): %.1f / %.1f KB at the whole node "
      "that accepted them, %.1f / %.1f KB at the bare endpoint that dialled them (goal 100 KB)\n",
      wanted.connections, accepted_resident / 1024, accepted_heap / 1024, dialled_resident / 1024, dialled_heap / 1024);
}

bool read(options& into, int count, char** arguments) {
  for (int i = 1; i < count; ++i) {
    const std::string_view given = arguments[i];
    const auto value = [&] { return i + 1 < count ? std::strtoull(arguments[++i], nullptr, 10) : 0ull; };
    if (given == "--bytes")
      into.bytes = value();
    else if (given == "--rounds")
      into.rounds = static_cast<int>(value());
    else if (given == "--connections")
      into.connections = static_cast<int>(value());
    else if (given == "throughput" || given == "handshakes" || given == "idle")
      into.parts.emplace_back(given);
    else
      return false;
  }
  return into.bytes > 0 && into.rounds > 0 && into.connections > 0;
}

}  // namespace

int main(int count, char** arguments) {
  options wanted;
  if (!read(wanted, count, arguments)) {
    std::fprintf(
        stderr, "usage: bench_transport [throughput] [handshakes] [idle] [--bytes N] [--rounds N] [--connections N]\n");
    return 2;
  }
  try {
    const trust identities;
    if (wanted.wants("throughput")) bench_throughput(identities, wanted);
    if (wanted.wants("handshakes")) {
      bench_handshakes(identities, wanted, false);
      bench_handshakes(identities, wanted, true);
    }
    if (wanted.wants("idle")) bench_idle(identities, wanted);
  } catch (const std::exception& why) {
    std::fprintf(stderr, "bench: error: %s\n", why.what());
    return 1;
  }
  return 0;
}
