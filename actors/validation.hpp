// What a record must be to enter a node, beyond being well-formed. Pure.
#pragma once
#include <optional>

#include <quicsync/codec/error.hpp>
#include <quicsync/codec/record.hpp>

namespace quicsync {

/// What every node refuses, whoever brings it, so that nodes that refuse it do not differ: `metadata.checksum` that is
/// not that of `data`. Costs nothing where there is no checksum. Errors: bad_checksum, bad_record.
std::optional<error> find_corruption(const record_view& record);

}  // namespace quicsync
