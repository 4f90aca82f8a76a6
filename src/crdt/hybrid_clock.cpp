#include "crdt/hybrid_clock.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace causeway::crdt {
namespace {

// A wall clock at the end of the 48 bits would leave no stamp above it, and a node must not stop
// because its clock is mad (promise 8). So no wall clock is believed beyond this: 49 days below the
// end, room for 2^48 more stamps.
constexpr std::uint64_t kWallMsBelieved = Stamp::kWallMsMax - (std::uint64_t{1} << 32);

constexpr Stamp kLastStamp{UINT64_MAX};

Stamp of_wall(WallTime wall) { return Stamp::from_wall_ms(std::min(wall.ms, kWallMsBelieved)); }

// Only stamps that a broken leader committed get there. They stop rising then; sequences still
// order the writes of one origin.
Stamp next_or_last(Stamp stamp) { return stamp == kLastStamp ? stamp : stamp.next(); }

}  // namespace

HybridClock::HybridClock(Stamp floor, Duration max_drift) : last_(floor), max_drift_(max_drift) {
  CAUSEWAY_CHECK(max_drift >= Duration::zero());
}

Stamp HybridClock::next(WallTime wall, std::optional<Stamp> log_time_now) {
  Stamp now = of_wall(wall);
  if (log_time_now) now = std::min(now, limit(*log_time_now));
  last_ = std::max(now, next_or_last(last_));
  return last_;
}

void HybridClock::observe_committed(Stamp stamp) { last_ = std::max(last_, stamp); }

void HybridClock::heard_leader(Stamp log_time_now, Stamp held) {
  if (last_ <= limit(log_time_now)) return;
  last_ = std::min(last_, held);
}

Stamp HybridClock::last() const { return last_; }

// The furthest that anything uncommitted may move the clock.
Stamp HybridClock::limit(Stamp log_time_now) const {
  const auto drift_ms = std::chrono::duration_cast<std::chrono::milliseconds>(max_drift_).count();
  const Stamp drift = Stamp::from_wall_ms(static_cast<std::uint64_t>(drift_ms));
  if (log_time_now.value > UINT64_MAX - drift.value) return kLastStamp;
  return {log_time_now.value + drift.value};
}

}  // namespace causeway::crdt
