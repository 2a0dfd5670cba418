#include <quicsync/transport/endpoint.hpp>
#include <quicsync/transport/endpoint_core.hpp>

namespace quicsync {

result<void> check_config(const endpoint_config& config, const tls::loaded_credentials* identity) {
  if (config.identity && identity == nullptr)
    return fail(errc::bad_certificate, "the identity was not made by credentials::load or make_insecure");
  if (identity == nullptr && (config.accept || config.verify.check_peer))
    return fail(errc::bad_certificate, "an endpoint without a certificate can neither accept nor check anybody");
  if (identity != nullptr && config.verify.check_peer && !identity->has_trust())
    return fail(errc::bad_certificate, "peers cannot be checked without a CA to trust");
  if (config.lane_window_bytes == 0 || config.control_window_bytes == 0 || config.lane_window_bytes >= 1u << 30 ||
      config.control_window_bytes >= 1u << 30)
    return fail(errc::bad_config, "a lane's window must lie between 1 byte and 1 GiB");
  if (config.datagram_bytes < 1200 || config.datagram_bytes > 16000)
    return fail(errc::bad_config, "a datagram has from 1200 to 16000 bytes");
  if (config.protocol.empty() || config.protocol.size() > 255)
    return fail(errc::bad_config, "ALPN has from 1 to 255 bytes");
  if (config.idle_timeout.count() < 0 || config.keep_alive.count() < 0 || config.handshake_timeout.count() <= 0)
    return fail(errc::bad_config, "a timeout is not positive");
  return {};
}

result<std::unique_ptr<endpoint>> endpoint::make(endpoint_config config) {
  auto identity = std::dynamic_pointer_cast<const tls::loaded_credentials>(config.identity);
  if (auto good = check_config(config, identity.get()); !good) return fail(good.error());
  return endpoint_core::make(std::move(config), std::move(identity));
}

}  // namespace quicsync
