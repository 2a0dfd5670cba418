#include <fmt/format.h>
#include <httplib.h>
#include <nlohmann/json.hpp>

#include <quicsync/actors/inspect/admin_client.hpp>

namespace quicsync {
namespace {

errc code_named(const std::string& name) {
  for (int number = 1; number < 1000; ++number)
    if (to_string(static_cast<errc>(number)) == name) return static_cast<errc>(number);
  return errc::internal;
}

}  // namespace

result<std::string> ask_admin(const std::filesystem::path& socket, admin_method how, const std::string& target,
                              const std::string& body, std::chrono::seconds timeout) {
  httplib::Client client(socket.string());
  client.set_address_family(AF_UNIX);
  client.set_default_headers({{"Host", "localhost"}});
  client.set_connection_timeout(std::chrono::seconds(2));
  client.set_read_timeout(timeout);
  const auto answer = how == admin_method::get ? client.Get(target) : client.Post(target, body, "application/json");
  if (!answer) {
    if (answer.error() == httplib::Error::Connection)
      return fail(errc::not_running, fmt::format("no node answers at {}", socket.string()));
    return fail(errc::timed_out,
                fmt::format("the node at {} did not answer: {}", socket.string(), httplib::to_string(answer.error())));
  }
  if (answer->status < 400) return answer->body;
  const auto said = nlohmann::json::parse(answer->body, nullptr, false);
  if (!said.is_object() || !said.contains("error"))
    return fail(errc::internal, fmt::format("the node answered {} to {}", answer->status, target));
  return fail(code_named(said.value("code", "")), said.value("error", ""));
}

}  // namespace quicsync
