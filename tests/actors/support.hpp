// What the tests of this folder share: patterns and slabs by the handful.
#pragma once
#include <stdexcept>
#include <string>
#include <vector>

#include <quicsync/codec/pattern.hpp>
#include <quicsync/codec/slab.hpp>

namespace quicsync::test {

inline constexpr std::uint64_t key_seed = 7;

inline pattern make_pattern(std::string id, std::uint64_t version = 1, std::string data = R"({"n":1})",
                            std::optional<int> priority = std::nullopt) {
  pattern p;
  p.id = std::move(id);
  p.agent_id = "agent";
  p.type = "test_execution";
  p.data = std::move(data);
  p.metadata.source = "tests";
  p.metadata.priority = priority;
  p.timestamp = 1760000000000;
  p.version = version;
  return p;
}

inline slab_ptr make_slab(const std::vector<pattern>& patterns) {
  slab_builder builder(key_seed);
  for (const auto& p : patterns)
    if (auto added = builder.add(p); !added) throw std::runtime_error(to_string(added.error()));
  return builder.finish();
}

}  // namespace quicsync::test
