// A leader without a majority gives its office up.
#pragma once

#include <array>
#include <cstdint>

#include "sim/cluster.hpp"
#include "sim/observer.hpp"

namespace causeway::sim {

///   - office-ends: a leader that hears less than a majority says so no more within two election
///     timeouts of its own (design 3.5 gives it one; its clock may be slow)
/// Judged by what it sends. The time in which it was paused does not count.
class OfficeCheck final : public Observer {
 public:
  OfficeCheck(Cluster& cluster, Duration election_timeout);

  /// Sees who is paused: to be called more often than an election timeout passes.
  void look();
  void sent(Peer from, Peer to, const consensus::Message& message) override;
  void delivered(Peer from, Peer to, const consensus::Message& message) override;

 private:
  struct Node {
    std::array<Instant, kMachinesMax> heard{};  ///< from each other one
    Term led;
    Instant since;  ///< it leads that term, or was paused
  };

  [[nodiscard]] Instant word_of_majority(Peer peer) const;

  Cluster& cluster_;
  std::size_t count_;
  Duration election_timeout_;
  std::array<Node, kMachinesMax> nodes_{};
};

}  // namespace causeway::sim
