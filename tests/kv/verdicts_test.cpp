// Verdicts wait for their origin to learn them, and writes that changed origin find theirs.
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "kv/limits.hpp"
#include "kv/machine.hpp"

namespace causeway::kv::testing {
namespace {

using crdt::Verdict;
using crdt::VerdictKind;
using Text = std::optional<std::string>;

TEST_CASE("a verdict is kept until its origin has learnt it, over restarts") {
  Machine machine(kB);
  Proposer proposer(kB);
  const SettleResult first = machine.settle(proposer.batch(
      {{.sequence = 1, .key = "a"}, {.sequence = 2, .key = "b"}, {.sequence = 3, .key = "c"}}));
  machine.restart();
  CHECK(machine.settled().unlearnt == first.verdicts);
  CHECK(machine.settled().chain == first.settled_chain);

  proposer.learnt_through = {2};
  const SettleResult second = machine.settle(proposer.batch({{.sequence = 4, .key = "d"}}));
  machine.restart();
  const std::vector<Verdict> kept = machine.settled().unlearnt;
  REQUIRE(kept.size() == 2);
  CHECK(kept[0] == first.verdicts[2]);
  CHECK(kept[1] == second.verdicts[0]);
}

TEST_CASE("verdicts that nobody learns are bounded: the batch that would exceed that is void") {
  Machine machine(kB);
  Proposer proposer(kB);
  std::uint64_t next = 1;
  const auto items = [&](std::size_t count) {
    std::vector<Offline> result(count);
    for (Offline& item : result) item = {.sequence = next, .key = std::to_string(next)}, ++next;
    return result;
  };
  while (next <= kUnlearntMax) {
    CHECK(machine.settle(proposer.batch(items(kSettleItemsMax))).applied);
  }
  Proposer stuck = proposer;
  CHECK_FALSE(machine.settle(stuck.batch(items(1))).applied);
  next = kUnlearntMax + 1;
  proposer.learnt_through = {1};
  CHECK(machine.settle(proposer.batch(items(1))).applied);
  CHECK(machine.settled().unlearnt.size() == kUnlearntMax);
}

// A directory was copied when kA had settled 1 and 2 and held 3 and 4. The copy takes the origin kB
// and proposes what it has under that; every record keeps the dot it had.
struct Moved {
  Machine machine{kB};
  Proposer original{kA};
  std::vector<std::uint64_t> chains;

  explicit Moved(std::uint64_t settled) {
    for (std::uint64_t n = 1; n <= settled; ++n) {
      machine.settle(original.batch({{.sequence = n, .key = key(n), .value = "original"}}));
      chains.push_back(original.chain());
    }
  }
  static std::string key(std::uint64_t n) { return "k" + std::to_string(n); }
};

TEST_CASE("a write that changed origin settles once, under whichever dot came first") {
  struct Row {
    std::string why;
    std::uint64_t old_sequence;
    Text moved;
    bool verdict_kept;
    VerdictKind verdict;
    Text value;
  };
  // The original has settled 1 to 4.
  const std::vector<Row> rows = {
      {"it settled before: its verdict then", 3, "original", true, VerdictKind::won, "newer"},
      {"it settled before, and the verdict was learnt", 3, "original", false, VerdictKind::rejected,
       "newer"},
      {"another write under that number", 3, "copy", true, VerdictKind::won, "copy"},
      {"a number that the original has not settled", 5, "copy", true, VerdictKind::won, "copy"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Moved moved(4);
    if (!row.verdict_kept) {
      moved.original.learnt_through = {4};
      moved.machine.settle(moved.original.batch({}));
    }
    // Applied twice, the write would show again.
    moved.machine.settle(moved.original.batch({{.sequence = 9, .key = "k3", .value = "newer"}}));
    moved.machine.restart();
    const SettleResult result =
        moved.machine.settle(Proposer(kB).batch({{.key = "k3",
                                                  .value = *row.moved,
                                                  .stamp = UINT64_MAX,
                                                  .old_dot = {kA, {row.old_sequence}},
                                                  .old_chain = 77}}));
    CHECK(result.applied);
    REQUIRE(kinds(result.verdicts) == std::vector{row.verdict});
    CHECK(result.verdicts[0].sequence == Sequence{1});
    if (row.verdict == VerdictKind::rejected) CHECK_FALSE(result.verdicts[0].reason.empty());
    CHECK(moved.machine.get("k3").value == row.value);
    if (row.value == "newer") {
      CHECK(moved.machine.conflicts().empty());
      if (row.verdict_kept) CHECK(result.verdicts[0].winner.origin == kA);
    }
  }
}

TEST_CASE("what overlaps a history that is no longer kept is rejected, never applied twice") {
  const std::uint64_t settled = kChainHistoryMin + 10;
  Moved moved(0);
  moved.original.learnt_through = {2 * settled};
  for (std::uint64_t n = 1; n <= settled; ++n) {
    moved.machine.settle(moved.original.batch({{.sequence = 2 * n, .key = Moved::key(n)}}));
    moved.chains.push_back(moved.original.chain());
  }
  moved.machine.settle(moved.original.batch({}));
  moved.machine.restart();
  const auto old = [&](std::uint64_t sequence, std::uint64_t n) {
    return Offline{.key = sequence == 21 ? "x21" : Moved::key(sequence / 2),
                   .old_dot = {kA, {sequence}},
                   .old_chain = moved.chains[n - 1]};
  };
  // Numbers 2, 4, ... were settled; the newest 1024 pairs are kept, that is from number 22 on.
  std::vector<Offline> items = {old(2, 1), old(20, 10), old(21, 10), old(22, 11),
                                old(2 * settled, settled)};
  for (std::uint64_t n = 0; n < items.size(); ++n) items[n].sequence = n + 1;
  const SettleResult result = moved.machine.settle(Proposer(kB).batch(items));
  CHECK(kinds(result.verdicts) == std::vector{VerdictKind::rejected, VerdictKind::rejected,
                                              VerdictKind::won, VerdictKind::rejected,
                                              VerdictKind::rejected});
  // Only of what is *perhaps* settled might something be lost: 2, 20, and 22, whose predecessor is
  // forgotten.
  CHECK(moved.machine.conflicts().size() == 3);
  CHECK(moved.machine.get("x21").value == "v");
  CHECK(moved.machine.get("x2").value == std::nullopt);
}

}  // namespace
}  // namespace causeway::kv::testing
