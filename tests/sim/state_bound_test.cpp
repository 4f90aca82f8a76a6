// The checker of bounds itself: how many rows of a kind a node's state may hold, on tables made by
// hand.
#include <functional>
#include <string>

#include <doctest/doctest.h>

#include "kv/limits.hpp"
#include "kv/table_keys.hpp"
#include "sim/bound_checks.hpp"
#include "sim/broken_by.hpp"

using namespace causeway;
using namespace causeway::sim;

namespace {

using Judge = std::function<void(BoundChecks&)>;

void all_along(BoundChecks& checks) {
  for (int looks = 0; looks < 100; ++looks) checks.look();  // it counts now and then
}
void at_the_end(BoundChecks& checks) { checks.finish(); }

/// What is broken where a node's table has so many rows with these keys, counted from 1.
std::string broken_with(std::size_t rows, const std::function<std::string(std::uint64_t)>& key,
                        const Judge& judge) {
  const ClusterSettings settings;
  Cluster cluster{settings};
  BoundChecks checks{cluster, settings};
  for (std::uint64_t number = 1; number <= rows; ++number)
    cluster.node("2").directory().table.overwrite(key(number), "x");
  return testing::broken_by([&] { judge(checks); });
}

std::string conflict(std::uint64_t number) { return kv::keys::conflict(number); }
std::string of_one_origin(std::uint64_t number) { return kv::keys::verdict({{7}, {number}}); }
std::string of_two_origins(std::uint64_t number) {
  return kv::keys::verdict({{7 + number % 2}, {number}});
}

}  // namespace

TEST_CASE("the list of conflicts and the verdicts that an origin has not learnt stay bounded") {
  CHECK(broken_with(kv::kConflictsMax, conflict, at_the_end) == "");
  CHECK(broken_with(kv::kConflictsMax + 1, conflict, at_the_end) == "state-bound");
  CHECK(broken_with(kv::kUnlearntMax, of_one_origin, all_along) == "");
  CHECK(broken_with(kv::kUnlearntMax + 1, of_one_origin, all_along) == "state-bound");
  CHECK(broken_with(2 * kv::kUnlearntMax, of_two_origins, all_along) == "");
}
