// What a healthy majority owes, whatever befalls the others.
#pragma once

#include <cstdint>

#include "sim/cluster.hpp"
#include "sim/faults.hpp"
#include "sim/observer.hpp"
#include "sim/workload.hpp"

namespace causeway::sim {

/// Judged while faults go on. *Calm* is a time in which a majority of counted voters is well and
/// connected, for ten election timeouts already; others may be cut off, or down.
///   - availability: in calm, a consistent call through one of them ends within ten more
///   - stable-leader: in calm, none of them is deposed by the rest, nor by who comes back to them
class Availability : public Observer {
 public:
  Availability(Cluster& cluster, const Faults& faults, const Workload& workload, std::size_t nodes,
               Duration election_timeout);

  void look();
  void sent(Peer from, Peer to, const consensus::Message&) override;

 private:
  /// Serving and counted nodes, as bits.
  [[nodiscard]] std::uint32_t sound() const;
  /// When the ten timeouts have passed; never: these are not calm.
  [[nodiscard]] Instant calm_from(std::uint32_t peers) const;
  void watch(std::uint32_t sound);

  Cluster& cluster_;
  const Faults& faults_;
  const Workload& workload_;
  std::size_t nodes_;
  Duration election_timeout_;

  std::uint32_t watched_peers_ = 0;  ///< calm, and perhaps others have come back to them since
  Instant watched_from_ = Instant::never();
  Term watched_term_;
  std::optional<Peer> watched_leader_;
};

}  // namespace causeway::sim
