#include <algorithm>

#include <fmt/format.h>

#include <quicsync/codec/filter.hpp>
#include <quicsync/codec/json_text.hpp>
#include <quicsync/codec/limits.hpp>

namespace quicsync {
namespace {

using key = filter::term::key;
using op = filter::term::op;

constexpr int priority_absent = 5;

constexpr struct {
  std::string_view name;
  key what;
} key_names[] = {{"type", key::type},   {"tag", key::tag}, {"source", key::source},
                 {"agent", key::agent}, {"id", key::id},   {"priority", key::priority}};

bool is_space(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

result<filter::term> bad(std::string_view term, std::string_view why) {
  return fail(errc::bad_filter, fmt::format("filter term '{}': {}", term, why));
}

result<filter::term> parse_priority(filter::term term, std::string_view text, std::string_view how,
                                    std::string_view number) {
  if (how == "=")
    term.how = op::equal;
  else if (how == ">=")
    term.how = op::at_least;
  else if (how == "<=")
    term.how = op::at_most;
  else if (how == ">")
    term.how = op::more;
  else
    term.how = op::less;
  if (number.empty() || number.size() > 2) return bad(text, "priority takes a number from 1 to 10");
  for (const char c : number) {
    if (c < '0' || c > '9') return bad(text, "priority takes a number from 1 to 10");
    term.number = term.number * 10 + (c - '0');
  }
  if (term.number < 1 || term.number > 10) return bad(text, "priority takes a number from 1 to 10");
  return term;
}

/// A value in quotes may hold spaces, a star at its end, `\"` and `\\`.
result<filter::term> parse_term(std::string_view text) {
  filter::term term;
  auto rest = text;
  if (rest.starts_with('!')) {
    term.negated = true;
    rest.remove_prefix(1);
  }
  const auto name_end = std::min(rest.find_first_of("=<>"), rest.size());
  const auto name = rest.substr(0, name_end);
  rest.remove_prefix(name_end);
  const auto* const found =
      std::find_if(std::begin(key_names), std::end(key_names), [&](const auto& k) { return k.name == name; });
  if (found == std::end(key_names)) return bad(text, "key must be one of type, tag, source, agent, id, priority");
  term.what = found->what;
  const auto op_size = std::min(rest.find_first_not_of("=<>"), rest.size());
  const auto how = rest.substr(0, op_size);
  rest.remove_prefix(op_size);
  const bool ordered = how == ">=" || how == "<=" || how == ">" || how == "<";
  if (how != "=" && !(ordered && term.what == key::priority)) {
    return bad(text, term.what == key::priority ? "needs one of = >= <= > <" : "needs =");
  }
  if (term.what == key::priority) return parse_priority(std::move(term), text, how, rest);
  if (rest.starts_with('"')) {
    rest.remove_prefix(1);
    bool closed = false;
    while (!rest.empty() && !closed) {
      if (rest[0] == '\\' && rest.size() > 1)
        rest.remove_prefix(1);
      else if (rest[0] == '"')
        closed = true;
      if (!closed) term.text.push_back(rest[0]);
      rest.remove_prefix(1);
    }
    if (!closed) return bad(text, "a quote that is not closed");
    if (rest == "*")
      term.how = op::prefix;
    else if (!rest.empty())
      return bad(text, "more after the closing quote");
    return term;
  }
  if (rest.ends_with('*')) {
    term.how = op::prefix;
    rest.remove_suffix(1);
  } else if (rest.empty()) {
    return bad(text, "needs a value");
  }
  if (rest.find_first_of("*\"\\") != std::string_view::npos)
    return bad(text, "a star may only end it; other values go in quotes");
  term.text = rest;
  return term;
}

/// The next term's text, quotes considered.
std::string_view take_term(std::string_view& rest) {
  while (!rest.empty() && is_space(rest[0])) rest.remove_prefix(1);
  std::size_t size = 0;
  bool quoted = false;
  for (; size < rest.size() && (quoted || !is_space(rest[size])); ++size) {
    if (quoted && rest[size] == '\\' && size + 1 < rest.size())
      ++size;
    else if (rest[size] == '"')
      quoted = !quoted;
  }
  const auto term = rest.substr(0, size);
  rest.remove_prefix(size);
  return term;
}

bool text_matches(const filter::term& term, std::string_view text) noexcept {
  return term.how == op::prefix ? text.starts_with(term.text) : text == term.text;
}

bool tag_matches(const filter::term& term, const record_view& record) noexcept {
  if (term.how == op::equal) return record.has_tag(term.text);
  return record.has_tag_prefix(term.text);
}

bool number_matches(const filter::term& term, int priority) noexcept {
  switch (term.how) {
    case op::at_least:
      return priority >= term.number;
    case op::at_most:
      return priority <= term.number;
    case op::more:
      return priority > term.number;
    case op::less:
      return priority < term.number;
    default:
      return priority == term.number;
  }
}

}  // namespace

result<filter> filter::parse(std::string_view expression) {
  if (expression.size() > limits::filter_bytes) {
    return fail(errc::bad_filter,
                fmt::format("filter of {} bytes, at most {} are taken", expression.size(), limits::filter_bytes));
  }
  if (detail::find_bad_utf8(expression) != detail::no_position) return fail(errc::bad_filter, "filter: not UTF-8");
  filter parsed;
  auto rest = expression;
  for (auto text = take_term(rest); !text.empty(); text = take_term(rest)) {
    if (parsed.terms_.size() == limits::filter_terms) {
      return fail(errc::bad_filter, fmt::format("filter: at most {} terms are taken", limits::filter_terms));
    }
    auto one = parse_term(text);
    if (!one) return fail(one.error());
    parsed.terms_.push_back(std::move(*one));
  }
  std::sort(parsed.terms_.begin(), parsed.terms_.end());
  parsed.terms_.erase(std::unique(parsed.terms_.begin(), parsed.terms_.end()), parsed.terms_.end());
  if (parsed.to_string().size() > limits::filter_bytes) {
    return fail(errc::bad_filter,
                fmt::format("filter: its canonical form has more than {} bytes", limits::filter_bytes));
  }
  return parsed;
}

bool filter::matches(const record_view& record) const noexcept {
  for (const auto& each : terms_) {
    bool match = false;
    switch (each.what) {
      case term::key::type:
        match = text_matches(each, record.type());
        break;
      case term::key::tag:
        match = tag_matches(each, record);
        break;
      case term::key::source:
        match = text_matches(each, record.source());
        break;
      case term::key::agent:
        match = text_matches(each, record.agent_id());
        break;
      case term::key::id:
        match = text_matches(each, record.id());
        break;
      case term::key::priority:
        match = number_matches(each, record.priority().value_or(priority_absent));
        break;
    }
    if (match == each.negated) return false;
  }
  return true;
}

std::string filter::to_string() const {
  std::string out;
  for (const auto& each : terms_) {
    if (!out.empty()) out.push_back(' ');
    if (each.negated) out.push_back('!');
    out.append(key_names[static_cast<unsigned>(each.what)].name);
    if (each.what == term::key::priority) {
      constexpr std::string_view signs[] = {"=", "=", ">=", "<=", ">", "<"};
      out.append(signs[static_cast<unsigned>(each.how)]).append(std::to_string(each.number));
      continue;
    }
    out.push_back('=');
    // An operator takes every sign that follows it, so a text that begins with one needs quotes too.
    const bool bare = !each.text.empty() && each.text.find_first_of(" \t\n\r*\"\\") == std::string::npos &&
                      std::string_view("=<>").find(each.text[0]) == std::string_view::npos;
    if (bare || (each.text.empty() && each.how == term::op::prefix)) {
      out.append(each.text);
    } else {
      out.push_back('"');
      for (const char c : each.text) {
        if (c == '"' || c == '\\') out.push_back('\\');
        out.push_back(c);
      }
      out.push_back('"');
    }
    if (each.how == term::op::prefix) out.push_back('*');
  }
  return out;
}

}  // namespace quicsync
