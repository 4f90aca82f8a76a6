// What a node says of itself.
#pragma once

#include "node/core.hpp"
#include <causeway/store.hpp>

namespace causeway::node {

[[nodiscard]] Status make_status(const Turn& turn, const VerdictCounts& verdicts);

}  // namespace causeway::node
