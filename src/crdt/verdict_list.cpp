#include "crdt/verdict_list.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace causeway::crdt {

void VerdictList::add(Verdict verdict) {
  const Sequence sequence = verdict.sequence;
  const bool is_new = by_sequence_.insert_or_assign(sequence, std::move(verdict)).second;
  if (is_new) oldest_first_.push_back(sequence);
  while (oldest_first_.size() > count_max_) {
    forgotten_through_ = std::max(forgotten_through_, oldest_first_.front());
    by_sequence_.erase(oldest_first_.front());
    oldest_first_.pop_front();
  }
}

void VerdictList::remove(Sequence sequence) {
  // Nearly always the newest.
  const auto at = std::find(oldest_first_.rbegin(), oldest_first_.rend(), sequence);
  if (at == oldest_first_.rend()) return;
  oldest_first_.erase(std::next(at).base());
  by_sequence_.erase(sequence);
}

const Verdict* VerdictList::find(Sequence sequence) const {
  const auto found = by_sequence_.find(sequence);
  return found == by_sequence_.end() ? nullptr : &found->second;
}

std::vector<Verdict> VerdictList::settled_in(Sequence after, Sequence through) const {
  std::vector<Verdict> result;
  const auto end = by_sequence_.upper_bound(through);
  for (auto at = by_sequence_.upper_bound(after); at != end; ++at) {
    if (at->second.kind != VerdictKind::replaced) result.push_back(at->second);
  }
  return result;
}

std::vector<Verdict> VerdictList::all(Sequence through) const {
  std::vector<Verdict> result;
  for (const Sequence sequence : oldest_first_) {
    const Verdict& verdict = by_sequence_.at(sequence);
    if (verdict.kind == VerdictKind::replaced || sequence <= through) result.push_back(verdict);
  }
  return result;
}

}  // namespace causeway::crdt
