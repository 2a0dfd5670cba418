#include <algorithm>

#include <quicsync/codec/limits.hpp>
#include <quicsync/transport/server_memory.hpp>

namespace quicsync {

server_memory::record* server_memory::find(const address& remote, const std::string& expected_name) {
  const auto found = records_.find({remote.to_string(), expected_name});
  if (found == records_.end()) return nullptr;
  found->second.used = ++clock_;
  return &found->second.what;
}

server_memory::record& server_memory::of(const address& remote, const std::string& expected_name) {
  auto key = std::pair(remote.to_string(), expected_name);
  auto found = records_.find(key);
  if (found == records_.end()) {
    if (records_.size() >= limits::remembered_servers)
      records_.erase(std::min_element(records_.begin(), records_.end(), [](const auto& one, const auto& other) {
        return one.second.used < other.second.used;
      }));
    found = records_.try_emplace(std::move(key)).first;
  }
  found->second.used = ++clock_;
  return found->second.what;
}

void server_memory::forget_sessions() {
  for (auto& [where, known] : records_) {
    known.what.session.reset();
    known.what.transport_parameters.clear();
  }
}

}  // namespace quicsync
