// What a majority of voters has, and the middle of what they say.
//
// Raft commits what a majority stores: of n values sorted ascending that is the one at n -
// majority, since it and all above it are a majority (Raft section 5.3). Log time follows the lower
// median of the wall clocks, so that no single clock, and no minority of clocks, moves it (design
// 3.1).
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "base/check.hpp"

namespace causeway::consensus {

/// The most voters that a configuration may have.
inline constexpr std::size_t kVotersMax = 7;

/// The smallest number of `voters` of which any two groups share one.
[[nodiscard]] constexpr std::size_t majority_of(std::size_t voters) { return voters / 2 + 1; }

/// The greatest value that a majority of `values` has reached. Not empty; reordered.
template <class T>
[[nodiscard]] T reached_by_majority(std::span<T> values) {
  CAUSEWAY_CHECK(!values.empty());
  std::ranges::sort(values);
  return values[values.size() - majority_of(values.size())];
}

/// The middle one of what some of `voters` voters report, of two middle ones the lower; but never
/// one that a minority of all voters could have made up, for those not heard may be the honest
/// ones. Of a majority at least; reordered.
template <class T>
[[nodiscard]] T lower_median(std::span<T> values, std::size_t voters) {
  const std::size_t liars_max = voters - majority_of(voters);
  CAUSEWAY_CHECK(values.size() > liars_max);
  std::ranges::sort(values);
  return values[std::min((values.size() - 1) / 2, values.size() - 1 - liars_max)];
}

}  // namespace causeway::consensus
