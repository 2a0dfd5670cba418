#include <quicsync/actors/agent/delivery.hpp>

namespace quicsync {

error error_of(const caf::error& failure) {
  const auto& context = failure.context();
  if (context.match_elements<std::uint16_t, std::string>())
    return {static_cast<errc>(context.get_as<std::uint16_t>(0)), context.get_as<std::string>(1)};
  if (failure == caf::sec::request_receiver_down || failure == caf::sec::invalid_argument)
    return {errc::not_running, "the actor that was asked has ended"};
  return {errc::internal, caf::to_string(failure)};
}

caf::error caf_error_of(const error& reason) {
  return caf::make_error(caf::sec::runtime_error, static_cast<std::uint16_t>(reason.code), reason.context);
}

}  // namespace quicsync
