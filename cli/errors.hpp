// What the program says when something goes wrong: one line on stderr, `quicsync: error: …`, and an exit code.
#pragma once
#include <string_view>

#include <quicsync/codec/error.hpp>

namespace quicsync::cli {

inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;

/// 2 where the command line or a file that it names is at fault, else 1.
int exit_code_of(errc code) noexcept;

/// What to do about an error, where it can be said in general; else empty.
std::string_view remedy_of(errc code) noexcept;

/// `quicsync: error: TEXT` in one line; control characters become '?', so that no text from outside moves a terminal's
/// cursor. Safe from any thread.
void print_error(std::string_view text);
/// The same with `quicsync: warning: `.
void print_warning(std::string_view text);

/// Prints the error and its remedy; returns its exit code.
int report(const error& what);

}  // namespace quicsync::cli
