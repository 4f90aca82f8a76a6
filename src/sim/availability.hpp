// What a healthy majority owes, whatever befalls the others.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/cluster.hpp"
#include "sim/faults.hpp"
#include "sim/observer.hpp"
#include "sim/workload.hpp"

namespace causeway::sim {

/// Judged while faults go on. *Calm* is a time in which a majority of counted voters is well and
/// connected, for ten election timeouts already; others may be cut off, or down. Counted are those
/// that the log binds, and everybody before it binds anyone (design 3.5): a name that no leader has
/// met yet, or under which there is another directory now, is no part of a majority.
///   - availability: in calm, a consistent call through one of them ends within ten more
///   - stable-leader: in calm, none of them is deposed by the rest, nor by who comes back to them
class Availability final : public Observer {
 public:
  Availability(Cluster& cluster, const Faults& faults, const Workload& workload, std::size_t nodes,
               Duration election_timeout);

  void look();
  void sent(Peer from, Peer to, const consensus::Message&) override;

 private:
  /// What a leader's log binds, and is known once that entry is committed.
  struct Binding {
    Term led;
    LogIndex index;
    std::uint32_t peers = 0;
  };

  void follow_bindings(const consensus::AppendEntries& append);
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

  std::vector<Binding> proposed_;
  std::uint32_t bound_ = 0;  ///< in the log for good; 0: nobody yet

  std::uint32_t watched_peers_ = 0;  ///< calm, and perhaps others have come back to them since
  Instant watched_from_ = Instant::never();
  Term watched_term_;
  std::optional<Peer> watched_leader_;
};

}  // namespace causeway::sim
