// The commands of the program, one file each. A command declares its options on the parser's app and gives what runs it
// once they are read; that returns the exit code: 0 done, 1 it did not succeed, 2 bad usage or configuration.
#pragma once
#include <functional>

namespace CLI {
class App;
}

namespace quicsync::cli {

using action = std::function<int()>;

/// Throughput and latency between processes on this machine.
action add_bench(CLI::App& app);
/// `cache clear`, by the admin socket.
action add_cache(CLI::App& app);
/// `cert ca DIR`, `cert node NAME`, `cert show FILE`.
action add_cert(CLI::App& app);
/// Deletions to a node.
action add_delete(CLI::App& app);
/// Several nodes in one process that share with each other.
action add_demo(CLI::App& app);
/// One pattern of a node.
action add_get(CLI::App& app);
/// `inspect actors|peers|streams|config|why ID`, by the admin socket.
action add_inspect(CLI::App& app);
/// All patterns of a node.
action add_list(CLI::App& app);
/// A node that runs until a signal.
action add_node(CLI::App& app);
/// `peer add|remove|list`, by the admin socket.
action add_peer(CLI::App& app);
/// Patterns from a file or stdin to nodes.
action add_share(CLI::App& app);
/// A node's state and statistics, by the admin socket.
action add_state(CLI::App& app);
/// A node's actors, peers and streams, live on a terminal.
action add_top(CLI::App& app);
/// `store check|export|import|backup|rekey FILE`.
action add_store(CLI::App& app);
/// Patterns from nodes to stdout, as they come.
action add_watch(CLI::App& app);

}  // namespace quicsync::cli
