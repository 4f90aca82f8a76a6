// A dot as people and tools write it: `ORIGIN-SEQUENCE`, 16 lower-case hexadecimal digits, then a
// decimal number.
#pragma once

#include <string>
#include <string_view>

#include <causeway/result.hpp>
#include <causeway/types.hpp>

namespace causeway::crdt {

/// `00000000c0ffee00-17`
[[nodiscard]] std::string to_string(Dot dot);

/// The one spelling that `to_string` writes, of a write that may exist: neither part is 0. Errors:
/// invalid.
[[nodiscard]] Result<Dot> parse_dot(std::string_view text);

}  // namespace causeway::crdt
