#include <tests/sim/simulated_socket.hpp>

namespace quicsync::sim {

namespace {
constexpr std::size_t datagrams_per_receive = 16;
constexpr std::size_t buffer_bytes = 4u << 20;  ///< of what arrived and was not taken; more is dropped
}  // namespace

simulated_socket::simulated_socket(const address& at, int descriptor, surroundings around)
    : at_(at), descriptor_(descriptor), around_(std::move(around)) {
  around_.network->attach(at_, [this](const address&, const address& remote, std::uint8_t ecn, bytes_view bytes) {
    if (arrived_bytes_ + bytes.size() > buffer_bytes) return;
    arrived_bytes_ += bytes.size();
    arrived_.push_back({remote, ecn, {bytes.begin(), bytes.end()}});
    around_.wake();
  });
}

simulated_socket::~simulated_socket() {
  around_.network->detach(at_);
  around_.closed();
}

result<std::size_t> simulated_socket::receive(const receiver& each) {
  std::size_t taken = 0;
  for (; taken < datagrams_per_receive && !arrived_.empty(); ++taken) {
    const auto first = std::move(arrived_.front());
    arrived_.pop_front();
    arrived_bytes_ -= first.bytes.size();
    each(at_, first.from, first.ecn, first.bytes);
  }
  if (!arrived_.empty()) around_.wake();
  return taken;
}

result<bool> simulated_socket::send(const transmit& what) {
  around_.network->send(at_, what);
  // No answer of the network's gets through where one way is cut.
  const bool heard = around_.network->connected(at_, what.remote) && around_.network->connected(what.remote, at_);
  if (heard && !around_.somebody_at(what.remote)) {
    unreachable_.push_back(what.remote);
    around_.wake();
  }
  return true;
}

std::optional<address> simulated_socket::poll_unreachable() {
  if (unreachable_.empty()) return std::nullopt;
  const auto oldest = unreachable_.front();
  unreachable_.pop_front();
  return oldest;
}

}  // namespace quicsync::sim
