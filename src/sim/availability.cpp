#include "sim/availability.hpp"

#include <bit>

#include "sim/violation.hpp"

namespace causeway::sim {

Availability::Availability(Cluster& cluster, const Faults& faults, const Workload& workload,
                           std::size_t nodes, Duration election_timeout)
    : cluster_(cluster),
      faults_(faults),
      workload_(workload),
      nodes_(nodes),
      election_timeout_(election_timeout) {}

std::uint32_t Availability::sound() const {
  std::uint32_t peers = 0;
  for (Peer peer = 0; peer < nodes_; ++peer) {
    if (faults_.healthy(peer) && faults_.usable(peer) && !faults_.replaced(peer))
      peers |= std::uint32_t{1} << peer;
  }
  return peers;
}

Instant Availability::calm_from(std::uint32_t peers) const {
  const Instant since = faults_.calm_since(peers);
  return since == Instant::never() ? since : since + 10 * election_timeout_;
}

void Availability::look() {
  const Instant now = cluster_.time().now();
  const std::uint32_t peers = sound();
  const bool majority = static_cast<std::size_t>(std::popcount(peers)) > nodes_ / 2;
  const Instant from = majority ? calm_from(peers) : Instant::never();
  calm_peers_ = peers;
  calm_from_ = from;
  if (calm_from(watched_peers_) != watched_from_) {
    watched_peers_ = peers;
    watched_from_ = from;
    watched_leader_.reset();
  }
  if (now < calm_from_) return;
  if (workload_.longest_wait(peers, calm_from_) > 10 * election_timeout_) {
    throw Violation("availability", "a healthy majority does not serve: " + workload_.waiting());
  }
}

void Availability::sent(Peer from, Peer, const consensus::Message& message) {
  const auto* append = std::get_if<consensus::AppendEntries>(&message);
  if (append == nullptr || watched_from_ == Instant::never() ||
      cluster_.time().now() < watched_from_ || append->term <= watched_term_)
    return;
  // A fault since the last look may have asked it to go, and be over: that is another calm.
  const bool calm = (watched_peers_ & ~sound()) == 0 && calm_from(watched_peers_) == watched_from_;
  if (calm && watched_leader_) {
    throw Violation("stable-leader", "node " + cluster_.name_of(from) + " leads in term " +
                                         std::to_string(append->term.value) +
                                         ", though the healthy leader " +
                                         cluster_.name_of(*watched_leader_) + " did nothing wrong");
  }
  watched_term_ = append->term;
  if (((watched_peers_ >> from) & 1) != 0) watched_leader_ = from;
}

}  // namespace causeway::sim
