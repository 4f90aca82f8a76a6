// Offline writes become committed ones: in order, each exactly once, and nobody loses silently.
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "kv/limits.hpp"
#include "kv/machine.hpp"
#include "kv/table_keys.hpp"

namespace causeway::kv::testing {
namespace {

using crdt::VerdictKind;
using Text = std::optional<std::string>;

// An item of kB's, sequence 1, meets what a consistent write left. Log times are 1000 an index.
TEST_CASE("an offline write that meets a committed version: the rule's outcome, and who is told") {
  struct Row {
    std::string why;
    CommandKind committed_kind;
    Origin committed_by;
    Offline item;
    VerdictKind verdict;
    bool conflict;
    std::uint64_t stamp;  // of what stands there afterwards
  };
  // The committed write stands at index 3, stamp 3000; the item's entry is index 4.
  const std::vector<Row> rows = {
      {"it had seen what it overwrites",
       CommandKind::set,
       kA,
       {.stamp = 100, .seen = 3},
       VerdictKind::won,
       false,
       3001},
      {"seen, and a greater stamp",
       CommandKind::set,
       kA,
       {.stamp = 3500, .seen = 3},
       VerdictKind::won,
       false,
       3500},
      {"unseen, a greater stamp",
       CommandKind::set,
       kA,
       {.stamp = 3500, .seen = 2},
       VerdictKind::won,
       true,
       3500},
      {"unseen, a lower stamp",
       CommandKind::set,
       kA,
       {.stamp = 2999, .seen = 2},
       VerdictKind::superseded,
       true,
       3000},
      {"an equal stamp, a greater origin",
       CommandKind::set,
       kA,
       {.stamp = 3000, .seen = 2},
       VerdictKind::won,
       true,
       3001},
      {"a clock of 2046 counts as now",
       CommandKind::set,
       kA,
       {.stamp = UINT64_MAX, .seen = 2},
       VerdictKind::won,
       true,
       4000},
      {"a clock of 1970 over what it had seen",
       CommandKind::set,
       kA,
       {.stamp = 0, .seen = 3},
       VerdictKind::won,
       false,
       3001},
      {"an unseen delete with a lower stamp",
       CommandKind::remove,
       kA,
       {.stamp = 2999, .seen = 2},
       VerdictKind::superseded,
       true,
       3000},
      {"an unseen delete with a greater stamp loses",
       CommandKind::remove,
       kA,
       {.stamp = 3500, .seen = 2},
       VerdictKind::won,
       true,
       3500},
      {"a delete meets a newer value",
       CommandKind::set,
       kA,
       {.deleted = true, .stamp = 2999, .seen = 2},
       VerdictKind::superseded,
       true,
       3000},
      {"a delete meets an older value",
       CommandKind::set,
       kA,
       {.deleted = true, .stamp = 3500, .seen = 2},
       VerdictKind::won,
       true,
       3500},
      {"two deletes",
       CommandKind::remove,
       kA,
       {.deleted = true, .stamp = 2999, .seen = 2},
       VerdictKind::superseded,
       true,
       3000},
      {"its own node's earlier consistent write",
       CommandKind::set,
       kB,
       {.stamp = 1, .seen = 0},
       VerdictKind::won,
       false,
       3001},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Machine machine(kB);
    machine.apply({encode(Start{.origin = kA, .incarnation = kFirst, .number = 1}),
                   encode(Start{.origin = kB, .incarnation = kFirst, .number = 1})});
    machine.apply(
        {command({.kind = row.committed_kind, .value = "old", .origin = row.committed_by})});
    const GetResult before = machine.get("k");
    Proposer proposer(kB);
    const SettleResult result = machine.settle(proposer.batch({row.item}));
    const GetResult after = machine.get("k");

    CHECK(result.applied);
    REQUIRE(kinds(result.verdicts) == std::vector{row.verdict});
    CHECK(result.settled_through == Sequence{1});
    CHECK(result.settled_chain == proposer.chain());
    CHECK(result.verdicts[0].sequence == Sequence{1});
    CHECK(result.verdicts[0].winner == after.version);
    REQUIRE(after.version.has_value());
    CHECK(after.version->stamp == Stamp{row.stamp});

    const bool won = row.verdict == VerdictKind::won;
    const Text item_value = row.item.deleted ? Text{} : Text{row.item.value};
    CHECK(after.value == (won ? item_value : before.value));
    if (won) {
      CHECK(after.version->revision == LogIndex{4});
      CHECK(after.version->kind == crdt::WriteKind::offline);
      CHECK(after.version->origin == kB);
      CHECK(after.version->sequence == Sequence{1});
      CHECK(after.version->tombstone == row.item.deleted);
    }
    const std::vector<Conflict> conflicts = machine.conflicts();
    REQUIRE(conflicts.size() == (row.conflict ? 1 : 0));
    if (!row.conflict) continue;
    CHECK(conflicts[0].key == "k");
    CHECK(conflicts[0].verdict == VerdictKind::superseded);
    CHECK(conflicts[0].won == after.version);
    CHECK(conflicts[0].won_value == after.value);
    CHECK(conflicts[0].lost_value == (won ? before.value : item_value));
    CHECK(conflicts[0].lost.origin == (won ? kA : kB));
    CHECK(conflicts[0].lost.tombstone == (won ? before.version->tombstone : row.item.deleted));
    if (!won) CHECK(conflicts[0].lost.stamp == Stamp{row.item.stamp});
  }
}

TEST_CASE("a batch that does not follow the state exactly is void and changes nothing") {
  struct Row {
    std::string why;
    std::function<void(Settle&)> change;
    bool applied;
  };
  const auto item = [](Offline of) { return offline(of); };
  // The state has settled kB's writes 2 and 5; the batch holds 6 and 8.
  const std::vector<Row> rows = {
      {"as it should be", [](Settle&) {}, true},
      {"without items: it only says what was learnt", [](Settle& s) { s.items.clear(); }, true},
      {"behind a batch that was lost", [](Settle& s) { s.follows = {6}; }, false},
      {"the same batch again, as it stood before", [](Settle& s) { s.follows = {2}; }, false},
      {"from the beginning", [](Settle& s) { s.follows = {0}, s.chain = 0; }, false},
      {"another history", [](Settle& s) { s.chain ^= 1; }, false},
      {"another origin", [](Settle& s) { s.origin = {0xbb}; }, false},
      {"an item that is settled", [](Settle& s) { s.items[0].dot.sequence = {5}; }, false},
      {"items out of order", [](Settle& s) { std::swap(s.items[0], s.items[1]); }, false},
      {"a number twice", [](Settle& s) { s.items[1].dot.sequence = {6}; }, false},
      {"a key twice", [](Settle& s) { s.items[1].key = s.items[0].key; }, false},
      {"as many items as an entry may hold",
       [&](Settle& s) {
         for (std::uint64_t n = 9; s.items.size() < kSettleItemsMax; ++n) {
           s.items.push_back(item({.sequence = n, .key = std::to_string(n)}));
         }
       },
       true},
      {"one more",
       [&](Settle& s) {
         for (std::uint64_t n = 9; s.items.size() <= kSettleItemsMax; ++n) {
           s.items.push_back(item({.sequence = n, .key = std::to_string(n)}));
         }
       },
       false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Machine machine(kB);
    Proposer proposer(kB);
    CHECK(machine.settle(proposer.batch({{.sequence = 2, .key = "a"}, {.sequence = 5, .key = "b"}}))
              .applied);
    const std::uint64_t chain = proposer.chain();
    Settle batch = proposer.batch({{.sequence = 6, .key = "c"}, {.sequence = 8, .key = "d"}});
    batch.learnt_through = {5};
    row.change(batch);
    for (OfflineWrite& each : batch.items) each.dot.origin = batch.origin;
    const MapTable::Rows before = machine.table.replicated();
    const Applied applied = machine.apply({encode(batch)});

    CHECK(machine.get("c").value.has_value() == (row.applied && !batch.items.empty()));
    const SettledState state = machine.settled();
    if (row.applied) {
      CHECK(state.through == (batch.items.empty() ? Sequence{5} : batch.items.back().dot.sequence));
      CHECK(state.unlearnt.size() == batch.items.size());
      CHECK(applied.settles[0].number == batch.number);
      CHECK(applied.settles[0].verdicts == state.unlearnt);
      CHECK(applied.settles[0].settled_chain == state.chain);
      continue;
    }
    CHECK(state.through == Sequence{5});
    CHECK(state.chain == chain);
    CHECK(state.unlearnt.size() == 2);  // a void batch frees no verdict either
    MapTable::Rows after = machine.table.replicated();
    after[std::string(keys::kApplied)] = before.at(std::string(keys::kApplied));
    CHECK(after == before);
    if (batch.origin != kB) continue;
    REQUIRE(applied.settles.size() == 1);
    CHECK_FALSE(applied.settles[0].applied);
    CHECK(applied.settles[0].verdicts.empty());
    CHECK(applied.settles[0].incarnation == batch.incarnation);
    CHECK(applied.settles[0].number == batch.number);
    CHECK(applied.settles[0].follows == batch.follows);
    CHECK(applied.settles[0].settled_through == Sequence{5});
    CHECK(applied.settles[0].settled_chain == chain);
  }
}

TEST_CASE("a batch that is proposed twice settles once, also when a consistent set came between") {
  Machine machine(kB);
  machine.apply({encode(Start{.origin = kA, .incarnation = kFirst, .number = 1})});
  const Settle batch = Proposer(kB).batch({{.value = "offline", .stamp = UINT64_MAX}});
  CHECK(machine.settle(batch).applied);
  machine.apply({command({.value = "consistent"})});
  CHECK_FALSE(machine.settle(batch).applied);
  CHECK(machine.get("k").value == "consistent");
}

TEST_CASE("an item that cannot be applied is rejected with a reason and does not block the next") {
  struct Row {
    std::string why;
    std::function<void(OfflineWrite&)> change;
  };
  const std::vector<Row> rows = {
      {"no key", [](OfflineWrite& w) { w.key.clear(); }},
      {"a long key", [](OfflineWrite& w) { w.key = std::string(kKeyBytesMax + 1, 'k'); }},
      {"a large value",
       [](OfflineWrite& w) { w.value = Blob::copy_of(std::string(kValueBytesMax + 1, 'v')); }},
      {"an expiry", [](OfflineWrite& w) { w.expires_ms = 1; }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Machine machine(kB);
    Settle batch = Proposer(kB).batch({{.sequence = 1}, {.sequence = 2, .key = "next"}});
    row.change(batch.items[0]);
    const SettleResult result = machine.settle(batch);
    CHECK(result.applied);
    REQUIRE(kinds(result.verdicts) == std::vector{VerdictKind::rejected, VerdictKind::won});
    CHECK_FALSE(result.verdicts[0].reason.empty());
    CHECK(result.settled_through == Sequence{2});
    CHECK(machine.get("k").value == std::nullopt);
    CHECK(machine.get("next").value == "v");
    CHECK(machine.settled().unlearnt == result.verdicts);
    const std::vector<Conflict> conflicts = machine.conflicts();
    REQUIRE(conflicts.size() == 1);
    CHECK(conflicts[0].verdict == VerdictKind::rejected);
    CHECK(conflicts[0].reason == result.verdicts[0].reason);
  }
}

TEST_CASE("offline writes of one origin settle in the order in which they were made") {
  Machine machine(kB);
  Proposer proposer(kB);
  // Stamps fall: its own clock went back. Dots order the writes of one origin.
  machine.settle(proposer.batch({{.sequence = 1, .value = "one", .stamp = 900}}));
  machine.settle(proposer.batch({{.sequence = 2, .value = "two", .stamp = 300}}));
  CHECK(machine.get("k").value == "two");
  CHECK(machine.get("k").version->stamp == Stamp{901});
  CHECK(machine.conflicts().empty());
}

TEST_CASE("a settle batch sees consistent writes that stand before it in the same step") {
  Machine machine(kB);
  machine.apply({encode(Start{.origin = kA, .incarnation = kFirst, .number = 1})});
  const Applied applied = machine.apply({
      command({.value = "consistent"}),
      encode(Proposer(kB).batch({{.value = "offline", .stamp = 1, .seen = 1}})),
  });
  REQUIRE(applied.settles.size() == 1);
  CHECK(kinds(applied.settles[0].verdicts) == std::vector{VerdictKind::superseded});
  CHECK(machine.get("k").value == "consistent");
}

}  // namespace
}  // namespace causeway::kv::testing
