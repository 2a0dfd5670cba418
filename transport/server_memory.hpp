// What a client keeps of the servers that it was connected to, to be quicker the next time: so far the address token of
// a NEW_TOKEN frame (RFC 9000 section 8.1.3). Owned by the endpoint; bounded: the server not dialled for longest goes
// first.
#pragma once
#include <map>
#include <string>
#include <utility>

#include <quicsync/codec/bytes.hpp>
#include <quicsync/transport/address.hpp>

namespace quicsync {

class server_memory {
 public:
  struct record {
    byte_buffer address_token;
  };

  /// Null where there is none.
  record* find(const address& remote, const std::string& expected_name);
  /// The record of the server at this address under the name that is expected of it; made where there is none.
  record& of(const address& remote, const std::string& expected_name);
  std::size_t size() const noexcept { return records_.size(); }

 private:
  struct kept {
    record what;
    std::uint64_t used = 0;
  };
  std::map<std::pair<std::string, std::string>, kept> records_;
  std::uint64_t clock_ = 0;
};

}  // namespace quicsync
