// The version rule of design 3.2, row by row, and the laws of the order behind it.
// version_history_test.cpp holds it against whole histories.
#include "crdt/version.hpp"

#include <vector>

#include <doctest/doctest.h>

namespace causeway::crdt {
namespace {

constexpr Origin kMine{10};
constexpr Origin kOther{20};
constexpr Origin kLower{5};
constexpr Stamp kLogTime{1000};

OfflineWrite item(std::uint64_t sequence, std::uint64_t stamp, std::uint64_t seen) {
  OfflineWrite write;
  write.dot = {kMine, {sequence}};
  write.stamp = {stamp};
  write.seen = {{seen}, {}};
  write.key = "door";
  return write;
}

OfflineWrite moved(OfflineWrite write, Origin old_origin) {
  write.old_dot = {old_origin, write.dot.sequence};
  return write;
}

StoredVersion offline(std::uint64_t revision, std::uint64_t stamp, Origin origin,
                      std::uint64_t sequence, bool tombstone = false) {
  return {.revision = {revision},
          .stamp = {stamp},
          .origin = origin,
          .sequence = {sequence},
          .kind = WriteKind::offline,
          .tombstone = tombstone};
}

StoredVersion consistent(std::uint64_t revision, std::uint64_t stamp, Origin origin,
                         std::uint64_t sequence) {
  StoredVersion version = offline(revision, stamp, origin, sequence);
  version.kind = WriteKind::consistent;
  return version;
}

constexpr Meeting succeeds(std::uint64_t stamp) { return {true, true, {stamp}}; }
constexpr Meeting beats(std::uint64_t stamp) { return {true, false, {stamp}}; }
constexpr Meeting loses() { return {false, false, {}}; }

TEST_CASE(
    "the version rule: succession where it was seen, else the greater (stamp, origin, sequence)") {
  struct Row {
    const char* why;
    OfflineWrite item;
    std::optional<StoredVersion> committed;
    Meeting want;
  };
  const std::vector<Row> rows = {
      // Nothing there.
      {"a key that never had a version", item(1, 500, 0), std::nullopt, succeeds(500)},
      {"a clock of 2046: what is applied is log time", item(1, 5000, 0), std::nullopt,
       succeeds(1000)},
      {"a stamp of 0 counts as the oldest", item(1, 0, 0), std::nullopt, succeeds(1)},

      // Seen: clocks do not count.
      {"it had seen it", item(1, 500, 7), offline(7, 400, kOther, 1), succeeds(500)},
      {"seen, with a clock of 1970: the stamp is raised", item(1, 3, 7), offline(7, 400, kOther, 1),
       succeeds(401)},
      {"seen, with the same stamp: raised, a key's stamps rise", item(1, 400, 7),
       offline(7, 400, kOther, 1), succeeds(401)},
      {"seen, of a consistent write", item(1, 3, 9), consistent(7, 400, kOther, 1), succeeds(401)},
      {"seen, a delete", item(1, 3, 7), offline(7, 400, kOther, 1, true), succeeds(401)},
      {"seen, and raised up to log time", item(1, 3, 7), offline(7, 999, kOther, 1),
       succeeds(1000)},

      // Not seen: the greater version.
      {"newer stamp", item(1, 500, 6), offline(7, 400, kOther, 1), beats(500)},
      {"older stamp", item(1, 300, 6), offline(7, 400, kOther, 1), loses()},
      {"an unseen newer delete wins", item(1, 300, 6), offline(7, 400, kOther, 1, true), loses()},
      {"an unseen older delete loses", item(1, 500, 6), offline(7, 400, kOther, 1, true),
       beats(500)},
      {"same stamp, lower origin loses", item(1, 400, 6), offline(7, 400, kOther, 1), loses()},
      {"same stamp, higher origin wins, and is raised", item(1, 400, 6), offline(7, 400, kLower, 9),
       beats(401)},
      {"a consistent write has log time as stamp", item(1, 500, 6), consistent(7, 400, kOther, 1),
       beats(500)},
      {"a stamp ahead of log time is cut before it is compared", item(1, 5000, 6),
       offline(7, 999, kOther, 1), beats(1000)},

      // The node's own order.
      {"an own earlier offline write, settled, not applied here yet", item(2, 3, 6),
       offline(7, 400, kMine, 1), succeeds(401)},
      {"an own later offline write is not overtaken by number", item(1, 300, 6),
       offline(7, 400, kMine, 2), loses()},
      {"an own consistent write taken before, in doubt then", item(2, 3, 6),
       consistent(7, 400, kMine, 1), succeeds(401)},
      {"a number that a crash took back is given again: not higher is before", item(2, 3, 6),
       consistent(7, 400, kMine, 2), succeeds(401)},
      {"an own consistent write taken after more writes", item(2, 300, 6),
       consistent(7, 400, kMine, 3), loses()},
      {"the same number of another origin says nothing", item(2, 300, 6),
       offline(7, 400, kOther, 1), loses()},

      // Under a new origin.
      {"an earlier write under the old origin", moved(item(5, 3, 6), kOther),
       offline(7, 400, kOther, 4), succeeds(401)},
      {"a later one under the old origin, by the original", moved(item(5, 300, 6), kOther),
       offline(7, 400, kOther, 6), loses()},
      {"an old origin that is another's", moved(item(5, 300, 6), kLower),
       offline(7, 400, kOther, 4), loses()},
      {"no old origin: 0 is nobody", item(5, 300, 6), offline(7, 400, Origin{0}, 4), loses()},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const Meeting got = meet(row.item, row.committed, kLogTime);
    CHECK(got.item_wins == row.want.item_wins);
    CHECK(got.succession == row.want.succession);
    CHECK(got.stamp == row.want.stamp);
  }
}

// A small world of unseen writes: the last-writer-wins register must be a join of a total order
// (invariant 25).
std::vector<StoredVersion> small_world() {
  std::vector<StoredVersion> all;
  for (std::uint64_t stamp = 1; stamp <= 4; ++stamp) {
    for (std::uint64_t origin = 1; origin <= 3; ++origin) {
      // An origin numbers its writes in the order of its stamps, two of them with the same stamp.
      for (std::uint64_t sequence : {2 * stamp, 2 * stamp + 1}) {
        all.push_back(offline(stamp, stamp, {origin}, sequence));
      }
    }
  }
  return all;
}

bool wins(const StoredVersion& a, const StoredVersion& over) {
  OfflineWrite write;
  write.dot = {a.origin, a.sequence};
  write.stamp = a.stamp;
  return meet(write, over, kLogTime).item_wins;
}

const StoredVersion& join(const StoredVersion& a, const StoredVersion& b) {
  return wins(a, b) ? a : b;
}

TEST_CASE("of two unseen writes exactly one wins, whichever comes first; nothing beats itself") {
  const auto all = small_world();
  for (const StoredVersion& a : all) {
    CHECK_FALSE(wins(a, a));
    for (const StoredVersion& b : all) {
      if (a == b) continue;
      CHECK(wins(a, b) != wins(b, a));
      CHECK(join(a, b) == join(b, a));
    }
  }
}

TEST_CASE("the register's merge is associative and its order transitive") {
  const auto all = small_world();
  for (const StoredVersion& a : all) {
    for (const StoredVersion& b : all) {
      for (const StoredVersion& c : all) {
        REQUIRE(join(join(a, b), c) == join(a, join(b, c)));
        if (wins(a, b) && wins(b, c)) REQUIRE(wins(a, c));
      }
    }
  }
}

// ---- the chain

TEST_CASE("the chain tells every part of a write, and its place") {
  OfflineWrite base = item(3, 500, 6);
  base.value = Blob::copy_of("open");
  const std::uint64_t chain = chain_after(0, base);
  CHECK(chain_after(0, base) == chain);
  CHECK(chain_after(1, base) != chain);

  const auto changed = [&](auto change) {
    OfflineWrite other = base;
    change(other);
    return chain_after(0, other);
  };
  CHECK(changed([](auto& w) { w.dot.sequence = {4}; }) != chain);
  CHECK(changed([](auto& w) { w.key = "doors"; }) != chain);
  CHECK(changed([](auto& w) { w.value = Blob::copy_of("opem"); }) != chain);
  CHECK(changed([](auto& w) { w.value = {}; }) != chain);
  CHECK(changed([](auto& w) {
          w.value = {};
          w.deleted = true;
        }) != changed([](auto& w) { w.value = {}; }));
  // A byte that moves from the key to the value makes another write.
  CHECK(changed([](auto& w) {
          w.key = "doo";
          w.value = Blob::copy_of("ropen");
        }) != chain);

  // What is not part of what was written does not count: stamps may be corrected, origins change.
  CHECK(changed([](auto& w) { w.stamp = {1}; }) == chain);
  CHECK(changed([](auto& w) { w.seen = {{1}, {1}}; }) == chain);
  CHECK(changed([](auto& w) { w.replaces = {1}; }) == chain);
  CHECK(changed([](auto& w) { w.dot.origin = kOther; }) == chain);
}

TEST_CASE("a write that changed its origin is recognised in the history of the old one") {
  // The copy holds 1, 2 and 3. The original replaced 2 after the copy was made, and settled 1, 3
  // and 4.
  const OfflineWrite one = item(1, 1, 0);
  const OfflineWrite three = item(3, 3, 0);
  const std::uint64_t at_one = chain_after(0, one);
  const std::uint64_t at_three = chain_after(at_one, three);

  OfflineWrite copy = three;
  copy.old_dot = three.dot;
  copy.dot = {kOther, {3}};
  CHECK(is_settled_as(copy, at_one, at_three));
  CHECK_FALSE(is_settled_as(copy, at_one, chain_after(at_one, item(4, 3, 0))));
  copy.value = Blob::copy_of("what the copy wrote under that number");
  CHECK_FALSE(is_settled_as(copy, at_one, at_three));
}

TEST_CASE("two chains that took the same writes in another order differ") {
  const OfflineWrite a = item(1, 1, 0);
  const OfflineWrite b = item(2, 2, 0);
  CHECK(chain_after(chain_after(0, a), b) != chain_after(chain_after(0, b), a));
}

}  // namespace
}  // namespace causeway::crdt
