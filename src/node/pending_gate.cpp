#include "node/pending_gate.hpp"

#include <algorithm>
#include <string>

namespace causeway::node {

bool PendingGate::enter(Turn& turn, std::string_view key, Waiter waiter) {
  if (!turn.core.journal.may_be_pending(key)) return true;
  const std::uint64_t question = tagged(Asker::gate, turn.core.fresh());
  asked_.emplace(question, waiter);
  turn.out.applier.push_back(kv::FindPending{.id = question, .key = std::string(key)});
  return false;
}

void PendingGate::found(Turn& turn, const kv::FoundPending& found) {
  const auto asked = asked_.find(found.id);
  if (asked == asked_.end()) return;  // cancelled meanwhile
  const Waiter waiter = asked->second;
  asked_.erase(asked);
  if (!found.held || found.held->sequence <= turn.core.settled_through) {
    released_.push_back(waiter);
    return;
  }
  turn.core.journal.hold(found.held->sequence);
  waiting_.emplace(found.held->sequence, waiter);
}

void PendingGate::settled(Turn& turn, Sequence through) {
  while (!waiting_.empty() && waiting_.begin()->first <= through) {
    turn.core.journal.release(waiting_.begin()->first);
    released_.push_back(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
  }
}

void PendingGate::cancel(Turn& turn, Waiter waiter) {
  std::erase_if(asked_, [waiter](const auto& asked) { return asked.second == waiter; });
  std::erase(released_, waiter);
  std::erase_if(waiting_, [&](const auto& waiting) {
    if (waiting.second != waiter) return false;
    turn.core.journal.release(waiting.first);
    return true;
  });
}

}  // namespace causeway::node
