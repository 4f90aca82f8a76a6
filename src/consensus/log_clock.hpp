// The clock that gives log entries their stamps (design 3.1).
//
// A leader's wall clock may lie by decades, so it must not date the log. Its monotonic clock does
// not lie: from the last entry's log time it counts what passed here since. That alone would run
// late for ever after an outage of the whole cluster, so the clock may be pulled forward, never
// past, to what the middle of the voters' wall clocks says.
//
//   log time     last entry ----- monotonic -----> now        (never back)
//   median             |-- behind: ignored     ahead: jump to it --|
//
// Kept as a straight line (`wall_ms_` at `at_`) and not moved by every entry: moving it would lose
// the rest of a millisecond each time, and under load log time would stand still.
#pragma once

#include <optional>

#include "base/time.hpp"
#include <causeway/types.hpp>

namespace causeway::consensus {

/// No honest clock comes near: beyond it a wall clock is no report, and an entry's log time is
/// refused, so that stamps always have room above them.
inline constexpr std::uint64_t kLogTimeMsMax = Stamp::kWallMsMax / 2;

class LogClock {
 public:
  /// The log's newest entry has this log time, and was appended or received at `at`.
  void follow(Stamp log_time, Instant at);
  /// Jumps forward to `median`; does nothing when it is behind, or before the first `follow`.
  void pull_forward(WallTime median, Instant at);
  /// What the clock shows; {0} before the first `follow`.
  [[nodiscard]] Stamp read(Instant at) const;
  /// The stamp of an entry appended now behind one of log time `previous`.
  [[nodiscard]] Stamp stamp_behind(Stamp previous, Instant at);

 private:
  std::uint64_t wall_ms_ = 0;
  std::optional<Instant> at_;
};

/// `stamp` and `elapsed` later.
[[nodiscard]] Stamp later(Stamp stamp, Duration elapsed);

}  // namespace causeway::consensus
