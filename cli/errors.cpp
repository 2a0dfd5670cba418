#include "errors.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "output.hpp"

namespace quicsync::cli {
namespace {

void print_line(std::string_view kind, std::string_view text) {
  auto line = fmt::format("quicsync: {}: {}", kind, printable(text));
  line += '\n';
  write_all(STDERR_FILENO, line);
}

}  // namespace

int exit_code_of(errc code) noexcept {
  switch (code) {
    case errc::none:
      return exit_done;
    case errc::usage:
    case errc::bad_config:
    case errc::bad_filter:
    case errc::no_file:
    case errc::bad_certificate:
    case errc::key_exposed:
    case errc::store_key:
    case errc::store_locked:
    case errc::store_newer:
      return exit_usage;
    default:
      return exit_failed;
  }
}

std::string_view remedy_of(errc code) noexcept {
  switch (code) {
    case errc::address_in_use:
      return "end what uses it, or choose another port with --listen (port 0: any free one)";
    case errc::unreachable:
    case errc::timed_out:
      return "is a node running there, and does UDP get through?";
    case errc::no_common_protocol:
      return "is it a quicsync node?";
    case errc::certificate_untrusted:
      return "both sides need certificates of one CA: `quicsync cert node NAME --ca DIR`, and --ca DIR/ca.pem";
    case errc::certificate_refused:
      return "give --cert and --key that the node's CA has signed and that are still valid: "
             "`quicsync cert show FILE` tells, `quicsync cert node NAME --ca DIR` makes new ones";
    case errc::certificate_missing:
      return "the node's --cert and --key are missing";
    case errc::overloaded:
      return "try again later";
    default:
      return {};
  }
}

void print_error(std::string_view text) { print_line("error", text); }
void print_warning(std::string_view text) { print_line("warning", text); }

int report(const error& what) {
  const auto remedy = remedy_of(what.code);
  if (remedy.empty())
    print_error(to_string(what));
  else
    print_error(fmt::format("{}; {}", to_string(what), remedy));
  return exit_code_of(what.code);
}

}  // namespace quicsync::cli
