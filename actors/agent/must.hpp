// must(result): for what a program or an agent cannot go on without.
#pragma once
#include <stdexcept>

#include <quicsync/codec/error.hpp>

namespace quicsync {

/// The value, or an exception with the error's text.
template <class T>
T must(result<T> got) {
  if (!got) throw std::runtime_error(to_string(got.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*got);
}

}  // namespace quicsync
