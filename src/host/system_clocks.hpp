// The machine's clocks and its identity in time, as the core wants them handed in.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace causeway::host {

/// All three clocks, read one after the other. A wall clock before 1970 reads as 1970.
[[nodiscard]] Now system_now();

/// Says which boot of the machine this is: equal within one boot. 0 where the system does not tell.
[[nodiscard]] std::uint64_t system_boot_id();

/// A moment that certainly lies before now: a wall clock that shows less is wrong (design 3.1).
/// The day before this was compiled, since the compiler's date knows no time zone.
[[nodiscard]] WallTime build_date();

}  // namespace causeway::host
