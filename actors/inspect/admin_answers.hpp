// What the admin endpoint answers, path by path: questions to a node and their answers as JSON. Knows no HTTP; blocks
// until the node has answered, with a deadline. docs/ADMIN.md gives the fields.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include <quicsync/actors/event.hpp>
#include <quicsync/actors/server.hpp>

namespace quicsync::admin {

/// A parameter of the query by its name; empty: absent.
using parameters = std::function<std::string(const char* name)>;

// -- reading
result<std::string> state(server& node, const parameters& given);
result<std::string> agents(server& node, const parameters& given);
result<std::string> actors(server& node, const parameters& given);
result<std::string> graph(server& node, const parameters& given);
result<std::string> peers(server& node, const parameters& given);
result<std::string> streams(server& node, const parameters& given);
result<std::string> patterns(server& node, const parameters& given);
result<std::string> pattern(server& node, const std::string& id);
result<std::string> config(server& node, const parameters& given);
/// Text, no JSON.
result<std::string> metrics(server& node);

// -- changing; `about`: what the audit says of it
bool changes_something(std::string_view path);
result<std::string> add_peer(server& node, const std::string& body, std::string& about);
result<std::string> remove_peer(server& node, const std::string& body, std::string& about);
result<std::string> clear_cache(server& node, const std::string& body, std::string& about);

/// The text of this name in a body of JSON. Errors: usage.
result<std::string> text_of(const std::string& body, const char* name);
/// The yes or no of this name in a body of JSON. Errors: usage.
result<bool> yes_or_no_of(const std::string& body, const char* name);
std::string trace_json(bool on, const std::string& folder);
std::string error_json(const error& what);
/// As `quicsync node --events` prints it, and when.
std::string event_json(const event& what);

}  // namespace quicsync::admin
