#include "sim/entry_registry.hpp"

#include <utility>

namespace causeway::sim {

const EntryRegistry::Known* EntryRegistry::find(LogIndex index, Term term) const {
  if (index.value == 0 || index.value > newest_.size() || term.value == 0) return nullptr;
  const Known& newest = newest_[index.value - 1];
  if (newest.id.term == term) return &newest;
  const auto other = others_.find({index, term});
  return other == others_.end() ? nullptr : &other->second;
}

void EntryRegistry::add(LogIndex index, const Known& entry) {
  if (newest_.size() < index.value) newest_.resize(index.value);
  Known& newest = newest_[index.value - 1];
  if (newest.id.term.value != 0) others_.emplace(std::pair(index, newest.id.term), newest);
  newest = entry;
}

std::optional<EntryId> EntryRegistry::ancestor(LogIndex from, Term term, LogIndex index) const {
  for (;; from = from.previous()) {
    const Known* known = find(from, term);
    if (known == nullptr) return std::nullopt;
    if (from == index) return known->id;
    term = known->before;
  }
}

}  // namespace causeway::sim
