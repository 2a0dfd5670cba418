// The configuration in force as JSON, in the shape of the configuration file; where secrets lie is not told.
#pragma once
#include <string>

#include <quicsync/actors/config.hpp>

namespace quicsync {

/// One line.
std::string to_json(const node_config& config);

}  // namespace quicsync
