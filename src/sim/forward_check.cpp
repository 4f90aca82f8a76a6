#include "sim/forward_check.hpp"

#include <algorithm>
#include <string>

#include "sim/violation.hpp"

namespace causeway::sim {

void ForwardCheck::delivered(Peer from, Peer to, const consensus::Message& message) {
  const auto* forward = std::get_if<consensus::Forward>(&message);
  if (forward == nullptr) return;
  Reached& reached = reached_[to][from];
  if (forward->term < reached.term) return;
  if (forward->term != reached.term || forward->incarnation != reached.incarnation)
    reached = {.term = forward->term, .incarnation = forward->incarnation};
  if (forward->first_counter <= reached.through + 1) {
    const std::uint64_t end = forward->first_counter + forward->items.size();
    reached.through = std::max(reached.through, end - 1);
  }
}

void ForwardCheck::sent(Peer from, Peer to, const consensus::Message& message) {
  const auto* reply = std::get_if<consensus::ForwardReply>(&message);
  if (reply == nullptr) return;
  const Reached& reached = reached_[from][to];
  const bool same = reply->term == reached.term && reply->incarnation == reached.incarnation;
  const std::uint64_t through = same ? reached.through : 0;
  if (reply->next_counter <= through + 1) return;
  throw Violation("forward-order", "node " + cluster_.name_of(from) +
                                       " says that it has taken what node " + cluster_.name_of(to) +
                                       " forwarded in term " + std::to_string(reply->term.value) +
                                       " up to number " + std::to_string(reply->next_counter - 1) +
                                       ", but only what stands up to " + std::to_string(through) +
                                       " reached it without a gap");
}

}  // namespace causeway::sim
