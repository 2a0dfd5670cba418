#include <quicsync/codec/error.hpp>

namespace quicsync {

std::string_view to_string(errc code) noexcept {
  switch (code) {
    case errc::none: return "none";
    case errc::bad_json: return "bad_json";
    case errc::bad_field: return "bad_field";
    case errc::missing_field: return "missing_field";
    case errc::duplicate_field: return "duplicate_field";
    case errc::too_large: return "too_large";
    case errc::too_deep: return "too_deep";
    case errc::bad_utf8: return "bad_utf8";
    case errc::bad_filter: return "bad_filter";
    case errc::bad_checksum: return "bad_checksum";
    case errc::no_patterns: return "no_patterns";
    case errc::truncated: return "truncated";
    case errc::bad_frame: return "bad_frame";
    case errc::bad_record: return "bad_record";
    case errc::bad_block: return "bad_block";
    case errc::wire_version: return "wire_version";
    case errc::unexpected_frame: return "unexpected_frame";
    case errc::unknown_base: return "unknown_base";
    case errc::hash_mismatch: return "hash_mismatch";
    case errc::flood: return "flood";
    case errc::bad_address: return "bad_address";
    case errc::address_in_use: return "address_in_use";
    case errc::unreachable: return "unreachable";
    case errc::timed_out: return "timed_out";
    case errc::connection_lost: return "connection_lost";
    case errc::connection_closed: return "connection_closed";
    case errc::no_common_protocol: return "no_common_protocol";
    case errc::io_failed: return "io_failed";
    case errc::not_connected: return "not_connected";
    case errc::quic_failed: return "quic_failed";
    case errc::blocked: return "blocked";
    case errc::certificate_untrusted: return "certificate_untrusted";
    case errc::certificate_expired: return "certificate_expired";
    case errc::certificate_name: return "certificate_name";
    case errc::certificate_missing: return "certificate_missing";
    case errc::certificate_refused: return "certificate_refused";
    case errc::bad_certificate: return "bad_certificate";
    case errc::key_exposed: return "key_exposed";
    case errc::not_allowed: return "not_allowed";
    case errc::crypto_failed: return "crypto_failed";
    case errc::already_running: return "already_running";
    case errc::not_running: return "not_running";
    case errc::unknown_peer: return "unknown_peer";
    case errc::no_peers: return "no_peers";
    case errc::duplicate_peer: return "duplicate_peer";
    case errc::self_dial: return "self_dial";
    case errc::superseded: return "superseded";
    case errc::older_version: return "older_version";
    case errc::expired: return "expired";
    case errc::not_found: return "not_found";
    case errc::overloaded: return "overloaded";
    case errc::cancelled: return "cancelled";
    case errc::internal: return "internal";
    case errc::store_failed: return "store_failed";
    case errc::usage: return "usage";
    case errc::bad_config: return "bad_config";
    case errc::no_file: return "no_file";
  }
  return "unknown";
}

std::string to_string(const error& e) { return e.context.empty() ? std::string(to_string(e.code)) : e.context; }

}  // namespace quicsync
