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
    to.reject_unauthorized = false;
    to.cert = to.key = to.ca = std::filesystem::path();
  }
  for (const auto& [given, place] : {std::pair{&from.cert, &to.cert}, {&from.key, &to.key}, {&from.ca, &to.ca}})
    if (!given->empty()) *place = *given;
  if (!to.reject_unauthorized && to.cert.empty() && to.key.empty() && to.ca.empty()) return {};
  std::string missing;
  for (const auto& [name, value] : {std::pair{"--cert", &to.cert}, {"--key", &to.key}, {"--ca", &to.ca}})
    if (value->empty()) missing += fmt::format("{}{}", missing.empty() ? "" : ", ", name);
  if (!missing.empty()) return fail(errc::usage, fmt::format("no identity without {}: {}", missing, how_to_make));
  return {};
}

void warn_of_missing_checks(const node_config& config) {
  if (!config.reject_unauthorized)
    print_warning(
        "--insecure: the other side is not checked, anybody can read and change what travels; for tests only");
  else if (!config.enable_auth)
    print_warning("security.enableAuth is false: whoever dials in needs no certificate; for tests only");
}

}  // namespace quicsync::cli
