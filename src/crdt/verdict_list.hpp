// The newest verdicts, for `await`: bounded by count, the oldest forgotten first.
//
// Oldest means first heard of. A hot key that is written on and on while no majority is there fills
// the list with *replaced*; who must not miss a verdict awaits its write, and an awaited write is
// not replaced.
#pragma once

#include <deque>
#include <map>
#include <vector>

#include "crdt/version.hpp"
#include <causeway/types.hpp>

namespace causeway::crdt {

class VerdictList {
 public:
  explicit VerdictList(std::size_t count_max) : count_max_(count_max) {}

  /// One that is known already keeps its place and takes the new content.
  void add(Verdict verdict);
  /// It was not final after all. Nothing happens when it is not there.
  void remove(Sequence sequence);
  [[nodiscard]] const Verdict* find(Sequence sequence) const;
  /// Those in (after, through] that went through the log, ascending: `replaced` ones are left out.
  [[nodiscard]] std::vector<Verdict> settled_in(Sequence after, Sequence through) const;
  /// In the order in which they were added: all `replaced` ones, and the others through `through`.
  [[nodiscard]] std::vector<Verdict> all(Sequence through) const;
  [[nodiscard]] std::size_t size() const { return by_sequence_.size(); }
  /// No forgotten verdict has a greater sequence.
  [[nodiscard]] Sequence forgotten_through() const { return forgotten_through_; }

 private:
  std::size_t count_max_;
  std::map<Sequence, Verdict> by_sequence_;
  std::deque<Sequence> oldest_first_;  // the keys of by_sequence_
  Sequence forgotten_through_;
};

}  // namespace causeway::crdt
