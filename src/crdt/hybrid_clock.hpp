// The node's own clock: hybrid logical time (Kulkarni et al. 2014) that a lying wall clock harms as
// little as possible.
//
// A hybrid clock follows the wall clock, and counts on above it where the wall clock stands still
// or went back. The usual one takes every stamp it hears of, so that one device that booted in 2046
// drags all others there, for good. Here the two sources have two rights (design 3.1):
//
//     committed stamps   move it always: what is written next must lie above what is visible here
//     the wall clock     moves it freely only while nothing better is known; with an
//                        estimate of log time at hand, no further than `max_drift` ahead of that
//
// And the way back: a clock that ran ahead while alone returns, once a leader is heard, to just
// above the stamps that are still held here. It gives those stamps' writes no advantage that lasts:
// the log time of their entry caps them.
#pragma once

#include <optional>

#include "base/time.hpp"
#include <causeway/types.hpp>

namespace causeway::crdt {

/// Owned by the node's loop. Invariant: each `next` is above every stamp given out or observed
/// before, except that `heard_leader` lowers that bound to the stamps still held.
class HybridClock {
 public:
  /// `floor`: the greatest stamp in journal, log and state at start.
  HybridClock(Stamp floor, Duration max_drift);

  /// A stamp above every one given out or observed. `log_time_now`: the estimate of log time in
  /// this boot, if there is one.
  Stamp next(WallTime wall, std::optional<Stamp> log_time_now);

  /// A committed stamp was applied here.
  void observe_committed(Stamp stamp);

  /// A leader was heard. A clock further ahead than allowed goes back to just above `held`, the
  /// greatest stamp still held here (journal and committed state).
  void heard_leader(Stamp log_time_now, Stamp held);

  [[nodiscard]] Stamp last() const;

 private:
  [[nodiscard]] Stamp limit(Stamp log_time_now) const;

  Stamp last_;  // greatest given out or observed, until heard_leader lowers it
  Duration max_drift_;
};

}  // namespace causeway::crdt
