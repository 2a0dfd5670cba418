#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include <linux/errqueue.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

#include <quicsync/transport/udp_control.hpp>
#include <quicsync/transport/udp_socket.hpp>

namespace quicsync {

namespace {

// One receive(): enough to empty what arrives while a turn runs, little enough not to hold up the turn.
constexpr std::size_t messages_per_receive = 8;
// With GRO one message is a row of datagrams of up to 64 KB.
constexpr std::size_t message_bytes = 64u << 10;
// One sendmsg with UDP_SEGMENT: the kernel's bounds (UDP_MAX_SEGMENTS, the IP packet's length less the headers).
constexpr std::size_t segments_per_send = 64;
constexpr std::size_t bytes_per_send = 65535 - 40 - 8;
// ICMP reports that one receive() looks at, and that wait to be polled; a storm of them costs no more.
constexpr std::size_t reports_per_receive = 64;
constexpr std::size_t unreachable_kept = 64;
// Pending socket errors that one call skips before it gives up.
constexpr int error_retries = 16;

constexpr std::uint8_t ecn_bits = 0x03;  // RFC 3168 section 5

std::string text_of(int why) { return std::generic_category().message(why); }

bool set_option(int socket, int level, int name, int value) {
  return setsockopt(socket, level, name, &value, sizeof value) == 0;
}

// A privileged process may go past the system's cap.
void raise_buffer(int socket, int plain, int forced) {
  const auto bytes = static_cast<int>(udp_socket::wanted_buffer_bytes);
  if (!set_option(socket, SOL_SOCKET, forced, bytes)) set_option(socket, SOL_SOCKET, plain, bytes);
}

std::size_t buffer_bytes(int socket, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  getsockopt(socket, SOL_SOCKET, name, &value, &length);
  return static_cast<std::size_t>(value) / 2;  // the kernel doubles it for its own bookkeeping, socket(7)
}

// All of these are best effort: without one of them QUIC is slower or blinder, never wrong.
void set_options(int socket, int family, bool any) {
  raise_buffer(socket, SO_RCVBUF, SO_RCVBUFFORCE);
  raise_buffer(socket, SO_SNDBUF, SO_SNDBUFFORCE);
  if (family == AF_INET6) {
    if (any) set_option(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
    set_option(socket, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    set_option(socket, IPPROTO_IPV6, IPV6_RECVERR, 1);
    set_option(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
  } else if (any) {
    set_option(socket, IPPROTO_IP, IP_PKTINFO, 1);
  }
  // On an IPv6 socket these are for the IPv4 that it carries.
  set_option(socket, IPPROTO_IP, IP_RECVTOS, 1);
  set_option(socket, IPPROTO_IP, IP_RECVERR, 1);
  set_option(socket, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
  set_option(socket, IPPROTO_UDP, udp_control::udp_gro, 1);
}

bool is_any(const address& where) {
  if (where.family() == AF_INET)
    return reinterpret_cast<const sockaddr_in*>(where.raw())->sin_addr.s_addr == htonl(INADDR_ANY);
  return IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6*>(where.raw())->sin6_addr);
}

// What the kernel says of one received message beside its bytes.
struct arrival {
  address local;
  std::uint8_t ecn = 0;
  std::size_t segment_bytes = 0;  // 0: one datagram
};

arrival read_control(msghdr& header, const address& bound) {
  arrival found{bound};
  for (auto* at = CMSG_FIRSTHDR(&header); at != nullptr; at = CMSG_NXTHDR(&header, at)) {
    if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_TOS)
      found.ecn = udp_control::value_of<std::uint8_t>(*at) & ecn_bits;
    else if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_TCLASS)
      found.ecn = static_cast<std::uint8_t>(udp_control::value_of<int>(*at)) & ecn_bits;
    else if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_PKTINFO)
      found.local = udp_control::make_address(udp_control::value_of<in_pktinfo>(*at).ipi_addr, bound.port());
    else if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_PKTINFO)
      found.local = udp_control::make_address(udp_control::value_of<in6_pktinfo>(*at).ipi6_addr, bound.port());
    else if (at->cmsg_level == IPPROTO_UDP && at->cmsg_type == udp_control::udp_gro)
      found.segment_bytes = static_cast<std::size_t>(udp_control::value_of<int>(*at));
  }
  return found;
}

}  // namespace

