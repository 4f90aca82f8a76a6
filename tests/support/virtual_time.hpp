// Virtual time: things happen in the order of their instants, and of their making where those are equal.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "base/check.hpp"
#include "base/time.hpp"

namespace causeway::testing {

class VirtualTime {
 public:
  using Action = std::function<void()>;

  void at(Instant when, Action action) {
    CAUSEWAY_CHECK(when >= now_);
    due_.emplace(std::pair(when, ++made_), std::move(action));
  }
  void after(Duration delay, Action action) { at(now_ + delay, std::move(action)); }

  [[nodiscard]] Instant now() const { return now_; }
  /// Instant::never() when nothing is left to happen.
  [[nodiscard]] Instant next() const {
    return due_.empty() ? Instant::never() : due_.begin()->first.first;
  }
  void run_next() {
    CAUSEWAY_CHECK(!due_.empty());
    auto first = due_.extract(due_.begin());
    now_ = first.key().first;
    first.mapped()();
  }
  /// Runs all that is due until `end`, and lets time pass up to there.
  void run_until(Instant end) {
    while (next() <= end) run_next();
    now_ = end;
  }

 private:
  Instant now_{std::chrono::seconds(1)};
  std::uint64_t made_ = 0;
  std::map<std::pair<Instant, std::uint64_t>, Action> due_;
};

}  // namespace causeway::testing
