// What net has to say to the people who run a node. It keeps no log of its own: its owner does.
#pragma once

#include <cstdint>

namespace causeway::net {

enum class LogLevel : std::uint8_t { debug, info, warn, error };

}  // namespace causeway::net
