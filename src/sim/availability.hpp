// What a healthy majority owes, whatever befalls the others.
#pragma once

#include <cstdint>

#include "sim/cluster.hpp"
#include "sim/faults.hpp"
#include "sim/observer.hpp"
#include "sim/workload.hpp"

namespace causeway::sim {

/// Judged while faults go on. *Calm* is a time in which a majority of counted voters is healthy and
/// connected, for ten election timeouts already.
///   - availability: in calm, a consistent call through one of them ends within ten more
///   - stable-leader: in calm, none of them is deposed by the rest, nor by who comes back to them
class Availability : public Observer {
 public:
  Availability(Cluster& cluster, const Faults& faults, const Workload& workload, std::size_t nodes,
               Duration election_timeout);

  void look();
  void sent(Peer from, Peer to, const consensus::Message&) override;

 private:
  /// Healthy and counted nodes, as bits.
  [[nodiscard]] std::uint32_t sound() const;
  /// When these have been undisturbed for ten election timeouts; Instant::never(): they are not.
  [[nodiscard]] Instant calm_from(std::uint32_t peers) const;

  Cluster& cluster_;
  const Faults& faults_;
  const Workload& workload_;
  std::size_t nodes_;
  Duration election_timeout_;
  std::uint32_t calm_peers_ = 0;
  Instant calm_from_ = Instant::never();  ///< the ten timeouts have passed then

  std::uint32_t watched_peers_ = 0;  ///< calm, and perhaps others have come back to them since
  Instant watched_from_ = Instant::never();
  Term watched_term_;
  std::optional<Peer> watched_leader_;
};

}  // namespace causeway::sim
