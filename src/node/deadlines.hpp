// Deadlines of calls, soonest first.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "base/time.hpp"

namespace causeway::node {

class Deadlines {
 public:
  void add(std::optional<Instant> at, std::uint64_t call) {
    if (at) due_.emplace(*at, call);
  }
  void remove(std::optional<Instant> at, std::uint64_t call) {
    if (at) due_.erase({*at, call});
  }
  [[nodiscard]] Instant next() const {
    return due_.empty() ? Instant::never() : due_.begin()->first;
  }
  /// A call whose deadline has come; it is removed.
  std::optional<std::uint64_t> pop(Instant now) {
    if (next() > now) return std::nullopt;
    const std::uint64_t call = due_.begin()->second;
    due_.erase(due_.begin());
    return call;
  }

 private:
  std::set<std::pair<Instant, std::uint64_t>> due_;
};

}  // namespace causeway::node
