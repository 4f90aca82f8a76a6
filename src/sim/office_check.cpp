#include "sim/office_check.hpp"

#include <algorithm>
#include <functional>
#include <string>

#include "sim/violation.hpp"

namespace causeway::sim {

OfficeCheck::OfficeCheck(Cluster& cluster, Duration election_timeout)
    : cluster_(cluster), count_(cluster.names().size()), election_timeout_(election_timeout) {}

void OfficeCheck::look() {
  for (Peer peer = 0; peer < count_; ++peer) {
    const Machine& machine = cluster_.node(cluster_.name_of(peer));
    if (!machine.running() || machine.paused()) nodes_[peer].since = cluster_.time().now();
  }
}

void OfficeCheck::delivered(Peer from, Peer to, const consensus::Message&) {
  nodes_[to].heard[from] = cluster_.time().now();
}

void OfficeCheck::sent(Peer from, Peer, const consensus::Message& message) {
  const auto* append = std::get_if<consensus::AppendEntries>(&message);
  if (append == nullptr) return;
  Node& node = nodes_[from];
  const Instant now = cluster_.time().now();
  if (append->term != node.led) {
    node.led = append->term;
    node.since = now;
  }
  const Duration alone = now - std::max(node.since, word_of_majority(from));
  if (alone <= 2 * election_timeout_) return;
  throw Violation("office-ends", "node " + cluster_.name_of(from) + " still leads term " +
                                     std::to_string(append->term.value) +
                                     ", and has heard no majority for " +
                                     std::to_string(alone / std::chrono::milliseconds(1)) + " ms");
}

// The newest moment by which a majority, this node among it, had spoken.
Instant OfficeCheck::word_of_majority(Peer peer) const {
  std::array<Instant, kMachinesMax> heard = nodes_[peer].heard;
  heard[peer] = cluster_.time().now();
  const auto end = heard.begin() + static_cast<std::ptrdiff_t>(count_);
  const auto majority = heard.begin() + static_cast<std::ptrdiff_t>(count_ / 2);
  std::nth_element(heard.begin(), majority, end, std::greater<>());
  return *majority;
}

}  // namespace causeway::sim
