// Time as the core sees it: always handed in, never asked for.
//
// Three clocks that must not be mixed are three types: the monotonic clock drives timers, the wall
// clock feeds stamps and may lie, the boot clock counts suspended time too and dates journal
// records.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace causeway {

using Duration = std::chrono::nanoseconds;

/// A reading of the monotonic clock (`CLOCK_MONOTONIC`), for timers.
struct Instant {
  Duration since_start{0};

  friend constexpr auto operator<=>(Instant, Instant) = default;
  friend constexpr Instant operator+(Instant at, Duration d) { return {at.since_start + d}; }
  friend constexpr Instant operator-(Instant at, Duration d) { return {at.since_start - d}; }
  friend constexpr Duration operator-(Instant a, Instant b) {
    return a.since_start - b.since_start;
  }

  /// Later than every timer: nothing is due.
  [[nodiscard]] static constexpr Instant never() { return {Duration::max()}; }
};

/// A reading of the wall clock, in milliseconds since the Unix epoch. It may be wrong by decades.
struct WallTime {
  std::uint64_t ms = 0;
  friend constexpr auto operator<=>(WallTime, WallTime) = default;
};

/// A reading of `CLOCK_BOOTTIME`: time since this machine booted, suspension included.
struct BootTime {
  Duration since_boot{0};
  friend constexpr auto operator<=>(BootTime, BootTime) = default;
  friend constexpr Duration operator-(BootTime a, BootTime b) {
    return a.since_boot - b.since_boot;
  }
};

/// All clocks of one moment, as given to every step.
struct Now {
  Instant mono;
  WallTime wall;
  BootTime boot;
};

}  // namespace causeway
