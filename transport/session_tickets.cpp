#include <algorithm>

#include <fmt/format.h>

#include <quicsync/codec/limits.hpp>
#include <quicsync/transport/session_tickets.hpp>

namespace quicsync::tls {

namespace {

constexpr std::chrono::seconds window = limits::replay_window;

}  // namespace

result<std::shared_ptr<session_tickets>> session_tickets::make(std::function<void()> replayed) {
  std::shared_ptr<session_tickets> made(new session_tickets(std::move(replayed)));
  int code = gnutls_session_ticket_key_generate(&made->key_);
  if (code == 0) code = gnutls_anti_replay_init(&made->anti_replay_);
  if (code != 0) return fail(errc::crypto_failed, fmt::format("cannot make ticket keys: {}", gnutls_strerror(code)));
  gnutls_anti_replay_set_window(made->anti_replay_, static_cast<unsigned>(std::chrono::milliseconds(window).count()));
  gnutls_anti_replay_set_ptr(made->anti_replay_, made.get());
  gnutls_anti_replay_set_add_function(made->anti_replay_,
                                      [](void* self, time_t expires, const gnutls_datum_t* key, const gnutls_datum_t*) {
                                        return static_cast<session_tickets*>(self)->remember(
                                            expires, {reinterpret_cast<const char*>(key->data), key->size});
                                      });
  return made;
}

session_tickets::~session_tickets() {
  if (anti_replay_ != nullptr) gnutls_anti_replay_deinit(anti_replay_);
  if (key_.data != nullptr) gnutls_memset(key_.data, 0, key_.size);
  gnutls_free(key_.data);
}

int session_tickets::enable(gnutls_session_t raw, bool early) {
  if (const int code = gnutls_session_ticket_enable_server(raw, &key_); code != 0) return code;
  gnutls_db_set_cache_expiration(raw, static_cast<int>(std::chrono::seconds(limits::ticket_lifetime).count()));
  if (!early) return 0;
  gnutls_anti_replay_enable(raw, anti_replay_);
  // RFC 9001 section 4.6.1: the only value that QUIC allows; flow control bounds it.
  return gnutls_record_set_max_early_data_size(raw, 0xffffffffu);
}

int session_tickets::remember(std::int64_t expires, std::string_view message) {
  // All entries expire a window after they came, so the newest tells what is over.
  while (!seen_.empty() && seen_.begin()->first <= expires - window.count()) {
    count_ -= seen_.begin()->second.size();
    seen_.erase(seen_.begin());
  }
  const bool seen =
      std::any_of(seen_.begin(), seen_.end(), [&](const auto& of) { return of.second.contains(message); });
  if (seen) replayed_();
  // Without room nothing can be told apart: then there is no early data for a while.
  if (seen || count_ >= limits::replay_entries) return GNUTLS_E_DB_ENTRY_EXISTS;
  seen_[expires].emplace(message);
  ++count_;
  return 0;
}

}  // namespace quicsync::tls
