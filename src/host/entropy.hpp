// Seeds that nobody can guess and no two nodes share: from the kernel.
#pragma once

#include <cstdint>

namespace causeway::host {

/// 64 random bits of the kernel's (getrandom). Waits, early in a boot, until the kernel has enough.
[[nodiscard]] std::uint64_t entropy();

}  // namespace causeway::host
