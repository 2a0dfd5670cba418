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

/// Puts them into the configuration; warns on stderr where they turn checks off.
/// Errors: usage (neither way is given in full, or both are).
result<void> apply(const tls_options& from, node_config& to);

}  // namespace quicsync::cli
