// Virtual time: things happen in the order of their instants, and of their making where those are
// equal.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/time.hpp"
#include "sim/action.hpp"

namespace causeway::sim {

class Schedule {
 public:
  void at(Instant when, Action&& action) {
    CAUSEWAY_CHECK(when >= now_);
    std::size_t slot = actions_.size();
    if (free_.empty()) {
      actions_.push_back(std::move(action));
    } else {
      slot = free_.back();
      free_.pop_back();
      actions_[slot] = std::move(action);
    }
    const auto later = [](const Due& due, Instant at) { return due.when > at; };
    due_.insert(std::lower_bound(due_.begin(), due_.end(), when, later), {when, slot});
  }
  void after(Duration delay, Action&& action) { at(now_ + delay, std::move(action)); }

  [[nodiscard]] Instant now() const { return now_; }
  /// Instant::never() when nothing is left to happen.
  [[nodiscard]] Instant next() const { return due_.empty() ? Instant::never() : due_.back().when; }
  /// How many things have happened.
  [[nodiscard]] std::uint64_t events() const { return events_; }

  void run_next() {
    CAUSEWAY_CHECK(!due_.empty());
    const Due first = due_.back();
    due_.pop_back();
    now_ = first.when;
    ++events_;
    Action action = std::move(actions_[first.slot]);
    free_.push_back(first.slot);
    action();
  }
  /// Runs all that is due until `end`, and lets time pass up to there.
  void run_until(Instant end) {
    while (next() <= end) run_next();
    now_ = end;
  }

 private:
  struct Due {
    Instant when;
    std::size_t slot = 0;  ///< of its action
  };

  Instant now_{std::chrono::seconds(1)};
  std::uint64_t events_ = 0;
  /// The latest first. Nearly all that is put in is due in microseconds, behind nearly all that is
  /// there: that beats a heap.
  std::vector<Due> due_;
  std::vector<Action> actions_;
  std::vector<std::size_t> free_;
};

}  // namespace causeway::sim
