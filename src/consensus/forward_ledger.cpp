#include "consensus/forward_ledger.hpp"

#include <algorithm>

namespace causeway::consensus {

bool ForwardLedger::refused(std::uint64_t counter) const {
  const auto found = std::ranges::lower_bound(refusals_, counter, {}, &Refusal::counter);
  return found != refusals_.end() && found->counter == counter;
}

bool ForwardLedger::refuse(std::uint64_t counter, Why why) {
  const auto place = std::ranges::lower_bound(refusals_, counter, {}, &Refusal::counter);
  if (place != refusals_.end() && place->counter == counter) return true;
  if (refusals_.size() >= kRefusalsMax) return false;
  refusals_.insert(place, {counter, why});
  return true;
}

// A refusal in advance is needed until its counter has come, whatever the peer says.
void ForwardLedger::forget_below(std::uint64_t counter) {
  const std::uint64_t keep = std::min(counter, next_);
  const auto kept = std::ranges::lower_bound(refusals_, keep, {}, &Refusal::counter);
  refusals_.erase(refusals_.begin(), kept);
}

ForwardReply ForwardLedger::reply(Term term, Incarnation incarnation) const {
  ForwardReply reply{
      .term = term, .incarnation = incarnation, .next_counter = next_, .refused = {}};
  for (const Refusal& refusal : refusals_) {
    reply.refused.push_back(refusal.counter);
    reply.exhausted = reply.exhausted || refusal.why == Why::limit;
  }
  return reply;
}

}  // namespace causeway::consensus
