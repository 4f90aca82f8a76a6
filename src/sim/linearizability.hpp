// Is a history of get, set, remove and swap linearizable?
//
// That is: can each operation be given one moment between its call and its answer, such that all of
// them, carried out at once in that order, give the very answers that clients got? Whoever tries
// all orders never ends. Wing and Gong (1993) extend one order step by step and go back where it
// fails; Lowe (2017) remembers which (set of operations done, state) failed before. Keys are
// independent (linearizability is local: Herlihy and Wing 1990), so each is searched alone.
//
// Unknown outcomes make histories hard: a write in doubt may take effect at any time after its
// call, or never. These keep them cheap, and none loses an answer:
//   - a value that only one write carries and that somebody saw: that write happened, before the
//     first answer that shows its value. If it was a swap, it shows what it replaced;
//   - a value on which no answer depends: its write matters at most as "something else stood
//     there", and all such writes of a key are alike, so the search tries the oldest unused one
//     only;
//   - what reads and fits now is taken now: it can only make room;
//   - a value that nothing can bring back stands from its write to the last event that needs it
//     (the zones of Gibbons and Korach 1997): what would break that is not tried;
//   - a write in doubt is a guess, and none is wiped out unread. Of two searches that have done the
//     same and stand at the same value, the one that spent more guesses has less left: where the
//     other failed, it fails.
// A timeout means "did not happen, and never will" (design 2.1), so such an operation is left out,
// and a value of it that is seen has no writer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace causeway::sim {

/// One operation as a client saw it.
struct Operation {
  enum class Kind : std::uint8_t { get, set, remove, swap };
  enum class Outcome : std::uint8_t {
    done,            ///< get: answered; set, remove: done; swap: swapped
    mismatch,        ///< swap: another value stood there, nothing changed
    did_not_happen,  ///< timeout, refused
    unknown,         ///< in doubt, connection lost, still waiting
  };

  std::string key;
  Kind kind = Kind::get;
  std::uint64_t called = 0;    ///< in ns, by any clock that all clients share
  std::uint64_t answered = 0;  ///< of no meaning where the outcome is unknown
  Outcome outcome = Outcome::done;

  std::optional<std::string> written;   ///< set, swap: the new value
  std::optional<std::string> expected;  ///< swap: the old value; empty: the key had to be absent
  std::optional<std::string> found;     ///< get, swap with mismatch: what was seen; empty: absent
  std::optional<bool> was_there;        ///< remove: the answer; empty: done, and nobody was told
  int client = 0;                       ///< for messages only
};

[[nodiscard]] std::string to_string(const Operation& operation);

struct HistoryVerdict {
  enum class Kind : std::uint8_t { linearizable, not_linearizable, gave_up };
  Kind kind = Kind::linearizable;
  /// Where it failed: the key, and what could not be placed after the longest order that was found.
  std::string explanation;
  std::uint64_t steps = 0;  ///< orders extended, over all keys
};

/// Every key starts absent. Times of one history come from one clock; equal times count as
/// overlapping.
/// steps_max   bound on the search, for each key; beyond it the verdict is gave_up
[[nodiscard]] HistoryVerdict check_linearizable(const std::vector<Operation>& history,
                                                std::uint64_t steps_max = 2'000'000);

}  // namespace causeway::sim
