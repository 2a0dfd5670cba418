// `--cert F --key F --ca F | --insecure`: the same on every command that speaks to a node.
#pragma once
#include <string>

#include <quicsync/actors/config.hpp>
#include <quicsync/codec/error.hpp>

namespace CLI {
class App;
}

namespace quicsync::cli {

struct tls_options {
  std::string cert, key, ca;
  bool insecure = false;
};

void add_tls_options(CLI::App& app, tls_options& to);

/// Puts those that were given into the configuration, over what stands there.
/// Errors: usage (no identity in full, or one and --insecure).
result<void> apply(const tls_options& from, node_config& to);

/// Says on stderr which checks are turned off; at each start.
void warn_of_missing_checks(const node_config& config);

}  // namespace quicsync::cli
