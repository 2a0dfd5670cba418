// Takes one object of the configuration apart: each key is asked for by name, and what nobody asked for is unknown. The
// first thing that is wrong is kept, in words; what is asked for after it changes nothing.
#pragma once
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include <quicsync/actors/config_value.hpp>
#include <quicsync/actors/nearest.hpp>

namespace quicsync {

/// What all readers of one file share.
struct config_complaint {
  std::string file;
  error first;  ///< code none: all is well so far

  bool any() const noexcept { return first.code != errc::none; }
  void add(std::size_t line, std::string_view key, std::string_view why) {
    if (!any()) first = {errc::bad_config, fmt::format("{}:{}: {}: {}", file, line, key, why)};
  }
};

class config_reader {
 public:
  /// `path`: "quic.tls", empty for the whole file. Complains where the value is no object.
  config_reader(const config_value& value, std::string path, config_complaint& complaint)
      : value_(value), path_(std::move(path)), complaint_(complaint) {
    members_ = std::get_if<config_value::object>(&value.is);
    if (members_ == nullptr) wrong_type(value, path_, "an object");
  }

  /// Complains about the first key that was not asked for.
  void finish() {
    if (members_ == nullptr) return;
    for (const auto& [name, member] : *members_) {
      if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
      complaint_.add(member.line, full(name), fmt::format("unknown key; did you mean '{}'?", nearest(name, known_)));
    }
  }

  std::size_t line() const noexcept { return value_.line; }
  bool has(std::string_view name) const {
    return members_ != nullptr &&
           std::any_of(members_->begin(), members_->end(), [&](const auto& m) { return m.first == name; });
  }
  /// The member, where it is there.
  const config_value* find(const std::string& name) {
    known_.push_back(name);
    if (members_ == nullptr) return nullptr;
    auto it = std::find_if(members_->begin(), members_->end(), [&](const auto& m) { return m.first == name; });
    return it == members_->end() ? nullptr : &it->second;
  }
  /// The same for one that must be there.
  const config_value* require(const std::string& name) {
    const auto* found = find(name);
    if (found == nullptr && members_ != nullptr) complain(value_, fmt::format("'{}' is missing", name));
    return found;
  }

  void read(const std::string& name, bool& to) {
    const auto* member = find(name);
    if (member == nullptr) return;
    const auto* value = std::get_if<bool>(&member->is);
    if (value == nullptr) return wrong_type(*member, full(name), "a boolean");
    to = *value;
  }
  /// A text with something in it.
  void read(const std::string& name, std::string& to) {
    if (const auto* member = find(name))
      if (auto value = text(*member, full(name))) to = *value;
  }
  void read(const std::string& name, std::vector<std::string>& to) {
    if (const auto* member = find(name))
      if (auto values = texts(*member, full(name))) to = std::move(*values);
  }
  template <class Integer>
  void read(const std::string& name, Integer& to, std::int64_t least, std::int64_t most) {
    if (const auto* member = find(name))
      if (auto value = integer(*member, full(name), least, most)) to = static_cast<Integer>(*value);
  }
  void read(const std::string& name, std::chrono::milliseconds& to, std::int64_t least, std::int64_t most) {
    if (const auto* member = find(name))
      if (auto value = integer(*member, full(name), least, most, " ms")) to = std::chrono::milliseconds(*value);
  }
  void read(const std::string& name, std::chrono::microseconds& to, std::int64_t least, std::int64_t most) {
    if (const auto* member = find(name))
      if (auto value = integer(*member, full(name), least, most, " us")) to = std::chrono::microseconds(*value);
  }
  void read(const std::string& name, double& to, double least, double most) {
    const auto* member = find(name);
    if (member == nullptr) return;
    double value = 0;
    if (const auto* fraction = std::get_if<double>(&member->is))
      value = *fraction;
    else if (const auto* whole = std::get_if<std::uint64_t>(&member->is))
      value = static_cast<double>(*whole);
    else if (const auto* negative = std::get_if<std::int64_t>(&member->is))
      value = static_cast<double>(*negative);
    else
      return wrong_type(*member, full(name), "a number");
    if (value < least || value > most)
      return complaint_.add(member->line, full(name), fmt::format("{} is out of range: {} to {}", value, least, most));
    to = value;
  }
  /// The same into one that may be absent: absent stays absent.
  template <class T, class... Range>
  void read_optional(const std::string& name, std::optional<T>& to, Range... range) {
    T value{};
    read(name, value, range...);
    if (has(name)) to = std::move(value);
  }
  /// Each element of an array, with its full name.
  template <class F>
  void each(const std::string& name, F&& call) {
    const auto* member = find(name);
    if (member == nullptr) return;
    const auto* items = std::get_if<config_value::array>(&member->is);
    if (items == nullptr) return wrong_type(*member, full(name), "an array");
    for (std::size_t i = 0; i < items->size(); ++i) call((*items)[i], fmt::format("{}[{}]", full(name), i));
  }
  /// A section of this one, where it is there; finished after `call`.
  template <class F>
  void section(const std::string& name, F&& call) {
    if (const auto* member = find(name)) {
      config_reader inner(*member, full(name), complaint_);
      call(inner);
      inner.finish();
    }
  }

  std::optional<std::string> text(const config_value& value, const std::string& key) {
    const auto* found = std::get_if<std::string>(&value.is);
    if (found == nullptr) {
      wrong_type(value, key, "a string");
      return std::nullopt;
    }
    if (found->empty()) complaint_.add(value.line, key, "is empty");
    return *found;
  }
  std::optional<std::vector<std::string>> texts(const config_value& value, const std::string& key) {
    const auto* items = std::get_if<config_value::array>(&value.is);
    if (items == nullptr) {
      wrong_type(value, key, "an array of strings");
      return std::nullopt;
    }
    std::vector<std::string> out;
    for (std::size_t i = 0; i < items->size(); ++i)
      if (auto item = text((*items)[i], fmt::format("{}[{}]", key, i))) out.push_back(std::move(*item));
    return out;
  }
  std::optional<std::int64_t> integer(const config_value& value, const std::string& key, std::int64_t least,
                                      std::int64_t most, std::string_view unit = {}) {
    std::optional<std::int64_t> whole;
    if (const auto* negative = std::get_if<std::int64_t>(&value.is)) whole = *negative;
    if (const auto* positive = std::get_if<std::uint64_t>(&value.is))
      whole = static_cast<std::int64_t>(std::min<std::uint64_t>(*positive, INT64_MAX));
    if (!whole) {
      wrong_type(value, key, "an integer");
      return std::nullopt;
    }
    if (*whole < least || *whole > most) {
      complaint_.add(value.line, key, fmt::format("{}{} is out of range: {} to {}{}", *whole, unit, least, most, unit));
      return std::nullopt;
    }
    return whole;
  }

  void wrong_type(const config_value& value, const std::string& key, std::string_view wanted) {
    complaint_.add(value.line, key.empty() ? "the file" : key,
                   fmt::format("{} where {} is wanted", value.type_name(), wanted));
  }
  void complain(const config_value& value, std::string_view why) {
    complaint_.add(value.line, path_.empty() ? "the file" : path_, why);
  }
  std::string full(std::string_view name) const {
    return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
  }
  config_complaint& complaint() noexcept { return complaint_; }

 private:
  const config_value& value_;
  const config_value::object* members_ = nullptr;
  std::string path_;
  config_complaint& complaint_;
  std::vector<std::string> known_;
};

}  // namespace quicsync
