// Program order at a node (promise 2): a consistent operation on a key with a pending offline write
// here is decided after that write is settled.
//
// Most keys have none, and the journal's filter says so without a question. Otherwise the applier
// is asked which write is pending, the write is held (so that it is not coalesced away), and the
// operation waits until its settlement is applied here.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "node/core.hpp"

namespace causeway::node {

class PendingGate {
 public:
  /// Names who waits: an id made with `tagged`.
  using Waiter = std::uint64_t;

  /// True: nothing is pending, go on. False: `waiter` comes back from `take_released` later.
  bool enter(Turn& turn, std::string_view key, Waiter waiter);
  void found(Turn& turn, const kv::FoundPending& found);
  /// Own writes through `through` are settled in the applied state.
  void settled(Turn& turn, Sequence through);
  /// `waiter` waits no longer.
  void cancel(Turn& turn, Waiter waiter);
  /// Those that may go on, in the order in which they were released.
  [[nodiscard]] std::vector<Waiter> take_released() { return std::exchange(released_, {}); }

 private:
  struct Asked {
    Waiter waiter = 0;
    std::string key;
  };
  struct Waiting {
    Waiter waiter = 0;
    /// Not empty: the write was replaced before it was held, so its key is asked about again.
    std::string again;
  };
  using Waitings = std::multimap<Sequence, Waiting>;
  std::map<std::uint64_t, Asked> asked_;  ///< by question to the applier
  Waitings waiting_;
  // Where a waiter stands: thousands may give up in one turn.
  std::map<Waiter, std::uint64_t> question_of_;
  std::map<Waiter, Waitings::iterator> place_of_;
  std::vector<Waiter> released_;
};

}  // namespace causeway::node
