// Who may ask the admin endpoint what, and what the log makes of what others say.
#include <catch2/catch_test_macros.hpp>

#include <quicsync/actors/inspect/admin_access.hpp>
#include <quicsync/actors/inspect/event_streams.hpp>
#include <quicsync/actors/inspect/node_log.hpp>

using namespace quicsync;
using namespace std::chrono_literals;

namespace {

using kind = admin_access::kind;
constexpr std::uint16_t port = 9443;
const std::string token(64, 'a');
const std::string fresh(64, 'c');
const auto now = std::chrono::steady_clock::time_point{} + 1h;

admin_request get(std::string path = "/state") {
  admin_request asked;
  asked.method = "GET";
  asked.path = std::move(path);
  asked.host = "127.0.0.1:9443";
  return asked;
}
admin_request with_token(admin_request asked) {
  asked.authorization = "Bearer " + token;
  return asked;
}
admin_request post(std::string path) {
  auto asked = with_token(get(std::move(path)));
  asked.method = "POST";
  asked.content_type = "application/json";
  asked.has_body = true;
  return asked;
}
bool refused(const admin_access& access, const admin_request& asked, kind what) {
  const auto outcome = access.check(asked, what, now);
  return !outcome && outcome.error().code == errc::not_allowed;
}

}  // namespace

TEST_CASE("admin access: a port tells nothing without its token, and a token that is wrong in one letter is wrong",
          "[inspect]") {
  const admin_access access(port, token);
  CHECK(refused(access, get(), kind::reading));
  CHECK_FALSE(refused(access, with_token(get()), kind::reading));
  auto wrong = with_token(get());
  wrong.authorization.back() = 'b';
  CHECK(refused(access, wrong, kind::reading));
  wrong.authorization = "Bearer ";
  CHECK(refused(access, wrong, kind::reading));
  CHECK_FALSE(refused(access, get("/"), kind::page));
  CHECK_FALSE(refused(access, get("/healthz"), kind::health));
}

TEST_CASE("admin access: foreign hosts, origins and sites are refused, with and without the token", "[inspect]") {
  for (const bool at_port : {true, false}) {
    const auto access = at_port ? admin_access(port, token) : admin_access();
    for (const char* host :
         {"evil.example:9443", "127.0.0.1.evil.example:9443", "", "127.0.0.1:99999999", "[::1", "localhost:94x3"}) {
      auto asked = with_token(get());
      asked.host = host;
      INFO(host);
      CHECK(refused(access, asked, kind::reading));
      CHECK(refused(access, asked, kind::health));
    }
    auto asked = with_token(get());
    asked.origin = "http://evil.example";
    CHECK(refused(access, asked, kind::reading));
    asked.origin = "null";
    CHECK(refused(access, asked, kind::reading));
    asked.origin = "http://127.0.0.1:9443";
    CHECK_FALSE(refused(access, asked, kind::reading));
    asked.fetch_site = "cross-site";
    CHECK(refused(access, asked, kind::reading));
    asked.fetch_site = "same-origin";
    CHECK_FALSE(refused(access, asked, kind::reading));
  }
  auto asked = with_token(get());
  asked.host = "localhost:1";  // another port of this machine is another site
  CHECK(refused(admin_access(port, token), asked, kind::reading));
}

TEST_CASE("admin access: nothing is changed by a GET, nor by a body that a form could send", "[inspect]") {
  const admin_access access(port, token);
  CHECK_FALSE(refused(access, post("/cache/clear"), kind::change));
  auto asked = post("/cache/clear");
  asked.method = "GET";
  CHECK(refused(access, asked, kind::change));
  asked.method = "HEAD";
  CHECK(refused(access, asked, kind::change));
  asked = post("/cache/clear");
  asked.content_type = "text/plain";
  CHECK(refused(access, asked, kind::change));
  asked.content_type = "application/json; charset=utf-8";
  CHECK_FALSE(refused(access, asked, kind::change));
  asked.authorization.clear();
  CHECK(refused(access, asked, kind::change));
}

TEST_CASE("admin access: a browser exchanges the token for a cookie, which ends by logout and by time", "[inspect]") {
  admin_access access(port, token);
  CHECK(access.log_in("wrong", fresh, now).error().code == errc::not_allowed);
  const auto cookie = access.log_in(token, fresh, now);
  REQUIRE(cookie);
  auto asked = get();
  asked.cookie = "other=1; quicsync=" + *cookie;
  CHECK_FALSE(refused(access, asked, kind::reading));
  CHECK_FALSE(access.check(asked, kind::reading, now + limits::admin_session_lifetime));
  auto forged = get();
  forged.cookie = "quicsync=" + std::string(64, 'd');
  CHECK(refused(access, forged, kind::reading));
  forged.cookie = "quicsync=";
  CHECK(refused(access, forged, kind::reading));
  access.log_out(asked.cookie);
  CHECK(refused(access, asked, kind::reading));
}

TEST_CASE("admin access: who logs in again and again takes no more room", "[inspect]") {
  admin_access access(port, token);
  for (std::size_t i = 0; i < limits::admin_sessions + 1; ++i)
    REQUIRE(access.log_in(token, "cookie" + std::to_string(i), now + std::chrono::seconds(i)));
  auto asked = get();
  asked.cookie = "quicsync=cookie0";
  CHECK(refused(access, asked, kind::reading));
  asked.cookie = "quicsync=cookie" + std::to_string(limits::admin_sessions);
  CHECK_FALSE(refused(access, asked, kind::reading));
}

TEST_CASE("event streams: a slow reader loses the oldest and is told how many, and holds up nobody", "[inspect]") {
  event_streams streams;
  auto slow = streams.open(false), other = streams.open(true);
  REQUIRE(slow);
  for (std::size_t i = 0; i < limits::event_backlog + 3; ++i) streams.tell("something", std::to_string(i));
  streams.tell("pattern:applied", "{}", true);
  const auto text = slow->next(0ms);
  CHECK(text.find("data: 2\n") == std::string::npos);
  CHECK(text.find("id: 4\nevent: something\ndata: 3\n\n") == 0);
  CHECK(text.find("event: skipped\ndata: {\"count\":3}\n\n") != std::string::npos);
  CHECK(text.find("pattern:applied") == std::string::npos);
  CHECK(other->next(0ms).find("pattern:applied") != std::string::npos);
  CHECK(slow->next(0ms).empty());
}

TEST_CASE("event streams: there are no more than may be, and one that ends makes room", "[inspect]") {
  event_streams streams;
  std::vector<std::shared_ptr<event_streams::stream>> open;
  for (std::size_t i = 0; i < limits::event_streams; ++i) open.push_back(streams.open(false));
  CHECK(open.back());
  CHECK_FALSE(streams.open(false));
  streams.close(open.back());
  CHECK(streams.open(false));
  streams.end();
  CHECK(open.front()->over());
  CHECK_FALSE(streams.open(false));
}

TEST_CASE("node log: what a peer says is escaped, cut between characters, and stays on its line", "[inspect]") {
  CHECK(logged_text("plain") == "\"plain\"");
  CHECK(logged_text("a\nb\x1b[31m\"\\") == R"("a\x0ab\x1b[31m\"\\")");
  CHECK(logged_text("\xc2\x9b"
                    "31m") == R"("\x9b31m")");
  const auto cut = logged_text(std::string(limits::logged_text_bytes - 1, 'x') +
                               "\xc3\xa4"
                               "more");
  CHECK(cut == "\"" + std::string(limits::logged_text_bytes - 1, 'x') + "...\"");
  CHECK(logged_text(std::string(100000, 'y')).size() < limits::logged_text_bytes + 10);
}
