// Connections in their closing or draining period, RFC 9000 section 10.2: all that is left of them is what they said
// last, to be said again to whoever has not heard it. Owned by the endpoint; bounded; one thread.
#pragma once
#include <map>
#include <set>
#include <vector>

#include <ngtcp2/ngtcp2.h>

#include <quicsync/transport/endpoint.hpp>

namespace quicsync {

class closed_connections {
 public:
  struct record {
    std::vector<ngtcp2_cid> cids;
    std::vector<byte_buffer> datagrams;  ///< CONNECTION_CLOSE; none while draining
    address remote;
    time_point until;
    /// How many bytes may still go out: three times what came in, as long as the address may be a forged one (RFC 9000
    /// section 8.1).
    std::uint64_t budget_bytes = 0;
    std::uint64_t packets = 0;
  };

  void add(connection_id id, record what);
  /// A datagram for a closed connection has come. What is to be sent now; null: nothing, which is most of the time.
  const record* answer(connection_id id, const address& remote, std::size_t datagram_bytes);
  /// Removes what is over and, beyond the limit, the oldest; gives back the connection ids that are free then.
  std::vector<std::pair<connection_id, ngtcp2_cid>> expire(time_point now);
  time_point deadline() const;
  bool contains(connection_id id) const { return records_.contains(id); }

 private:
  std::map<connection_id, record> records_;
  std::set<std::pair<time_point, connection_id>> by_time_;
};

}  // namespace quicsync
