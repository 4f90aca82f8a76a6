#include "sim/faults.hpp"

#include "sim/clock_faults.hpp"
#include "sim/disk_faults.hpp"
#include "sim/fault_world.hpp"
#include "sim/network_faults.hpp"
#include "sim/node_faults.hpp"
#include "sim/upkeep.hpp"

namespace causeway::sim {

struct Faults::State {
  State(Cluster& cluster, const Plan& plan, Observer& told) : world(cluster, plan, told) {}

  FaultWorld world;
  Upkeep upkeep{world};
  NetworkFaults network{world};
  NodeFaults nodes{world, upkeep};
  DiskFaults disks{world, upkeep};
  ClockFaults clocks{world, upkeep};
};

Faults::Faults(Cluster& cluster, const Plan& plan, Observer& told)
    : state_(std::make_unique<State>(cluster, plan, told)) {}

Faults::~Faults() = default;

void Faults::begin() {
  state_->clocks.begin();
  state_->network.begin();
  state_->nodes.begin();
  state_->disks.begin();
  state_->upkeep.begin();
}

// Nodes are started last: on disks that have room and fail no more.
void Faults::end() {
  state_->world.over = true;
  state_->network.end();
  state_->clocks.end();
  state_->disks.end();
  state_->nodes.end();
  state_->upkeep.end();
}

bool Faults::usable(Peer peer) const { return state_->world.usable(peer); }
bool Faults::well(Peer peer) const { return state_->world.well(peer); }
Instant Faults::calm_since(std::uint32_t peers) const { return state_->world.calm().since(peers); }
bool Faults::replaced(Peer peer) const { return state_->upkeep.replaced(peer); }

const std::array<std::uint64_t, kFaultKinds>& Faults::struck() const {
  return state_->world.counts;
}

}  // namespace causeway::sim
