// The configuration file's JSON as a tree that remembers on which line everything stood. Read once at start and at each
// reload, on whatever thread asks; nothing here is fast.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <quicsync/codec/error.hpp>

namespace quicsync {

struct config_value {
  using array = std::vector<config_value>;
  using object = std::vector<std::pair<std::string, config_value>>;  ///< in the order of the file
  /// Whole numbers come as one of the two integers, whichever holds them.
  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, array, object> is = nullptr;
  std::size_t line = 1;  ///< where it begins; of an object's member: where its key stands

  /// "a string", "an integer", ...: for messages.
  std::string_view type_name() const noexcept;
};

/// The whole text. `file` is the name for messages. Errors: bad_config, "FILE:LINE: why": not JSON, a key twice in one
/// object, nested too deep.
result<config_value> parse_config_value(std::string_view text, const std::string& file);

}  // namespace quicsync