// Buffers of recvmmsg, allocated once; pages that are never reached are never touched.
struct udp_socket::inbox {
  std::unique_ptr<std::uint8_t[]> bytes =
      std::make_unique_for_overwrite<std::uint8_t[]>(messages_per_receive * message_bytes);
  std::array<mmsghdr, messages_per_receive> messages{};
  std::array<iovec, messages_per_receive> pieces{};
  std::array<sockaddr_storage, messages_per_receive> from{};
  std::array<udp_control::buffer, messages_per_receive> control{};

  void make_ready() {
    for (std::size_t i = 0; i < messages_per_receive; ++i) {
      pieces[i] = {bytes.get() + i * message_bytes, message_bytes};
      auto& header = messages[i].msg_hdr;
      header = {};
      header.msg_name = &from[i];
      header.msg_namelen = sizeof from[i];
      header.msg_iov = &pieces[i];
      header.msg_iovlen = 1;
      header.msg_control = control[i].bytes;
      header.msg_controllen = sizeof control[i].bytes;
    }
  }
};

// -- binding ------------------------------------------------------------------------------------------------------

result<std::unique_ptr<udp_socket>> udp_socket::bind(const address& where) {
  const auto family = where.family();
  if (family == AF_UNSPEC) return fail(errc::bad_address, "no address to listen at");
  file_descriptor socket(::socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket)
    return fail(errc::io_failed, "cannot make a UDP socket for " + where.to_string() + ": " + text_of(errno));
  if (family == AF_INET6) set_option(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, is_any(where) ? 0 : 1);
  set_options(socket.get(), family, is_any(where));
  if (::bind(socket.get(), where.raw(), where.length()) != 0) {
    const auto why = errno;
    if (why == EADDRINUSE)
      return fail(errc::address_in_use, "UDP port " + std::to_string(where.port()) + " is in use at " +
                                            where.to_string() +
                                            ": stop the program that has it, or choose another port");
    if (why == EADDRNOTAVAIL)
      return fail(errc::bad_address,
                  where.host() + " is not an address of this machine: choose one that is, or 0.0.0.0");
    if (why == EACCES)
      return fail(errc::io_failed, "no permission to listen at " + where.to_string() + ": choose a port above 1023");
    return fail(errc::io_failed, "cannot listen at " + where.to_string() + ": " + text_of(why));
  }
  address local = where;
  sockaddr_storage raw{};
  socklen_t length = sizeof raw;
  if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&raw), &length) == 0)
    local = udp_control::make_address(raw, length);
  return std::unique_ptr<udp_socket>(new udp_socket(std::move(socket), local, is_any(where)));
}

udp_socket::udp_socket(file_descriptor socket, const address& local, bool any)
    : socket_(std::move(socket)), local_(local), any_(any), inbox_(std::make_unique<inbox>()) {}

udp_socket::~udp_socket() = default;

udp_socket::buffer_sizes udp_socket::buffers() const {
  return {buffer_bytes(socket_.get(), SO_RCVBUF), buffer_bytes(socket_.get(), SO_SNDBUF)};
}

// -- receiving ----------------------------------------------------------------------------------------------------

