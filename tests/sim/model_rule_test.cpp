// The model's version rule: the design's cases one by one, then against the product's own writing
// of it.
#include "sim/model_rule.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/random.hpp"

namespace causeway::sim {
namespace {

using crdt::StoredVersion;
using crdt::WriteKind;

constexpr Origin kA{0xa};
constexpr Origin kB{0xb};

struct Row {
  std::string why;
  crdt::OfflineWrite item;
  std::optional<StoredVersion> committed;
  TombstoneFloor floor;
  bool wins;
  bool knew;
  std::uint64_t stamp;
};

crdt::OfflineWrite item(Dot dot, std::uint64_t stamp, std::uint64_t seen, Dot old_dot = {}) {
  crdt::OfflineWrite write;
  write.dot = dot;
  write.stamp = {stamp};
  write.seen.index = {seen};
  write.key = "k";
  write.old_dot = old_dot;
  return write;
}

StoredVersion version(std::uint64_t revision, std::uint64_t stamp, Origin origin,
                      std::uint64_t sequence, WriteKind kind = WriteKind::offline,
                      bool tombstone = false) {
  return {.revision = {revision},
          .stamp = {stamp},
          .origin = origin,
          .sequence = {sequence},
          .kind = kind,
          .tombstone = tombstone};
}

TEST_CASE("the model's version rule: who wins, and with which stamp") {
  const Dot dot{kB, {5}};
  const auto consistent = WriteKind::consistent;
  // The entry's log time is 1000.
  const std::vector<Row> rows = {
      {"a key that never was", item(dot, 7, 0), {}, {}, true, true, 7},
      {"a clock ahead counts as now", item(dot, 5000, 0), {}, {}, true, true, 1000},
      {"it had seen what it overwrites: a lower stamp is raised",
       item(dot, 7, 3),
       version(3, 90, kA, 1),
       {},
       true,
       true,
       91},
      {"seen, and its own stamp is greater",
       item(dot, 95, 3),
       version(3, 90, kA, 1),
       {},
       true,
       true,
       95},
      {"seen one entry less", item(dot, 7, 2), version(3, 90, kA, 1), {}, false, false, 0},
      {"unseen, a greater stamp", item(dot, 91, 2), version(3, 90, kA, 1), {}, true, false, 91},
      {"an equal stamp, a greater origin",
       item(dot, 90, 2),
       version(3, 90, kA, 9),
       {},
       true,
       false,
       91},
      {"an equal stamp, a lower origin",
       item({kA, {9}}, 90, 2),
       version(3, 90, kB, 1),
       {},
       false,
       false,
       0},
      {"a clock ahead, against now's",
       item(dot, 5000, 2),
       version(3, 999, kA, 1),
       {},
       true,
       false,
       1000},
      {"its own origin's earlier offline write",
       item(dot, 7, 0),
       version(3, 90, kB, 4),
       {},
       true,
       true,
       91},
      {"its own origin's offline write of that very number",
       item(dot, 7, 0),
       version(3, 90, kB, 5),
       {},
       false,
       false,
       0},
      {"a consistent write taken before it",
       item(dot, 7, 0),
       version(3, 90, kB, 4, consistent),
       {},
       true,
       true,
       91},
      {"a consistent write taken right before the next number",
       item(dot, 7, 0),
       version(3, 90, kB, 5, consistent),
       {},
       true,
       true,
       91},
      {"a consistent write of its node taken behind it",
       item(dot, 7, 0),
       version(3, 90, kB, 6, consistent),
       {},
       false,
       false,
       0},
      {"another's consistent write, unseen and newer",
       item(dot, 7, 0),
       version(3, 90, kA, 4, consistent),
       {},
       false,
       false,
       0},
      {"an unseen delete that is newer",
       item(dot, 7, 0),
       version(3, 90, kA, 4, WriteKind::offline, true),
       {},
       false,
       false,
       0},
      {"a seen delete",
       item(dot, 7, 3),
       version(3, 90, kA, 4, WriteKind::offline, true),
       {},
       true,
       true,
       91},
      {"moved: what its old origin wrote before it",
       item(dot, 7, 0, {kA, {5}}),
       version(3, 90, kA, 4),
       {},
       true,
       true,
       91},
      {"moved: what its old origin wrote behind it",
       item(dot, 7, 0, {kA, {5}}),
       version(3, 90, kA, 6),
       {},
       false,
       false,
       0},
      {"older than a tombstone that was dropped", item(dot, 7, 2), {}, {{3}, {8}}, false, false, 0},
      {"as old as that", item(dot, 8, 2), {}, {{3}, {8}}, false, false, 0},
      {"newer than all that were dropped", item(dot, 9, 2), {}, {{3}, {8}}, true, true, 9},
      {"it had seen them", item(dot, 7, 3), {}, {{3}, {8}}, true, true, 7},
      {"the floor is for keys without a version",
       item(dot, 7, 2),
       version(2, 5, kA, 1),
       {{3}, {8}},
       true,
       true,
       7},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const Judgement got = judge(row.item, row.committed, row.floor, {1000});
    CHECK(got.wins == row.wins);
    CHECK(got.knew == row.knew);
    CHECK(got.stamp == Stamp{row.stamp});
  }
}

TEST_CASE("a consistent write comes too late only behind a settled write of its own node") {
  struct Late {
    std::string why;
    std::uint64_t reached;
    std::uint64_t settled;
    std::optional<StoredVersion> committed;
    bool overtaken;
  };
  const std::vector<Late> rows = {
      {"no version", 3, 9, {}, false},
      {"a later offline write", 3, 4, version(2, 9, kA, 4), true},
      {"an earlier one", 4, 9, version(2, 9, kA, 4), false},
      {"a later one of another node", 3, 9, version(2, 9, kB, 4), false},
      {"a consistent write behind a later one", 3, 4, version(2, 9, kA, 4, WriteKind::consistent),
       true},
      {"no later one has settled", 3, 3, version(2, 9, kA, 4, WriteKind::consistent), false},
  };
  for (const Late& row : rows) {
    CAPTURE(row.why);
    CHECK(is_overtaken(kA, {row.reached}, {row.settled}, row.committed) == row.overtaken);
  }
}

TEST_CASE("two independent writings of the version rule agree") {
  Random random(20);
  std::size_t won = 0;
  std::size_t lost = 0;
  // Small numbers, so that everything meets everything.
  for (int round = 0; round < 200'000; ++round) {
    const auto below = [&](std::uint64_t bound) { return random.below(bound); };
    crdt::OfflineWrite write = item({{1 + below(3)}, {1 + below(4)}}, 1 + below(12), below(5));
    if (below(4) == 0) write.old_dot = {{4 + below(2)}, {1 + below(4)}};
    std::optional<StoredVersion> committed;
    if (below(8) != 0) {
      committed =
          version(1 + below(5), 1 + below(8), {1 + below(5)}, below(5),
                  below(2) == 0 ? WriteKind::consistent : WriteKind::offline, below(3) == 0);
    }
    const Stamp log_time{9 + below(2)};
    const Judgement model = judge(write, committed, {}, log_time);
    const crdt::Meeting product = crdt::meet(write, committed, log_time);
    REQUIRE(model.wins == product.item_wins);
    REQUIRE(model.knew == product.succession);
    REQUIRE(model.stamp == product.stamp);
    ++(model.wins ? won : lost);
  }
  CHECK(won > 10'000);
  CHECK(lost > 10'000);
}

}  // namespace
}  // namespace causeway::sim
