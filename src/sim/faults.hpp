// Carries out a plan's faults: when, where and how hard is drawn from the plan's seed.
//
// Each kind draws from a stream of its own, so that a run with fewer kinds is the same run with
// fewer kinds, as far as the cluster's answers allow. All keep the rules of the product
// (docs/operations.md): what befalls the cluster, it must survive.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "sim/cluster.hpp"
#include "sim/observer.hpp"
#include "sim/plan.hpp"

namespace causeway::sim {

/// Must live as long as the cluster runs.
class Faults {
 public:
  /// The cluster's lines are as they shall be without a fault; it has plan.nodes nodes. Takes its
  /// on_ended and on_ready, and each machine's on_power_off.
  Faults(Cluster& cluster, const Plan& plan, Observer& told);
  ~Faults();

  /// Sets what holds from before the first start (clocks that are off), and schedules the rest.
  /// From now on it starts whatever ends; the first start of each node is the caller's.
  /// throws    Violation, from inside the run: "no-unexpected-end", "starts-again",
  ///           "failed-write-is-final"
  void begin();
  /// No more begin from now on; all that lasts ends, and every node runs. What they left (a node
  /// that refuses a damaged directory, say) is mended as docs/operations.md says. A node that is
  /// just stopping, or finds its damage only now, starts again within a second of its end.
  void end();

  /// It takes calls now: it runs, is ready, not paused, and not stopping.
  [[nodiscard]] bool usable(Peer peer) const;
  /// It is usable, and nothing of it or its disks is made slow or full at present: what it promises
  /// about time without asking others must hold, whomever it reaches. Wrong clocks do not count: no
  /// promise rests on them.
  [[nodiscard]] bool well(Peer peer) const;
  /// Since when all of these are well and see each other; Instant::never() when they are not.
  /// Lines to other nodes do not count, unless one of those reaches a part of these only: it may
  /// lead that part, and leave the rest without a leader.
  /// peers   bit n for Peer n
  [[nodiscard]] Instant calm_since(std::uint32_t peers) const;
  /// How often each kind struck. Load is made by clients, who count it themselves.
  [[nodiscard]] const std::array<std::uint64_t, kFaultKinds>& struck() const;
  /// The directory under this name is not the first one.
  [[nodiscard]] bool replaced(Peer peer) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace causeway::sim