result<std::size_t> udp_socket::receive(const receiver& each) {
  auto& in = *inbox_;
  int taken = -1;
  for (int tries = 0; taken < 0; ++tries) {
    in.make_ready();
    taken = recvmmsg(socket_.get(), in.messages.data(), messages_per_receive, MSG_DONTWAIT, nullptr);
    if (taken >= 0) break;
    const auto why = errno;
    if (why == EINTR) continue;
    // An ICMP report: it makes one call fail and waits in the error queue, which keeps the descriptor ready until read.
    take_errors();
    if (why == EAGAIN || why == EWOULDBLOCK || tries == error_retries) return 0;
    if (why == EBADF || why == ENOTSOCK || why == EFAULT || why == EINVAL || why == ENOMEM)
      return fail(errc::io_failed, "cannot receive at " + local_.to_string() + ": " + text_of(why));
  }
  std::size_t datagrams = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(taken); ++i) {
    auto& header = in.messages[i].msg_hdr;
    if ((header.msg_flags & MSG_TRUNC) != 0) continue;  // longer than any QUIC packet
    const auto remote = udp_control::make_address(in.from[i], header.msg_namelen);
    const auto about = read_control(header, local_);
    bytes_view rest{in.bytes.get() + i * message_bytes, in.messages[i].msg_len};
    const auto step = about.segment_bytes == 0 ? rest.size() : about.segment_bytes;
    while (!rest.empty()) {
      const auto count = std::min(step, rest.size());
      each(about.local, remote, about.ecn, rest.first(count));
      rest = rest.subspan(count);
      ++datagrams;
    }
  }
  return datagrams;
}

