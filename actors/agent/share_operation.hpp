// An agent's share under way: patterns become slabs, the cache takes them, and the ledger reports who has them.
#pragma once
#include <span>

#include <quicsync/actors/agent/agent.hpp>

namespace quicsync {

class share_operation final : public agent_operation<sync_report> {
 public:
  share_operation(agent& self, std::span<const pattern> what, delivery_wish wish);

 private:
  /// A slab, and where its patterns stand in what was given.
  struct part {
    slab_ptr patterns;
    std::vector<std::uint32_t> places;
    std::uint64_t number = 0;
  };

  bool begin() override;
  bool offer(delivery& message) override;
  const wait_label* label() const noexcept override {
    static constexpr wait_label label{"peers to acknowledge what it shared"};
    return &label;
  }
  void add(const part& which, const sync_report& reported);

  delivery_wish wish_;
  std::vector<part> parts_;
  std::size_t missing_ = 0;
  sync_report whole_;
};

}  // namespace quicsync
