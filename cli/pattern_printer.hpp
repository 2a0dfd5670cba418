// Patterns on stdout: JSON lines as they are shared, or for people a line of columns each.
#pragma once
#include <string>

#include <quicsync/codec/record.hpp>

namespace quicsync::cli {

class pattern_printer {
 public:
  /// A table has a heading before its first line.
  explicit pattern_printer(bool as_table);

  /// Appends one line, with its newline. Errors: bad_record; nothing is appended then.
  result<void> append(std::string& out, const record_view& record);

 private:
  void append_columns(std::string& out, const pattern& value);

  bool as_table_;
  bool headed_ = false;
  std::size_t id_columns_ = 0, data_columns_ = 0;
};

}  // namespace quicsync::cli