// ip(7), IP_RECVERR: the name is the destination that the lost datagram had.
std::size_t udp_socket::take_errors() {
  std::size_t taken = 0;
  for (; taken < reports_per_receive; ++taken) {
    sockaddr_storage to{};
    udp_control::buffer control;
    std::uint8_t start_of_datagram[64];
    iovec piece{start_of_datagram, sizeof start_of_datagram};
    msghdr header{};
    header.msg_name = &to;
    header.msg_namelen = sizeof to;
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control.bytes;
    header.msg_controllen = sizeof control.bytes;
    if (recvmsg(socket_.get(), &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) break;
    for (auto* at = CMSG_FIRSTHDR(&header); at != nullptr; at = CMSG_NXTHDR(&header, at)) {
      const bool report = (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_RECVERR) ||
                          (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_RECVERR);
      if (!report) continue;
      const auto why = udp_control::value_of<sock_extended_err>(*at).ee_errno;
      // Not EMSGSIZE: that is path MTU discovery at work (RFC 9000 section 14.2.1), QUIC's own probes find it out.
      if (why == ECONNREFUSED || why == EHOSTUNREACH || why == ENETUNREACH || why == EHOSTDOWN || why == ENOPROTOOPT)
        note_unreachable(udp_control::make_address(to, header.msg_namelen));
    }
  }
  return taken;
}

void udp_socket::note_unreachable(const address& remote) {
  if (remote.family() == AF_UNSPEC || unreachable_.size() == unreachable_kept) return;
  if (std::find(unreachable_.begin(), unreachable_.end(), remote) == unreachable_.end()) unreachable_.push_back(remote);
}

std::optional<address> udp_socket::poll_unreachable() {
  if (unreachable_.empty()) return std::nullopt;
  auto oldest = unreachable_.front();
  unreachable_.pop_front();
  return oldest;
}

// -- sending ------------------------------------------------------------------------------------------------------

result<bool> udp_socket::send(const transmit& what) {
  if (local_.family() == AF_INET && what.remote.family() == AF_INET6)
    return fail(errc::unreachable,
                what.remote.to_string() + " is IPv6 and the socket at " + local_.to_string() + " IPv4");
  const auto total = what.bytes.size();
  const auto segment = what.segment_bytes == 0 ? total : std::min(what.segment_bytes, total);
  auto offset = std::min(std::exchange(already_sent_, 0), total);
  bool one_by_one = false;
  int retries = 0;
  while (offset < total) {
    auto count = std::min(segment, total - offset);
    if (segments_ && !one_by_one) {
      const auto row = std::clamp<std::size_t>(bytes_per_send / segment, 1, segments_per_send) * segment;
      count = std::min(row, total - offset);
    }
    switch (send_piece(what, offset, count)) {
      case outcome::sent:
      case outcome::dropped:
        offset += count;
        break;
      case outcome::blocked:
        already_sent_ = offset;
        return false;
      case outcome::one_by_one:
        one_by_one = true;
        break;
      case outcome::retry:
        if (++retries > error_retries) offset += count;  // as if lost: QUIC sends it again
        break;
      case outcome::unreachable:
        return fail(errc::unreachable, "cannot reach " + what.remote.to_string() + ": " + text_of(last_error_));
      case outcome::failed:
        return fail(errc::io_failed, "cannot send from " + local_.to_string() + ": " + text_of(last_error_));
    }
  }
  return true;
}

udp_socket::outcome udp_socket::send_piece(const transmit& what, std::size_t offset, std::size_t count) {
  const bool v6_socket = local_.family() == AF_INET6;
  const bool to_v6 = what.remote.family() == AF_INET6;
  sockaddr_in6 mapped{};
  msghdr header{};
  if (v6_socket && !to_v6) {
    mapped = udp_control::map_to_v6(what.remote);
    header.msg_name = &mapped;
    header.msg_namelen = sizeof mapped;
  } else {
    header.msg_name = const_cast<sockaddr*>(what.remote.raw());
    header.msg_namelen = what.remote.length();
  }
  iovec piece{const_cast<std::uint8_t*>(what.bytes.data()) + offset, count};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;

  udp_control::buffer room;
  udp_control::writer control(header, room);
  const bool segmented = what.segment_bytes != 0 && count > what.segment_bytes;
  if (segmented) control.put(IPPROTO_UDP, udp_control::udp_segment, static_cast<std::uint16_t>(what.segment_bytes));
  if (what.ecn != 0 && to_v6) control.put(IPPROTO_IPV6, IPV6_TCLASS, static_cast<int>(what.ecn));
  if (what.ecn != 0 && !to_v6) control.put(IPPROTO_IP, IP_TOS, static_cast<int>(what.ecn));
  // From the address that the peer knows us by, where there is more than one.
  if (any_ && what.local.family() == AF_INET && !to_v6 && !is_any(what.local)) {
    in_pktinfo from{};
    from.ipi_spec_dst = reinterpret_cast<const sockaddr_in*>(what.local.raw())->sin_addr;
    control.put(IPPROTO_IP, IP_PKTINFO, from);
  } else if (any_ && what.local.family() == AF_INET6 && to_v6 && !is_any(what.local)) {
    in6_pktinfo from{};
    from.ipi6_addr = reinterpret_cast<const sockaddr_in6*>(what.local.raw())->sin6_addr;
    control.put(IPPROTO_IPV6, IPV6_PKTINFO, from);
  }
  if (sendmsg(socket_.get(), &header, MSG_DONTWAIT) >= 0) return outcome::sent;
  return judge_send_failure(errno, segmented);
}

udp_socket::outcome udp_socket::judge_send_failure(int why, bool segmented) {
  last_error_ = why;
  switch (why) {
    case EAGAIN:
      return outcome::blocked;
    case EINTR:
      return outcome::retry;
    // The report of an earlier datagram, which makes this call fail; it is read from the queue and this one sent again.
    case ECONNREFUSED:
    case ENOPROTOOPT:
    case EHOSTDOWN:
      take_errors();
      return outcome::retry;
    // The kernel cannot cut segments: EIO, where the device has no checksum offload, stays so; EINVAL is about this
    // size.
    case EIO:
      if (!segmented) return outcome::failed;
      segments_ = false;
      return outcome::one_by_one;
    case EINVAL:
      return segmented ? outcome::one_by_one : outcome::unreachable;
    // A path MTU probe above the device's MTU is a lost one; a row of segments is tried one by one.
    case EMSGSIZE:
      return segmented ? outcome::one_by_one : outcome::dropped;
    // A queue discipline or a packet filter dropped it. It never becomes writable for that, so it counts as lost.
    case ENOBUFS:
    case EPERM:
      return outcome::dropped;
    // Such a report as well, or, where none waits, what the routing table says of this very destination.
    case EHOSTUNREACH:
    case ENETUNREACH:
      return take_errors() > 0 ? outcome::retry : outcome::unreachable;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EACCES:
    case ENETDOWN:
      return outcome::unreachable;
    default:
      return outcome::failed;
  }
}

}  // namespace quicsync
