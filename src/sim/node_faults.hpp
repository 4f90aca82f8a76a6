// Nodes that die, stop, stand still, and come back; directories that are lost.
#pragma once

#include <array>
#include <cstdint>

#include "sim/fault_world.hpp"
#include "sim/upkeep.hpp"

namespace causeway::sim {

class NodeFaults {
 public:
  NodeFaults(FaultWorld& world, Upkeep& upkeep);

  void begin();
  void end();

 private:
  /// What becomes of a machine whose disk was told to lose power in the middle of a step.
  struct Midway {
    bool power = false;
    std::size_t table_kept = 0;
    Duration down{0};
    std::string where;
  };

  void kill(Random& random);
  void kill_midway(Random& random);
  void died_midway(Peer peer);
  void power(Random& random);
  void blackout(Random& random);
  void rolling(Random& random);
  void stop(Random& random);
  void pause(FaultKind kind, Random& random);
  void resume(FaultKind kind, Peer peer, std::uint64_t number);
  void wipe(Random& random);
  [[nodiscard]] Duration draw_down(Random& random) const;

  FaultWorld& world_;
  Upkeep& upkeep_;
  std::array<Midway, kMachinesMax> midway_;
  std::array<std::uint64_t, kMachinesMax> pause_{};  ///< number of the one that lasts; 0: none
  std::uint64_t pauses_ = 0;
};

}  // namespace causeway::sim
