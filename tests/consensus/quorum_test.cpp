#include "consensus/quorum.hpp"

#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include "base/random.hpp"

namespace causeway::consensus {
namespace {

using Values = std::vector<std::uint64_t>;

// The obvious way: the greatest value for which a majority has it or more.
std::uint64_t slow_reached(const Values& values) {
  std::uint64_t best = 0;
  for (const std::uint64_t candidate : values) {
    std::size_t have = 0;
    for (const std::uint64_t value : values) have += value >= candidate ? 1 : 0;
    if (2 * have > values.size() && candidate > best) best = candidate;
  }
  return best;
}

// The obvious way: as many below or equal as above or equal; of two such the smaller.
std::uint64_t slow_median(const Values& values) {
  std::uint64_t best = UINT64_MAX;
  for (const std::uint64_t candidate : values) {
    std::size_t below = 0;
    std::size_t above = 0;
    for (const std::uint64_t value : values) {
      below += value <= candidate ? 1 : 0;
      above += value >= candidate ? 1 : 0;
    }
    if (2 * below >= values.size() && 2 * above >= values.size() && candidate < best)
      best = candidate;
  }
  return best;
}

}  // namespace

TEST_CASE("any two majorities share a voter, and none is larger than needed") {
  for (std::size_t voters = 1; voters <= kVotersMax; ++voters) {
    CAPTURE(voters);
    CHECK(2 * majority_of(voters) > voters);
    CHECK(2 * (majority_of(voters) - 1) <= voters);
  }
}

TEST_CASE("what a majority has reached") {
  struct Row {
    const char* why;
    Values values;
    std::uint64_t want;
  };
  const Row rows[] = {
      {"alone, a voter is its own majority", {7}, 7},
      {"of two both are needed", {7, 3}, 3},
      {"of three the middle one", {1, 9, 5}, 5},
      {"one that lags holds nobody up", {0, 9, 9}, 9},
      {"one that is ahead drags nobody along", {9, 2, 2}, 2},
      {"of four three are needed", {1, 2, 3, 4}, 2},
      {"of five the middle one", {1, 2, 3, 4, 5}, 3},
      {"two that are down out of five", {0, 0, 8, 6, 7}, 6},
      {"seven", {1, 2, 3, 4, 5, 6, 7}, 4},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Values values = row.values;
    CHECK(reached_by_majority(std::span(values)) == row.want);
  }
}

TEST_CASE("the lower median") {
  struct Row {
    const char* why;
    Values values;
    std::size_t voters;
    std::uint64_t want;
  };
  const Row rows[] = {
      {"one clock is all there is", {7}, 1, 7},
      {"of two the lower: one that is ahead moves nothing", {7, 2046}, 2, 7},
      {"of three the middle: neither 1970 nor 2046", {2046, 10, 1970}, 3, 1970},
      {"two of three", {7, 2046}, 3, 7},
      {"of four the lower middle", {1, 2, 3, 4}, 4, 2},
      {"of five the middle", {5, 1, 4, 2, 3}, 5, 3},
      {"three of five, two of whom may be ahead together", {2046, 7, 2046}, 5, 7},
      {"four of five", {2046, 7, 8, 2046}, 5, 8},
      {"four of seven, three of whom may be ahead", {2046, 2046, 7, 2046}, 7, 7},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Values values = row.values;
    CHECK(lower_median(std::span(values), row.voters) == row.want);
  }
}

TEST_CASE("both agree with the obvious way on random values") {
  Random random(1);
  for (int i = 0; i < 5000; ++i) {
    Values values(1 + random.below(kVotersMax));
    for (std::uint64_t& value : values) value = random.below(6);
    CAPTURE(i);
    Values copy = values;
    CHECK(reached_by_majority(std::span(copy)) == slow_reached(values));
    CHECK(lower_median(std::span(copy), values.size()) == slow_median(values));
  }
}

}  // namespace causeway::consensus
