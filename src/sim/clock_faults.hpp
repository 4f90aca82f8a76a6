// Clocks that lie: by years, by drift, by jumps, by standing still, by beginning in 1970.
//
// None of it makes a node ill: no promise about time rests on a wall clock, and a monotonic clock
// may be wrong by more than any oscillator is.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "sim/fault_world.hpp"
#include "sim/upkeep.hpp"

namespace causeway::sim {

class ClockFaults {
 public:
  ClockFaults(FaultWorld& world, Upkeep& upkeep) : world_(world), upkeep_(upkeep) {}

  void begin();
  /// Wrong clocks may stay wrong, but none stands still.
  void end();

 private:
  void offsets();
  void drift(Random& random);
  void jump(Random& random);
  void stick(Random& random);
  void release(Peer peer);
  void boot_in_1970(Random& random);
  void set_right(Peer peer);
  [[nodiscard]] Instant now() const { return world_.cluster.time().now(); }

  FaultWorld& world_;
  Upkeep& upkeep_;
  std::array<bool, kMachinesMax> in_1970_{};
};

}  // namespace causeway::sim
