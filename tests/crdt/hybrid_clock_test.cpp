// The node's clock, row by row: who may move it, how far, and the way back (design 3.1). Scenarios
// 59, 60 and 61 of the catalogue of past bugs: a node that boots in 2038 or 1970, a peer that sends
// 2^63, 70,000 writes in one millisecond.
#include "crdt/hybrid_clock.hpp"

#include <chrono>
#include <vector>

#include <doctest/doctest.h>

namespace causeway::crdt {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kMs1970 = 1000;
constexpr std::uint64_t kMsNow = 1'800'000'000'000;
constexpr std::uint64_t kMs2046 = 2'400'000'000'000;

constexpr Stamp at(std::uint64_t ms, std::uint64_t counter = 0) {
  return {Stamp::from_wall_ms(ms).value + counter};
}

HybridClock clock(Stamp floor = {}) { return {floor, milliseconds(500)}; }

TEST_CASE("a stamp is above the last one, and as near to the wall clock as it may be") {
  struct Row {
    const char* why;
    Stamp floor;
    std::uint64_t wall_ms;
    std::optional<Stamp> log_time;
    Stamp want;
  };
  const std::vector<Row> rows = {
      {"alone, the wall clock is all there is", {}, kMsNow, std::nullopt, at(kMsNow)},
      {"alone, even a mad one: nothing better is known", {}, kMs2046, std::nullopt, at(kMs2046)},
      {"a wall clock that stands still: the counter rises", at(kMsNow), kMsNow, std::nullopt,
       at(kMsNow, 1)},
      {"a wall clock that went back: the counter rises", at(kMsNow, 7), kMsNow - 9, std::nullopt,
       at(kMsNow, 8)},
      {"a wall clock of 1970 with a journal of today", at(kMsNow), kMs1970, std::nullopt,
       at(kMsNow, 1)},
      {"near log time the wall clock counts", {}, kMsNow + 400, at(kMsNow), at(kMsNow + 400)},
      {"and behind it", {}, kMsNow - 400, at(kMsNow), at(kMsNow - 400)},
      {"at the limit", {}, kMsNow + 500, at(kMsNow), at(kMsNow + 500)},
      {"beyond the limit it is cut", {}, kMsNow + 501, at(kMsNow), at(kMsNow + 500)},
      {"2046 is cut to the limit", {}, kMs2046, at(kMsNow, 3), at(kMsNow + 500, 3)},
      {"the limit never takes back what was given out", at(kMs2046), kMsNow, at(kMsNow),
       at(kMs2046, 1)},
      {"a full counter carries into the milliseconds", at(kMsNow, 0xffff), kMsNow, std::nullopt,
       at(kMsNow + 1)},
      {"log time at the end of all time", {}, kMsNow, Stamp{UINT64_MAX}, at(kMsNow)},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    HybridClock c = clock(row.floor);
    CHECK(c.next({row.wall_ms}, row.log_time) == row.want);
    CHECK(c.last() == row.want);
  }
}

TEST_CASE("70,000 stamps within one millisecond rise strictly; the counter carries") {
  HybridClock c = clock();
  Stamp before = c.next({kMsNow}, std::nullopt);
  for (int i = 1; i < 70'000; ++i) {
    const Stamp next = c.next({kMsNow}, std::nullopt);
    REQUIRE(next > before);
    before = next;
  }
  CHECK(before == Stamp{at(kMsNow).value + 69'999});
  CHECK(before.wall_ms() == kMsNow + 1);
}

TEST_CASE("a wall clock beyond 48 bits is clamped, and stamps still rise above it") {
  HybridClock c = clock();
  Stamp before = c.next({UINT64_MAX}, std::nullopt);
  CHECK(before.wall_ms() <= Stamp::kWallMsMax);
  for (int i = 0; i < 200'000; ++i) {
    const Stamp next = c.next({UINT64_MAX}, std::nullopt);
    REQUIRE(next > before);
    before = next;
  }
}

TEST_CASE("the last stamp of all does not stop the clock, nor wrap it") {
  HybridClock c = clock();
  c.observe_committed({UINT64_MAX});
  CHECK(c.next({kMsNow}, std::nullopt) == Stamp{UINT64_MAX});
  CHECK(c.next({kMsNow}, std::nullopt) == Stamp{UINT64_MAX});
}

TEST_CASE("a committed stamp always moves the clock, a lower one never moves it back") {
  HybridClock c = clock(at(kMsNow));
  c.observe_committed(at(kMs2046));
  CHECK(c.next({kMsNow}, at(kMsNow)) == at(kMs2046, 1));
  c.observe_committed(at(kMs1970));
  CHECK(c.next({kMsNow}, at(kMsNow)) == at(kMs2046, 2));
}

TEST_CASE("who hears a leader comes back from the future, to just above what is still held here") {
  struct Row {
    const char* why;
    Stamp last;
    Stamp held;
    Stamp want;  ///< of the next stamp, with a wall clock that is right again
  };
  const std::vector<Row> rows = {
      {"ran ahead, nothing of that is left", at(kMs2046), at(kMsNow - 50), at(kMsNow)},
      {"ran ahead, a record of then is still pending", at(kMs2046, 9), at(kMs2046, 4),
       at(kMs2046, 5)},
      {"within the limit it stays", at(kMsNow + 500), at(kMs1970), at(kMsNow + 500, 1)},
      {"just beyond the limit it goes back", at(kMsNow + 500, 1), at(kMsNow + 2),
       at(kMsNow + 2, 1)},
      {"held is not forward", at(kMs2046), at(kMs2046 + 1), at(kMs2046, 1)},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    HybridClock c = clock(row.last);
    c.heard_leader(at(kMsNow), row.held);
    CHECK(c.next({kMsNow}, at(kMsNow)) == row.want);
  }
}

TEST_CASE("two nodes that wrote in 2046 while alone are back in the present after one heartbeat") {
  // Scenario 59: the others' later writes win again, since the stamps that are committed were
  // capped by log time.
  HybridClock c = clock();
  const Stamp alone = c.next({kMs2046}, std::nullopt);
  CHECK(alone == at(kMs2046));
  c.heard_leader(at(kMsNow), at(kMsNow - 1));  // its write has settled, with log time as stamp
  CHECK(c.next({kMs2046}, at(kMsNow)) == at(kMsNow + 500));
}

}  // namespace
}  // namespace causeway::crdt
