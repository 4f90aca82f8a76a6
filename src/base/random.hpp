// Randomness as the core sees it: a seeded generator of our own (SplitMix64, Steele, Lea and Flood
// 2014).
//
// The standard library's distributions give other numbers with other libraries, and a replay must
// not depend on that.
#pragma once

#include <cstdint>

#include "base/check.hpp"

namespace causeway {

class Random {
 public:
  explicit constexpr Random(std::uint64_t seed) : state_(seed) {}

  constexpr std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  /// A number in [0, bound). `bound` must not be 0. The bias is below bound / 2^64, which no test
  /// can see.
  std::uint64_t below(std::uint64_t bound) {
    CAUSEWAY_CHECK(bound > 0);
    return next() % bound;
  }

  /// A number in [low, high]. `low` must not exceed `high`.
  std::uint64_t between(std::uint64_t low, std::uint64_t high) {
    CAUSEWAY_CHECK(low <= high);
    return low + (high - low == UINT64_MAX ? next() : below(high - low + 1));
  }

  /// A number other than 0, for ids in which 0 stands for "none".
  constexpr std::uint64_t id() {
    for (;;) {
      if (const std::uint64_t drawn = next(); drawn != 0) return drawn;
    }
  }

 private:
  std::uint64_t state_;
};

}  // namespace causeway
