// The greatest stamp among the records still held: the maximum over a window that slides along the
// sequences.
//
// Records enter at one end and are freed at the other. A record with a later sequence and a greater
// stamp hides all before it, so only a falling row of stamps is kept; stamps fall only where the
// clock was set back, so the row is nearly always one long.
#pragma once

#include <algorithm>
#include <deque>
#include <iterator>

#include <causeway/types.hpp>

namespace causeway::crdt {

class StampWindow {
 public:
  /// Sequences ascend, but for records that recovery finds rewritten behind later ones.
  void add(Sequence sequence, Stamp stamp) {
    auto at = std::find_if(row_.begin(), row_.end(),
                           [&](const Entry& each) { return each.sequence >= sequence; });
    if (at != row_.end() && at->stamp >= stamp) return;
    auto hidden = at;
    while (hidden != row_.begin() && std::prev(hidden)->stamp <= stamp) --hidden;
    at = row_.erase(hidden, at);
    // Bounded: beyond this a stamp is held longer than its record, which only keeps the clock up.
    if (row_.size() < kRowMax) {
      row_.insert(at, {sequence, stamp});
    } else if (at == row_.begin()) {
      at->stamp = stamp;
    } else {
      std::prev(at)->sequence = sequence;
    }
  }
  void drop_through(Sequence sequence) {
    while (!row_.empty() && row_.front().sequence <= sequence) row_.pop_front();
  }
  [[nodiscard]] Stamp greatest() const { return row_.empty() ? Stamp{} : row_.front().stamp; }
  [[nodiscard]] std::size_t size() const { return row_.size(); }

  static constexpr std::size_t kRowMax = 64;

 private:
  struct Entry {
    Sequence sequence;
    Stamp stamp;
  };
  std::deque<Entry> row_;  // sequences rise, stamps fall
};

}  // namespace causeway::crdt
