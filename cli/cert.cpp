#include <ctime>

#include <CLI/CLI.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <quicsync/transport/certificates.hpp>

#include "commands.hpp"
#include "errors.hpp"
#include "output.hpp"

namespace quicsync::cli {
namespace {

std::string utc(std::int64_t unix_seconds) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(unix_seconds)));
}

void print_made(std::string_view what, const certificate_files& files, bool json) {
  if (wants_table(json))
    print_line(fmt::format("made {}: {} and its key {}", what, files.certificate.string(), files.key.string()));
  else
    print_line(fmt::format(R"({{"certificate":{},"key":{}}})", json_quoted(files.certificate.string()),
                           json_quoted(files.key.string())));
}

int run_ca(const std::string& directory, bool json) {
  const std::filesystem::path place(directory);
  if (auto made = make_ca(place); !made) return report(made.error());
  print_made("a CA", {place / "ca.pem", place / "ca.key"}, json);
  return exit_done;
}

struct node_certificate_options {
  std::string name, ca, out = ".";
  int days = 365;
  bool json = false;
};

int run_node(const node_certificate_options& options) {
  auto made = make_node_certificate(options.name, options.ca, options.out, options.days);
  if (!made) return report(made.error());
  print_made(fmt::format("a certificate for '{}'", options.name), *made, options.json);
  return exit_done;
}

int run_show(const std::string& file, bool json) {
  auto facts = read_certificate(file);
  if (!facts) return report(facts.error());
  const auto now = static_cast<std::int64_t>(std::time(nullptr));
  const std::string_view state = now > facts->not_after    ? "expired"
                                 : now < facts->not_before ? "not yet valid"
                                                           : "valid";
  if (!wants_table(json)) {
    std::string names;
    for (const auto& name : facts->dns_names) names += (names.empty() ? "" : ",") + json_quoted(name);
    print_line(fmt::format(R"({{"name":{},"issuer":{},"dnsNames":[{}],"notBefore":"{}","notAfter":"{}","state":"{}",)"
                           R"("keyType":{},"fingerprint":"{}","ca":{}}})",
                           json_quoted(facts->name), json_quoted(facts->issuer), names, utc(facts->not_before),
                           utc(facts->not_after), state, json_quoted(facts->key_type), facts->fingerprint,
                           facts->is_ca));
    return exit_done;
  }
  const auto colours = colours_of(STDOUT_FILENO);
  const auto shown = [&](std::string_view label, std::string_view value) {
    print_line(fmt::format("{}{:<12}{}{}", colours.faint, label, colours.plain, printable(value)));
  };
  shown("name", facts->name + (facts->is_ca ? " (a CA)" : ""));
  shown("issuer", facts->issuer);
  shown("valid from", utc(facts->not_before));
  shown("valid to", fmt::format("{} ({})", utc(facts->not_after), state));
  shown("key", facts->key_type);
  shown("fingerprint", facts->fingerprint);
  return exit_done;
}

}  // namespace

action add_cert(CLI::App& app) {
  auto json = std::make_shared<bool>(false);
  auto directory = std::make_shared<std::string>();
  auto* ca = app.add_subcommand("ca", "Make a CA: DIR/ca.pem and DIR/ca.key");
  ca->add_option("dir", *directory, "Where to; made if it is not there, none is ever overwritten")
      ->type_name("DIR")
      ->required();
  ca->add_flag("--json", *json, "Print JSON on a terminal, too");
  ca->footer("Example:\n  quicsync cert ca trust");

  auto options = std::make_shared<node_certificate_options>();
  auto* node = app.add_subcommand("node", "Make a certificate for a node or an agent: NAME.pem and NAME.key");
  node->add_option("name", options->name, "Its name: letters, digits, '-' and '.'")->type_name("NAME")->required();
  node->add_option("--ca", options->ca, "The directory of the CA that signs it")->type_name("DIR")->required();
  node->add_option("--out", options->out, "Where to")->type_name("DIR")->capture_default_str();
  node->add_option("--days", options->days, "How long it is valid; 0: already expired")->capture_default_str();
  node->add_flag("--json", options->json, "Print JSON on a terminal, too");
  node->footer("Example:\n  quicsync cert node alpha --ca trust --out trust");

  auto file = std::make_shared<std::string>();
  auto* show = app.add_subcommand("show", "Show what a certificate says");
  show->add_option("file", *file, "A certificate (PEM)")->type_name("FILE")->required();
  show->add_flag("--json", *json, "Print JSON on a terminal, too");
  show->footer("Example:\n  quicsync cert show trust/alpha.pem");

  app.require_subcommand(1);
  app.footer("Example:\n  quicsync cert ca trust\n  quicsync cert node alpha --ca trust --out trust");
  return [=] {
    if (ca->parsed()) return run_ca(*directory, *json);
    if (node->parsed()) return run_node(*options);
    return run_show(*file, *json);
  };
}

}  // namespace quicsync::cli
