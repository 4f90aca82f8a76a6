#include "sim/forward_check.hpp"

#include <algorithm>
#include <string>

#include "base/hash.hpp"
#include "sim/violation.hpp"

namespace causeway::sim {

void ForwardCheck::delivered(Peer from, Peer to, const consensus::Message& message) {
  const auto* forward = std::get_if<consensus::Forward>(&message);
  if (forward == nullptr) return;
  Reached& reached = reached_[to][from];
  if (forward->term < reached.term) return;
  if (forward->term != reached.term || forward->incarnation != reached.incarnation)
    reached = {.term = forward->term, .incarnation = forward->incarnation};
  std::uint64_t counter = forward->first_counter;
  if (counter <= reached.through + 1)
    reached.through = std::max(reached.through, counter + forward->items.size() - 1);
  for (const consensus::Forward::Item& item : forward->items)
    reached.counters[hash64(item.payload.view())].insert(counter++);
}

void ForwardCheck::sent(Peer from, Peer to, const consensus::Message& message) {
  if (const auto* reply = std::get_if<consensus::ForwardReply>(&message)) {
    take_reply(from, to, *reply);
  } else if (const auto* append = std::get_if<consensus::AppendEntries>(&message)) {
    judge_entries(from, *append);
  }
}

void ForwardCheck::take_reply(Peer leader, Peer to, const consensus::ForwardReply& reply) {
  Reached& reached = reached_[leader][to];
  if (reply.term > reached.term) reached = {.term = reply.term, .incarnation = reply.incarnation};
  const bool same = reply.term == reached.term && reply.incarnation == reached.incarnation;
  if (same) reached.refused.insert(reply.refused.begin(), reply.refused.end());
  const std::uint64_t through = same ? reached.through : 0;
  if (reply.next_counter <= through + 1) return;
  throw Violation("forward-order", "node " + cluster_.name_of(leader) +
                                       " says that it has taken what node " + cluster_.name_of(to) +
                                       " forwarded in term " + std::to_string(reply.term.value) +
                                       " up to number " + std::to_string(reply.next_counter - 1) +
                                       ", but only what stands up to " + std::to_string(through) +
                                       " reached it without a gap");
}

// The same may have been proposed again, under a number of its own that was not refused.
void ForwardCheck::judge_entries(Peer leader, const consensus::AppendEntries& append) const {
  for (const Reached& reached : reached_[leader]) {
    if (reached.refused.empty() || reached.term != append.term) continue;
    for (const consensus::Entry& entry : append.entries) {
      if (entry.term != append.term) continue;
      const auto known = reached.counters.find(hash64(entry.payload.view()));
      if (known == reached.counters.end()) continue;
      const auto is_refused = [&](std::uint64_t each) { return reached.refused.contains(each); };
      if (!std::ranges::all_of(known->second, is_refused)) continue;
      throw Violation("refused-for-good", "node " + cluster_.name_of(leader) + " sends entry " +
                                              std::to_string(entry.index.value) +
                                              ", which it refused as number " +
                                              std::to_string(*known->second.begin()) +
                                              " of its term " + std::to_string(append.term.value));
    }
  }
}

}  // namespace causeway::sim
