// Every entry that any node ever had, by index and term, and what stood before it.
//
// Raft's log matching says that index and term name an entry and its whole past. So one table for
// all nodes says what a log that ends with a given entry holds everywhere below: no node's log has
// to be walked, or even known in full.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include <causeway/types.hpp>

namespace causeway::sim {

/// An entry, but for its index: equal ids at an index are equal entries with an equal past.
struct EntryId {
  Term term;  ///< 0: there is none
  std::uint64_t hash = 0;
  friend bool operator==(const EntryId&, const EntryId&) = default;
};

/// A log: something for each index from 1 on.
template <class T>
class ByIndex {
 public:
  [[nodiscard]] LogIndex last() const { return {all_.size()}; }
  [[nodiscard]] const T& at(LogIndex index) const { return all_[index.value - 1]; }
  /// An empty one at index 0 and behind the last.
  [[nodiscard]] T find(LogIndex index) const {
    return index.value == 0 || index > last() ? T{} : at(index);
  }
  /// Takes the place of all from `index` on, which is at most one behind the last.
  void put(LogIndex index, T value) {
    all_.resize(index.value - 1);
    all_.push_back(value);
  }
  void set(LogIndex index, T value) { all_[index.value - 1] = value; }
  /// The first index at which the two differ or one ends; behind both when they are equal.
  [[nodiscard]] LogIndex first_difference(const ByIndex& other) const {
    const auto [mine, theirs] =
        std::mismatch(all_.begin(), all_.end(), other.all_.begin(), other.all_.end());
    static_cast<void>(theirs);
    return {static_cast<std::uint64_t>(mine - all_.begin()) + 1};
  }

 private:
  std::vector<T> all_;
};

using LogPicture = ByIndex<EntryId>;

class EntryRegistry {
 public:
  struct Known {
    EntryId id;
    Term before;  ///< of the entry in front of it; 0 for the first
  };

  /// Nothing when nobody ever had it.
  [[nodiscard]] const Known* find(LogIndex index, Term term) const;
  /// Must not be there yet.
  void add(LogIndex index, const Known& entry);
  /// Which entry stands at `index` of a log that holds entry (`from`, `term`), from >= index.
  /// Empty: unknown.
  [[nodiscard]] std::optional<EntryId> ancestor(LogIndex from, Term term, LogIndex index) const;

 private:
  // Of nearly all indices there is one entry only: the newest is looked at first.
  std::vector<Known> newest_;
  std::map<std::pair<LogIndex, Term>, Known> others_;
};

}  // namespace causeway::sim
