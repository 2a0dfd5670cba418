#include <fstream>
#include <optional>

#include <fmt/format.h>
#include <httplib.h>
#include <nlohmann/json.hpp>

#include <quicsync/actors/inspect/admin_client.hpp>
#include <quicsync/transport/address.hpp>

namespace quicsync {
namespace {

errc code_named(const std::string& name) {
  for (int number = 1; number < 1000; ++number)
    if (to_string(static_cast<errc>(number)) == name) return static_cast<errc>(number);
  return errc::internal;
}

std::optional<host_port> port_of(const admin_place& at) {
  if (at.where.find('/') != at.where.npos) return std::nullopt;
  auto parsed = parse_host_port(at.where);
  return parsed ? std::optional(std::move(*parsed)) : std::nullopt;
}

result<std::string> token_in(const std::filesystem::path& file) {
  std::string token;
  if (file.empty() || !(std::ifstream(file) >> token))
    return fail(errc::no_file, fmt::format("the admin port's token cannot be read from '{}'", file.string()));
  return token;
}

}  // namespace

result<std::string> ask_admin(const admin_place& at, admin_method how, const std::string& target,
                              const std::string& body, std::chrono::seconds timeout) {
  const auto port = port_of(at);
  auto client = port ? httplib::Client(port->host, port->port) : httplib::Client(at.where);
  if (port) {
    auto token = token_in(at.token_file);
    if (!token) return fail(std::move(token.error()));
    client.set_default_headers({{"Authorization", "Bearer " + *token}});
  } else {
    client.set_address_family(AF_UNIX);
    client.set_default_headers({{"Host", "localhost"}});
  }
  client.set_connection_timeout(std::chrono::seconds(2));
  client.set_read_timeout(timeout);
  const auto answer = how == admin_method::get ? client.Get(target) : client.Post(target, body, "application/json");
  if (!answer) {
    if (answer.error() == httplib::Error::Connection)
      return fail(errc::not_running, fmt::format("no node answers at {}", at.where));
    return fail(errc::timed_out,
                fmt::format("the node at {} did not answer: {}", at.where, httplib::to_string(answer.error())));
  }
  if (answer->status < 400) return answer->body;
  const auto said = nlohmann::json::parse(answer->body, nullptr, false);
  if (!said.is_object() || !said.contains("error"))
    return fail(errc::internal, fmt::format("the node answered {} to {}", answer->status, target));
  return fail(code_named(said.value("code", "")), said.value("error", ""));
}

}  // namespace quicsync
