// Durations and sizes as people write them: 150ms, 2s, 64MB.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include <causeway/result.hpp>

namespace causeway::daemon {

/// A whole number and one of ms, s, m, h; there is no unit that goes without saying.
/// errors  invalid: what it should look like
[[nodiscard]] Result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// A whole number of bytes, or with one of B, KB, MB, GB. Like the memory and flash they measure,
/// these are powers of two: KB and KiB are both 1024 bytes. Lower case is as good. errors invalid:
/// what it should look like
[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);

}  // namespace causeway::daemon
