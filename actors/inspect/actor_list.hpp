// The actors of a node as the admin endpoint lists them: which ones, in which order, which page. A function on what a
// registry holds; on any thread. docs/ADMIN.md gives the fields.
#pragma once
#include <string>

#include <quicsync/codec/error.hpp>
#include <quicsync/transport/actor_registry.hpp>

namespace quicsync {

struct actor_query {
  std::string kind, name, state;  ///< empty: all; of the name any part will do
  std::string sort = "name";
  std::size_t offset = 0;
  std::size_t limit = 100;
};

/// One line of JSON. Errors: usage (an order or a state that there is not, too long a page).
result<std::string> list_actors(const actor_registry& of, const actor_query& query);

/// Who talks to whom: one line of JSON with at most limits::listed_at_once nodes, those that handled most first.
std::string graph_of_actors(const actor_registry& of);

}  // namespace quicsync
