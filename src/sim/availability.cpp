#include "sim/availability.hpp"

#include <bit>

#include "consensus/configuration.hpp"
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
    if (faults_.usable(peer) && !faults_.replaced(peer)) peers |= std::uint32_t{1} << peer;
  }
  return bound_ == 0 ? peers : peers & bound_;
}

void Availability::follow_bindings(const consensus::AppendEntries& append) {
  for (const consensus::Entry& entry : append.entries) {
    if (entry.kind != consensus::EntryKind::configuration) continue;
    const auto configuration = consensus::Configuration::decode(entry.payload.view());
    if (!configuration) continue;
    Binding binding{.led = append.term, .index = entry.index};
    for (Peer peer = 0; peer < configuration.value().members.size(); ++peer) {
      if (configuration.value().members[peer].origin != Origin{})
        binding.peers |= std::uint32_t{1} << peer;
    }
    proposed_.push_back(binding);
  }
  std::erase_if(proposed_, [&](const Binding& binding) {
    const bool committed = binding.led == append.term && binding.index <= append.leader_commit;
    if (committed) bound_ |= binding.peers;
    return committed || binding.led < append.term;
  });
}

Instant Availability::calm_from(std::uint32_t peers) const {
  const Instant since = faults_.calm_since(peers);
  return since == Instant::never() ? since : since + 10 * election_timeout_;
}

// Each set is judged for itself: where a network is parted, one side may be calm.
void Availability::look() {
  const Instant now = cluster_.time().now();
  const std::uint32_t sound = this->sound();
  for (std::uint32_t peers = 1; peers <= sound; ++peers) {
    if ((peers & ~sound) != 0 || static_cast<std::size_t>(std::popcount(peers)) <= nodes_ / 2)
      continue;
    const Instant from = calm_from(peers);
    if (now >= from && workload_.longest_wait(peers, from) > 10 * election_timeout_)
      throw Violation("availability", "a healthy majority does not serve: " + workload_.waiting());
  }
  watch(sound);
}

// A set for as long as it stays calm; then the one that has been calm longest, the largest of
// these.
void Availability::watch(std::uint32_t sound) {
  if ((watched_peers_ & ~sound) == 0 && watched_from_ != Instant::never() &&
      calm_from(watched_peers_) == watched_from_)
    return;
  watched_leader_.reset();
  watched_peers_ = 0;
  watched_from_ = Instant::never();
  for (std::uint32_t peers = sound; peers != 0; peers = (peers - 1) & sound) {
    if (static_cast<std::size_t>(std::popcount(peers)) <= nodes_ / 2) continue;
    const Instant from = calm_from(peers);
    const bool larger = std::popcount(peers) > std::popcount(watched_peers_);
    if (from > watched_from_ || (from == watched_from_ && !larger)) continue;
    watched_from_ = from;
    watched_peers_ = peers;
  }
}

void Availability::sent(Peer from, Peer, const consensus::Message& message) {
  const auto* append = std::get_if<consensus::AppendEntries>(&message);
  if (append == nullptr) return;
  follow_bindings(*append);
  if (watched_from_ == Instant::never() || cluster_.time().now() < watched_from_ ||
      append->term <= watched_term_)
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
