// An admin endpoint without a node: it answers what a test puts into its mouth, on a Unix socket, so that a thousand
// agents, one that is stuck and a peer that is slow are there at once and stay as they are.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace quicsync::test {

class canned_node {
 public:
  /// 1000 agents, of which "worker-42" is stuck; the node's own actors; ten peers, of which "theta" is slow.
  explicit canned_node(std::string socket);
  ~canned_node();
  canned_node(const canned_node&) = delete;
  canned_node& operator=(const canned_node&) = delete;

  const std::string& socket() const { return socket_; }
  /// The values of a query's parameter, as they came.
  bool was_asked(const std::string& part) const;
  /// From now on it answers to nothing.
  void stop();

 private:
  struct implementation;
  std::string socket_;
  std::unique_ptr<implementation> impl_;
};

}  // namespace quicsync::test
