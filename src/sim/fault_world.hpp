// What all faults share: the cluster, a stream of randomness for each kind, and the book of what is
// wrong at present.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "sim/calm.hpp"
#include "sim/cluster.hpp"
#include "sim/observer.hpp"
#include "sim/plan.hpp"

namespace causeway::sim {

/// What is wrong with a node at present, as far as faults made it so. (That it is dead or paused,
/// the machine itself says.)
struct Ills {
  bool stopping = false;   ///< it was asked to, and has not ended
  bool full = false;       ///< one of its disks
  std::uint32_t slow = 0;  ///< so many faults slow it
};

class FaultWorld {
 public:
  using Name = Cluster::Name;
  using Strike = std::function<void(Random&)>;

  FaultWorld(Cluster& struck_cluster, const Plan& drawn, Observer& told);

  /// From now on, at random instants, until the faults are over: how often, the kind's level says.
  /// `strike` is given the kind's own stream, and must always draw the same number of times: what
  /// it finds it cannot do must not change when it strikes next.
  void often(FaultKind kind, Strike strike);
  /// Once more some time from now, also when no more faults begin.
  void later(Duration delay, std::function<void()> action) {
    cluster.time().after(delay, std::move(action));
  }
  /// It did strike: counts and tells it. `where` is a node's name, or more words.
  void struck(FaultKind kind, const std::string& where);
  /// What `kind` did there is over.
  void ended(FaultKind kind, const std::string& where);
  void tell(const std::string& text) { told_.fault(text); }

  /// The unit of what lasts: a second in a run of 30, a minute in one of 30 minutes.
  [[nodiscard]] Duration unit() const { return unit_; }
  /// In thousandths of a unit.
  [[nodiscard]] Duration some(Random& random, std::uint64_t low, std::uint64_t high) const {
    return static_cast<std::int64_t>(random.between(low, high)) * (unit_ / 1000);
  }
  /// A node to strike: what befalls a leader shows most.
  [[nodiscard]] Peer victim(Random& random);
  [[nodiscard]] std::size_t nodes() const { return plan.nodes; }
  [[nodiscard]] const Name& name(Peer peer) const { return cluster.name_of(peer); }
  [[nodiscard]] Machine& machine(Peer peer) { return cluster.node(name(peer)); }

  [[nodiscard]] bool usable(Peer peer);
  [[nodiscard]] bool well(Peer peer);
  /// To be called whenever a node or a line changes.
  void changed();
  [[nodiscard]] const Calm& calm() const { return calm_; }
  /// It is as it was at the beginning, when no fault had touched it, and no fault's traces are left
  /// on its connection.
  [[nodiscard]] bool clear(Peer from, Peer to);

  Cluster& cluster;
  const Plan plan;
  std::array<Ills, kMachinesMax> ills;
  std::array<std::uint64_t, kFaultKinds> counts{};
  /// No fault begins any more, and what has ended starts again at once.
  bool over = false;

 private:
  void await_next(FaultKind kind);

  Observer& told_;
  Duration unit_;
  std::vector<Random> streams_;
  std::array<Strike, kFaultKinds> strikes_;
  std::vector<Line> usual_;
  Calm calm_;
};

}  // namespace causeway::sim
