#include <quicsync/actors/validation.hpp>
#include <quicsync/codec/checksum.hpp>

namespace quicsync {

std::optional<error> find_corruption(const record_view& record) {
  if (!record.has_checksum()) return std::nullopt;
  auto value = record.to_pattern();
  if (!value) return std::move(value.error());
  if (auto fits = check_checksum(*value); !fits) return std::move(fits.error());
  return std::nullopt;
}

}  // namespace quicsync
