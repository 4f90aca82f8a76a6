// What followers forward is taken in their order, and what is refused stays so.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>

#include "sim/cluster.hpp"
#include "sim/observer.hpp"

namespace causeway::sim {

///   - forward-order: a leader says that it has taken a peer's proposals up to a counter only when
///     all up to there have reached it, in its term and from that start of the peer (design 3.4)
///   - refused-for-good: what a leader has refused, it never sends as an entry of its term
class ForwardCheck final : public Observer {
 public:
  explicit ForwardCheck(const Cluster& cluster) : cluster_(cluster) {}

  void sent(Peer from, Peer to, const consensus::Message& message) override;
  void delivered(Peer from, Peer to, const consensus::Message& message) override;

 private:
  struct Reached {
    Term term;
    Incarnation incarnation;
    std::uint64_t through = 0;                                  ///< without a gap
    std::map<std::uint64_t, std::set<std::uint64_t>> counters;  ///< of a payload, by its hash
    std::set<std::uint64_t> refused;
  };

  void take_reply(Peer leader, Peer to, const consensus::ForwardReply& reply);
  void judge_entries(Peer leader, const consensus::AppendEntries& append) const;

  const Cluster& cluster_;
  std::array<std::array<Reached, kMachinesMax>, kMachinesMax> reached_{};  ///< leader, then peer
};

}  // namespace causeway::sim
