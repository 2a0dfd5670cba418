#include "pattern_printer.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <unistd.h>

#include <quicsync/codec/json.hpp>

#include "output.hpp"

namespace quicsync::cli {
namespace {

constexpr std::size_t type_columns = 22, agent_columns = 24, version_columns = 7;
constexpr std::size_t fixed_columns = type_columns + agent_columns + version_columns + 4 * 2;  // with the gaps
constexpr std::size_t id_columns_min = 24, uuid_columns = 36, data_columns_min = 16;

}  // namespace

pattern_printer::pattern_printer(bool as_table) : as_table_(as_table) {
  if (!as_table_) return;
  const auto columns = terminal_columns(STDOUT_FILENO);
  id_columns_ = columns >= fixed_columns + uuid_columns + data_columns_min ? uuid_columns : id_columns_min;
  const auto taken = fixed_columns + id_columns_;
  data_columns_ = std::max(columns, taken + data_columns_min) - taken;
}

result<void> pattern_printer::append(std::string& out, const record_view& record) {
  if (as_table_) {
    auto value = record.to_pattern();
    if (!value) return fail(std::move(value.error()));
    append_columns(out, *value);
    return {};
  }
  const auto begin = out.size();
  if (auto done = append_json(out, record); !done) return done;
  // `data` is as it was given, and JSON may be written in lines: as white space, never within a string.
  std::replace_if(
      out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  out += '\n';
  return {};
}

void pattern_printer::append_columns(std::string& out, const pattern& value) {
  const auto colours = colours_of(STDOUT_FILENO);
  auto row = [this](std::string_view id, std::string_view type, std::string_view agent, std::string_view version) {
    return fmt::format("{}  {}  {}  {:>{}}  ", fitted(printable(id), id_columns_),
                       fitted(printable(type), type_columns), fitted(printable(agent), agent_columns), version,
                       version_columns);
  };
  if (!std::exchange(headed_, true))
    out += fmt::format("{}{}DATA{}\n", colours.strong, row("ID", "TYPE", "AGENT", "VERSION"), colours.plain);
  out += row(value.id, value.type, value.agent_id, std::to_string(value.version));
  if (value.deleted)
    out += fmt::format("{}deleted{}", colours.bad, colours.plain);
  else if (auto data = printable(value.data); columns_of(data) > data_columns_)
    out += fitted(data, data_columns_);
  else
    out += data;
  out += '\n';
}

}  // namespace quicsync::cli
