// Filter expressions: `type=test_* tag=auth !agent=x priority>=5`. docs/WIRE.md, "filter".
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <quicsync/codec/error.hpp>
#include <quicsync/codec/record.hpp>

namespace quicsync {

/// Which patterns somebody wants. An immutable value; the empty filter matches everything. A pattern
/// without a priority compares as 5.
class filter {
 public:
  filter() = default;

  /// Terms joined by spaces are "and"; `!` negates; `key=value` with an optional `*` at the end for a prefix; keys
  /// type, tag, source, agent, id, priority (priority takes = >= <= > <). Errors: bad_filter with the term and the
  /// reason.
  static result<filter> parse(std::string_view expression);

  bool matches(const record_view& record) const noexcept;
  bool match_all() const noexcept { return terms_.empty(); }

  /// The canonical form: sorted, without repeats; equal filters print equal, and parse() gives the same filter again.
  std::string to_string() const;

  bool operator==(const filter&) const = default;

  struct term {
    enum class key : unsigned char { type, tag, source, agent, id, priority } what = key::type;
    enum class op : unsigned char { equal, prefix, at_least, at_most, more, less } how = op::equal;
    bool negated = false;
    std::string text;
    int number = 0;
    auto operator<=>(const term&) const = default;
  };

 private:
  std::vector<term> terms_;
};

}  // namespace quicsync
