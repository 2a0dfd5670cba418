#include "tls_options.hpp"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "errors.hpp"

namespace quicsync::cli {

void add_tls_options(CLI::App& app, tls_options& to) {
  constexpr auto group = "Identity";
  app.add_option("--cert", to.cert, "Own certificate (PEM)")->type_name("FILE")->group(group);
  app.add_option("--key", to.key, "Its private key (PEM, mode 0600)")->type_name("FILE")->group(group);
  app.add_option("--ca", to.ca, "The CA that the other side's certificate must come from (PEM)")
      ->type_name("FILE")
      ->group(group);
  app.add_flag("--insecure", to.insecure, "A throw-away identity, and the other side is not checked: for tests only")
      ->group(group);
}

result<void> apply(const tls_options& from, node_config& to) {
  constexpr std::string_view how_to_make =
      "`quicsync cert ca DIR` and `quicsync cert node NAME --ca DIR` make them; --insecure does without, for tests";
  const bool any = !from.cert.empty() || !from.key.empty() || !from.ca.empty();
  if (from.insecure && any) return fail(errc::usage, "--insecure does not go together with --cert, --key and --ca");
  if (from.insecure) {
    print_warning(
        "--insecure: the other side is not checked, anybody can read and change what travels; for tests only");
    to.reject_unauthorized = false;
    return {};
  }
  std::string missing;
  for (const auto& [name, value] : {std::pair{"--cert", &from.cert}, {"--key", &from.key}, {"--ca", &from.ca}})
    if (value->empty()) missing += fmt::format("{}{}", missing.empty() ? "" : ", ", name);
  if (!missing.empty()) return fail(errc::usage, fmt::format("no identity without {}: {}", missing, how_to_make));
  to.cert = from.cert;
  to.key = from.key;
  to.ca = from.ca;
  return {};
}

}  // namespace quicsync::cli
