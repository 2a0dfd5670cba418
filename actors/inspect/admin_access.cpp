#include <algorithm>

#include <fmt/format.h>

#include <quicsync/actors/inspect/admin_access.hpp>
#include <quicsync/codec/limits.hpp>

namespace quicsync {
namespace {

auto refuse(std::string why) { return fail(errc::not_allowed, std::move(why)); }

/// The host of "HOST:PORT" or "[V6]:PORT", and the port; 0 where none is named, -1 where it cannot be read.
std::pair<std::string_view, long> taken_apart(std::string_view host) {
  const auto bracket = host.rfind(']');
  const auto colon = host.rfind(':');
  if (colon == host.npos || (bracket != host.npos && colon < bracket)) return {host, 0};
  long port = 0;
  for (const char c : host.substr(colon + 1)) {
    if (c < '0' || c > '9' || port > 65535) return {host, -1};
    port = port * 10 + (c - '0');
  }
  return {host.substr(0, colon), port == 0 ? -1 : port};
}

}  // namespace

bool is_same_secret(std::string_view one, std::string_view other) noexcept {
  unsigned difference = one.size() == other.size() ? 0 : 1;
  for (std::size_t i = 0; i < one.size(); ++i)
    difference |= static_cast<unsigned char>(one[i]) ^ static_cast<unsigned char>(i < other.size() ? other[i] : '\0');
  return difference == 0;
}

std::string_view cookie_of(std::string_view header, std::string_view name) noexcept {
  while (!header.empty()) {
    const auto end = std::min(header.find(';'), header.size());
    auto one = header.substr(0, end);
    header.remove_prefix(std::min(end + 1, header.size()));
    while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
    if (one.size() > name.size() && one.substr(0, name.size()) == name && one[name.size()] == '=')
      return one.substr(name.size() + 1);
  }
  return {};
}

// A page of another site can make a browser send requests here, and a name of that site can be made to mean this
// machine. The first is seen by Origin and Sec-Fetch-Site, the second by Host.
result<void> admin_access::check_place(const admin_request& asked) const {
  const auto [host, port] = taken_apart(asked.host);
  const bool local = host == "localhost" || host == "127.0.0.1" || host == "[::1]";
  if (!local || port < 0 || (port_ != 0 && port != port_)) return refuse("the request is for another host");
  if (asked.origin && *asked.origin != fmt::format("http://{}", asked.host))
    return refuse("the request comes from another origin");
  if (asked.fetch_site && *asked.fetch_site != "same-origin" && *asked.fetch_site != "none")
    return refuse("the request comes from another site");
  return {};
}

bool admin_access::is_known(const admin_request& asked, time_point now) const {
  constexpr std::string_view bearer = "Bearer ";
  const std::string_view said = asked.authorization;
  if (said.substr(0, bearer.size()) == bearer) return is_same_secret(token_, said.substr(bearer.size()));
  const auto session = sessions_.find(cookie_of(asked.cookie, cookie_name));
  return session != sessions_.end() && session->second > now;
}

result<void> admin_access::check(const admin_request& asked, kind what, time_point now) const {
  if (auto there = check_place(asked); !there) return there;
  const bool changes = what == kind::change || what == kind::session;
  if (changes && asked.method != "POST") return refuse(fmt::format("{} changes something: POST it", asked.path));
  // A form of another site cannot say this type without being asked first, whatever the browser.
  if (changes && asked.has_body && asked.content_type.substr(0, asked.content_type.find(';')) != "application/json")
    return refuse("the body must be application/json");
  if (port_ == 0 || what == kind::page || what == kind::health || what == kind::session) return {};
  if (!is_known(asked, now)) return refuse("the token is missing or wrong");
  return {};
}

result<std::string> admin_access::log_in(std::string_view token, std::string fresh, time_point now) {
  if (port_ != 0 && !is_same_secret(token_, token)) return refuse("the token is wrong");
  std::erase_if(sessions_, [now](const auto& session) { return session.second <= now; });
  if (sessions_.size() >= limits::admin_sessions)
    sessions_.erase(std::min_element(sessions_.begin(), sessions_.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; }));
  sessions_.emplace(fresh, now + limits::admin_session_lifetime);
  return fresh;
}

void admin_access::log_out(std::string_view cookie_header) {
  const auto session = sessions_.find(cookie_of(cookie_header, cookie_name));
  if (session != sessions_.end()) sessions_.erase(session);
}

}  // namespace quicsync
