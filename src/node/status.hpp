// What a node says of itself.
#pragma once

#include "node/core.hpp"
#include "node/peers.hpp"
#include <causeway/store.hpp>

namespace causeway::node {

/// A leader knows who answers it; others only know to whom their connection stands.
[[nodiscard]] Status make_status(const Turn& turn, const Peers& peers,
                                 const VerdictCounts& verdicts);

}  // namespace causeway::node
