#include "node/pending_gate.hpp"

#include <string>

namespace causeway::node {

bool PendingGate::enter(Turn& turn, std::string_view key, Waiter waiter) {
  if (!turn.core.journal.may_be_pending(key)) return true;
  const std::uint64_t question = tagged(Asker::gate, turn.core.fresh());
  asked_.emplace(question, Asked{waiter, std::string(key)});
  question_of_[waiter] = question;
  turn.core.questions.ask(turn, question, kv::FindPending{.id = question, .key = std::string(key)});
  return false;
}

void PendingGate::found(Turn& turn, const kv::FoundPending& found) {
  turn.core.questions.answered(turn);
  auto asked = asked_.extract(found.id);
  if (asked.empty()) return;  // cancelled meanwhile
  auto& [waiter, key] = asked.mapped();
  question_of_.erase(waiter);
  if (!found.held || found.held->sequence <= turn.core.settled_through) {
    released_.push_back(waiter);
    return;
  }
  const Sequence sequence = found.held->sequence;
  // A write that was accepted while the applier was asked may stand in its place, further back in
  // the order of settling.
  const bool replaced = turn.core.journal.verdict(sequence) != nullptr;
  turn.core.journal.hold(sequence);
  place_of_[waiter] =
      waiting_.emplace(sequence, Waiting{waiter, replaced ? std::move(key) : std::string()});
}

void PendingGate::settled(Turn& turn, Sequence through) {
  while (!waiting_.empty() && waiting_.begin()->first <= through) {
    const auto first = waiting_.extract(waiting_.begin());
    turn.core.journal.release(first.key());
    const auto& [waiter, again] = first.mapped();
    place_of_.erase(waiter);
    if (again.empty() || enter(turn, again, waiter)) released_.push_back(waiter);
  }
}

void PendingGate::cancel(Turn& turn, Waiter waiter) {
  std::erase(released_, waiter);
  if (const auto question = question_of_.extract(waiter); !question.empty()) {
    turn.core.questions.withdraw(question.mapped());
    asked_.erase(question.mapped());
  }
  if (const auto place = place_of_.extract(waiter); !place.empty()) {
    turn.core.journal.release(place.mapped()->first);
    waiting_.erase(place.mapped());
  }
}

}  // namespace causeway::node
