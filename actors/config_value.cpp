#include <algorithm>
#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <quicsync/actors/config_value.hpp>
#include <quicsync/codec/limits.hpp>

namespace quicsync {
namespace {

/// Walks through the text and counts its lines. The parser is one character ahead at most, and not at all when it tells
/// of a key.
class counting_iterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  counting_iterator(const char* at, std::size_t* lines) : at_(at), lines_(lines) {}
  const char& operator*() const { return *at_; }
  counting_iterator& operator++() {
    if (*at_ == '\n') ++*lines_;
    ++at_;
    return *this;
  }
  counting_iterator operator++(int) {
    auto before = *this;
    ++*this;
    return before;
  }
  bool operator==(const counting_iterator& other) const { return at_ == other.at_; }
  bool operator!=(const counting_iterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  std::size_t* lines_;
};

/// Builds the tree from what the parser tells.
class tree_builder {
 public:
  tree_builder(const std::string& file, const std::size_t& line) : file_(file), line_(line) { open_.push_back(&root_); }

  // -- called by the parser; false ends it
  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(std::int64_t value) { return add(value); }
  bool number_unsigned(std::uint64_t value) { return add(value); }
  bool number_float(double value, const std::string&) { return add(value); }
  bool string(std::string& value) { return add(std::move(value)); }
  bool binary(nlohmann::json::binary_t&) { return false; }
  bool start_object(std::size_t) { return open(config_value::object{}); }
  bool start_array(std::size_t) { return open(config_value::array{}); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    auto& members = std::get<config_value::object>(open_.back()->is);
    auto same = std::find_if(members.begin(), members.end(), [&](const auto& m) { return m.first == name; });
    if (same != members.end())
      return refuse(fmt::format("the key '{}' stands here a second time (first in line {})", name, same->second.line));
    members.emplace_back(std::move(name), config_value{nullptr, line_});
    open_.push_back(&members.back().second);
    return true;
  }
  bool parse_error(std::size_t, const std::string& token, const nlohmann::detail::exception&) {
    if (token.empty()) return refuse("not JSON: the file is empty or ends too early");
    return refuse(fmt::format("not JSON near '{}'", token.substr(token_begin(token))));
  }

  config_value take() { return std::move(root_); }
  const error& failure() const { return failure_; }

 private:
  /// The parser's last token may begin long before what is wrong, and writes a line's end as <U+000A>: what follows
  /// the last gap, comma or quote says enough.
  static std::size_t token_begin(const std::string& token) {
    const auto gap = token.find_last_of(" >,\"", token.size() - 2);
    return token.size() < 2 || gap == token.npos ? 0 : gap + 1;
  }

  bool refuse(const std::string& why) {
    if (failure_.code == errc::none) failure_ = {errc::bad_config, fmt::format("{}:{}: {}", file_, line_, why)};
    return false;
  }

  /// Where the next value goes: an array's new element, or the place that a key (or the start) has made.
  config_value& place() {
    auto* at = open_.back();
    if (auto* items = std::get_if<config_value::array>(&at->is)) {
      items->push_back({nullptr, line_});
      open_.push_back(&items->back());
    }
    return *open_.back();
  }
  template <class T>
  bool add(T value) {
    place().is = std::move(value);
    open_.pop_back();
    return true;
  }
  template <class T>
  bool open(T empty) {
    if (open_.size() > limits::json_depth) return refuse("nested too deep");
    place().is = std::move(empty);
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  const std::string& file_;
  const std::size_t& line_;
  config_value root_;
  std::vector<config_value*> open_;  ///< from the root inward; a parent does not grow while its child is open
  error failure_;
};

}  // namespace

std::string_view config_value::type_name() const noexcept {
  static constexpr std::string_view names[] = {"null",       "a boolean", "an integer", "an integer",
                                               "a fraction", "a string",  "an array",   "an object"};
  return names[is.index()];
}

result<config_value> parse_config_value(std::string_view text, const std::string& file) {
  std::size_t line = 1;
  tree_builder tree(file, line);
  const counting_iterator begin(text.data(), &line), end(text.data() + text.size(), &line);
  if (!nlohmann::json::sax_parse(begin, end, &tree)) return fail(tree.failure());
  return tree.take();
}

}  // namespace quicsync
