// The reconciler step by step: what it is told, and what it wants done. Each case is a schedule
// with the answer that the design gives to it; reconcile_model_test.cpp tries all the others.
#include "reconcile/reconciler.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace causeway::reconcile {
namespace {

using crdt::OfflineWrite;
using crdt::VerdictKind;
using std::chrono::milliseconds;

constexpr Origin kOrigin{7};

OfflineWrite record(std::uint64_t sequence, std::string key = {}, std::string_view value = "v") {
  OfflineWrite write;
  write.dot = {kOrigin, {sequence}};
  write.stamp = {100 + sequence};
  write.key = key.empty() ? "k" + std::to_string(sequence) : std::move(key);
  write.value = Blob::copy_of(value);
  return write;
}

std::vector<OfflineWrite> records(std::uint64_t from, std::uint64_t through) {
  std::vector<OfflineWrite> result;
  for (; from <= through; ++from) result.push_back(record(from));
  return result;
}

/// Where the state stands behind `writes`.
Position behind(const std::vector<OfflineWrite>& writes, Position from = {}) {
  for (const OfflineWrite& write : writes)
    from = {write.dot.sequence, crdt::chain_after(from.chain, write)};
  return from;
}
Position behind(std::uint64_t through) { return behind(records(1, through)); }

std::vector<crdt::Verdict> won(std::uint64_t from, std::uint64_t through) {
  std::vector<crdt::Verdict> verdicts;
  for (; from <= through; ++from) {
    verdicts.push_back({.sequence = {from},
                        .kind = VerdictKind::won,
                        .winner = {},
                        .replaced_by = {},
                        .reason = {}});
  }
  return verdicts;
}

/// A reconciler, the time, and everything it wants as one line.
class Bench {
 public:
  explicit Bench(std::uint64_t reached, Position learnt = {}, Options options = {})
      : reconciler_(options, learnt, {reached}) {}

  std::string majority(bool reachable) {
    reconciler_.majority(now_, reachable, effects_);
    return take();
  }
  std::string wrote(std::uint64_t given_out, std::uint64_t durable) {
    reconciler_.wrote(now_, {given_out}, {durable}, effects_);
    return take();
  }
  std::string standing(Position settled, std::uint64_t applied = 10,
                       std::vector<crdt::Verdict> unlearnt = {}) {
    reconciler_.standing(now_, {settled, {applied}, std::move(unlearnt)}, effects_);
    return take();
  }
  std::string listed(std::vector<OfflineWrite> writes, bool end = true) {
    return listed_as(lists_, std::move(writes), end);
  }
  std::string listed_as(std::uint64_t id, std::vector<OfflineWrite> writes, bool end = true) {
    reconciler_.listed(now_, id, std::move(writes), end, effects_);
    return take();
  }
  std::string applied(std::uint64_t index, std::uint64_t follows, Position settled,
                      std::vector<crdt::Verdict> verdicts = {}) {
    reconciler_.outcome(now_, {{index}, true, {follows}, settled, std::move(verdicts)}, effects_);
    return take();
  }
  std::string is_void(std::uint64_t index, std::uint64_t follows, Position settled) {
    reconciler_.outcome(now_, {{index}, false, {follows}, settled, {}}, effects_);
    return take();
  }
  std::string dropped(BatchId id) {
    reconciler_.dropped(now_, id, effects_);
    return take();
  }
  std::string learnt(std::uint64_t through) {
    reconciler_.learnt(now_, {through}, effects_);
    return take();
  }
  std::string wait(Duration time) {
    now_ = now_ + time;
    reconciler_.tick(now_, effects_);
    return take();
  }
  /// Until the next deadline; empty effects if there is none.
  std::string wait_until_due() {
    if (idle()) return "idle";
    return wait(reconciler_.next_deadline() - now_);
  }
  bool idle() const { return reconciler_.next_deadline() == Instant::never(); }
  Duration due_in() const { return reconciler_.next_deadline() - now_; }
  std::string phase() const { return std::string(name_of(reconciler_.phase())); }
  std::size_t in_flight() const { return reconciler_.batches_in_flight(); }

 private:
  std::string take() {
    reconciler_.check_invariants();
    if (effects_.list) lists_ = effects_.list->id;
    std::string text = to_string(effects_);
    effects_.clear();
    return text;
  }

  Reconciler reconciler_;
  Instant now_{std::chrono::seconds(100)};
  Effects effects_;
  std::uint64_t lists_ = 0;
};

/// Compared, at position 0, with `reached` records still to settle, the first list asked for.
Bench settling(std::uint64_t reached, Options options = {}) {
  Bench bench(reached, {}, options);
  CHECK(bench.majority(true) == "ask");
  CHECK(bench.standing({}) == "pin through " + std::to_string(reached) + "; list from 1 at most " +
                                  std::to_string(options.batch_items_max));
  return bench;
}

TEST_CASE("the plain way: compare, list, propose, take the verdicts; then nothing is due") {
  Bench b(3);
  CHECK(b.idle());
  CHECK(b.majority(true) == "ask");
  CHECK(b.standing({}) == "pin through 3; list from 1 at most 512");
  CHECK(b.listed(records(1, 3)) == "propose #1 behind 0: 1 2 3 learnt 0");
  CHECK(b.applied(11, 0, behind(3), won(1, 3)) == "decided through 3 at 11 1:won 2:won 3:won");
  CHECK(b.idle());
  CHECK(b.learnt(3) == "");
  CHECK(b.idle());
}

TEST_CASE("an idle node asks once in its life, and proposes nothing") {
  Bench b(0);
  CHECK(b.majority(true) == "ask");
  CHECK(b.standing({}) == "");
  CHECK(b.phase() == "settling");
  CHECK(b.majority(false) == "");
  CHECK(b.majority(true) == "");
  CHECK(b.idle());
}

TEST_CASE("without a majority nothing is asked, listed or proposed") {
  Bench b(3);
  CHECK(b.wrote(4, 4) == "");
  CHECK(b.idle());
  CHECK(b.majority(true) == "ask");
  CHECK(b.majority(false) == "");
  CHECK(b.standing({}) == "");  // the answer may come late: reads of the own state need no majority
  CHECK(b.idle());
  CHECK(b.majority(true) == "");
  CHECK(b.due_in() == milliseconds(50));
  CHECK(b.wait_until_due() == "pin through 4; list from 1 at most 512");
  CHECK(b.majority(false) == "");
  CHECK(b.listed(records(1, 4)) == "");
  CHECK(b.majority(true) == "");
  CHECK(b.wait_until_due() == "propose #1 behind 0: 1 2 3 4 learnt 0");
}

TEST_CASE("a write made while a majority is there settles at once") {
  Bench b = settling(1);
  CHECK(b.listed(records(1, 1)) == "propose #1 behind 0: 1 learnt 0");
  CHECK(b.wrote(2, 1) == "pin through 2");
  CHECK(b.wrote(3, 2) == "list from 2 at most 512");
  // 3 is in the index by the time of the list, but it may still be replaced: it waits for the next
  // pin.
  CHECK(b.listed(records(2, 3)) == "pin through 3; propose #2 behind 1: 2 learnt 0");
  CHECK(b.wrote(3, 3) == "list from 3 at most 512");
}

TEST_CASE(
    "only what is durable is listed for proposing, and all that was given out when it was pinned") {
  Bench b(2);
  CHECK(b.wrote(5, 2) == "");
  CHECK(b.majority(true) == "ask");
  CHECK(b.standing({}) ==
        "pin through 5");  // 3 to 5 may replace 1 or 2, and a crash may still undo that
  CHECK(b.wrote(6, 4) == "");
  CHECK(b.wrote(7, 5) == "list from 1 at most 512");
}

TEST_CASE("batches are pipelined: each continues the one before, and not too many") {
  Bench b = settling(9, {.batch_items_max = 2, .batches_in_flight_max = 3});
  CHECK(b.listed(records(1, 2), false) ==
        "list from 3 at most 2; propose #1 behind 0: 1 2 learnt 0");
  CHECK(b.listed(records(3, 4), false) ==
        "list from 5 at most 2; propose #2 behind 2: 3 4 learnt 0");
  CHECK(b.listed(records(5, 6), false) == "propose #3 behind 4: 5 6 learnt 0");
  CHECK(b.in_flight() == 3);
  CHECK(b.applied(11, 0, behind(2), won(1, 2)) ==
        "decided through 2 at 11 1:won 2:won; list from 7 at most 2");
  CHECK(b.learnt(2) == "");
  CHECK(b.listed(records(7, 8), false) == "propose #4 behind 6: 7 8 learnt 2");
}

TEST_CASE("an entry holds one version of a key: a second write of it opens the next batch") {
  Bench b = settling(4);
  CHECK(b.listed({record(1, "a"), record(2, "b"), record(3, "a"), record(4, "c")}) ==
        "propose #1 behind 0: 1 2 learnt 0; propose #2 behind 2: 3 4 learnt 0");
}

TEST_CASE(
    "a batch proposed to a leader that dies, and the next one to its successor: nothing is "
    "skipped") {
  Bench b = settling(6, {.batch_items_max = 2});
  CHECK(b.listed(records(1, 2), false) ==
        "list from 3 at most 2; propose #1 behind 0: 1 2 learnt 0");
  CHECK(b.listed(records(3, 4), false) ==
        "list from 5 at most 2; propose #2 behind 2: 3 4 learnt 0");
  // The first is lost; the second reaches the new leader, whose log does not hold what it follows.
  CHECK(b.dropped(1) == "");
  CHECK(b.phase() == "draining");
  CHECK(b.listed(records(5, 6)) == "");  // nothing goes out before the fate of all is known
  CHECK(b.idle());
  CHECK(b.is_void(11, 2, {}) == "");
  CHECK(b.phase() == "resting");
  CHECK(b.wait_until_due() == "ask");
  CHECK(b.standing({}, 12) == "list from 1 at most 2");
  CHECK(b.listed(records(1, 2), false) ==
        "list from 3 at most 2; propose #3 behind 0: 1 2 learnt 0");
}

TEST_CASE("the fates of a lost pipeline in any order: it waits for all of them") {
  Bench b = settling(6, {.batch_items_max = 2});
  CHECK(b.listed(records(1, 2), false).find("#1") != std::string::npos);
  CHECK(b.listed(records(3, 4), false).find("#2") != std::string::npos);
  CHECK(b.listed(records(5, 6), true).find("#3") != std::string::npos);
  CHECK(b.dropped(2) == "");
  CHECK(b.dropped(3) == "");
  // The first was not lost at all.
  CHECK(b.applied(11, 0, behind(2), won(1, 2)) == "decided through 2 at 11 1:won 2:won");
  CHECK(b.phase() == "resting");
  CHECK(b.wait_until_due() == "ask");
  CHECK(b.standing(behind(2), 12) == "list from 3 at most 2");
}

TEST_CASE(
    "a proposed batch, kill -9, a new set of the same key, and then the old proposal commits") {
  // After the restart: record 1 is pending (and never coalesced), 2 is a new write of its key.
  const std::vector<OfflineWrite> both = {record(1, "door", "shut"), record(2, "door", "open")};
  const Position one = behind({both[0]});
  Bench b(1);
  CHECK(b.wrote(2, 2) == "");
  CHECK(b.majority(true) == "ask");

  SUBCASE("before the state was read") {
    CHECK(b.applied(9, 0, one, won(1, 1)) == "");  // noted: no verdict before the comparison
    CHECK(b.standing(one, 10, won(1, 1)) == "list from 1 at most 512");
    CHECK(b.listed(both) ==
          "decided through 1 at 10 1:won; pin through 2; list from 2 at most 512");
    CHECK(b.listed({both[1]}) == "propose #1 behind 1: 2 learnt 0");
  }
  SUBCASE("after the state was read, before it was proposed again") {
    CHECK(b.standing({}, 10) == "pin through 2; list from 1 at most 512");
    CHECK(b.applied(11, 0, one, won(1, 1)) == "");
    CHECK(b.phase() == "resting");
    CHECK(b.listed(both) == "");
    CHECK(b.wait_until_due() == "ask");
    CHECK(b.standing(one, 11, won(1, 1)) == "list from 1 at most 512");
    CHECK(b.listed(both) == "decided through 1 at 11 1:won; list from 2 at most 512");
    CHECK(b.listed({both[1]}) == "propose #1 behind 1: 2 learnt 0");
  }
  SUBCASE("after it was proposed again") {
    CHECK(b.standing({}, 10) == "pin through 2; list from 1 at most 512");
    CHECK(b.listed(both) == "propose #1 behind 0: 1 learnt 0; propose #2 behind 1: 2 learnt 0");
    // The old one and ours say the same. The first of them is applied, the other void.
    CHECK(b.applied(11, 0, one, won(1, 1)) == "decided through 1 at 11 1:won");
    CHECK(b.is_void(12, 0, one) == "");
    CHECK(b.applied(13, 1, behind(both), won(2, 2)) == "decided through 2 at 13 2:won");
    CHECK(b.idle());
  }
  SUBCASE("after it was proposed again, with more in the same batch") {
    CHECK(b.standing({}, 10) == "pin through 2; list from 1 at most 512");
    CHECK(b.wrote(3, 3) == "");
    CHECK(b.listed({record(1), record(2)}) ==
          "pin through 3; list from 3 at most 512; propose #1 behind 0: 1 2 learnt 0");
    CHECK(b.applied(11, 0, behind(1), won(1, 1)) == "");
    CHECK(b.phase() == "draining");
    CHECK(b.is_void(12, 0, behind(1)) == "");
    CHECK(b.wait_until_due() == "ask");
    CHECK(b.standing(behind(1), 12, won(1, 1)) == "list from 1 at most 512");
    CHECK(b.listed(records(1, 3)) == "decided through 1 at 12 1:won; list from 2 at most 512");
  }
}

TEST_CASE("verdicts that the state kept over a crash are taken after the comparison, not before") {
  Bench b(5, behind(2));
  CHECK(b.applied(8, 2, behind(4), won(3, 4)) == "");  // the log is applied again
  CHECK(b.majority(true) == "ask");
  CHECK(b.standing(behind(4), 10, won(1, 4)) == "list from 3 at most 512");
  CHECK(b.listed(records(3, 5)) ==
        "decided through 4 at 10 3:won 4:won; pin through 5; list from 5 at most 512");
}

TEST_CASE("the chain is computed page by page") {
  Bench b(5, {}, {.batch_items_max = 2});
  CHECK(b.majority(true) == "ask");
  CHECK(b.standing(behind(5), 10, won(1, 5)) == "list from 1 at most 2");
  CHECK(b.listed(records(1, 2), false) == "list from 3 at most 2");
  CHECK(b.listed(records(3, 4), false) == "list from 5 at most 2");
  CHECK(b.listed(records(5, 5), true) == "decided through 5 at 10 1:won 2:won 3:won 4:won 5:won");
}

TEST_CASE("an old batch that comes through while the chain is computed: ask again") {
  Bench b(5);
  CHECK(b.majority(true) == "ask");
  CHECK(b.standing(behind(2), 10, won(1, 2)) == "list from 1 at most 512");
  CHECK(b.applied(11, 2, behind(4), won(3, 4)) == "");
  CHECK(b.listed(records(1, 5)) == "ask");
  CHECK(b.standing(behind(4), 11, won(1, 4)) == "list from 1 at most 512");
  CHECK(b.listed(records(1, 5)) ==
        "decided through 4 at 11 1:won 2:won 3:won 4:won; pin through 5; list from 5 at most 512");
}

TEST_CASE("who does not continue the state takes a new origin, and nothing else") {
  struct Row {
    const char* why;
    std::uint64_t reached;
    Position learnt;
    Position state;
    bool lists;
    const char* want;
  };
  const Position other = behind({record(1), record(2, "k2", "something else")});
  const std::vector<Row> rows = {
      {"a restored image: the original wrote on, and its chain differs",
       3,
       {},
       other,
       true,
       "take a new origin"},
      {"a restored image: the original got further than this ever gave out",
       3,
       {},
       behind(4),
       false,
       "take a new origin"},
      {"the sequence is right and the chain is another",
       2,
       behind(2),
       {{2}, 99},
       false,
       "take a new origin"},
      {"a sequence that no own batch ends at",
       5,
       {},
       {{2}, behind(3).chain},
       true,
       "take a new origin"},
      {"a state behind what was learnt: the cluster was put back", 5, behind(4), behind(3), false,
       "take a new origin"},
      {"the same history", 2, {}, behind(2), true, "decided through 2 at 10"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Bench b(row.reached, row.learnt);
    CHECK(b.majority(true) == "ask");
    const std::string answer = b.standing(row.state);
    if (row.lists) {
      CHECK(answer == "list from " + std::to_string(row.learnt.through.value + 1) + " at most 512");
      CHECK(b.listed(records(row.learnt.through.value + 1, row.reached)) == row.want);
    } else {
      CHECK(answer == row.want);
    }
    if (std::string(row.want) != "take a new origin") continue;
    CHECK(b.phase() == "moved");
    CHECK(b.wrote(row.reached + 1, row.reached + 1) == "");
    CHECK(b.majority(false) == "");
    CHECK(b.majority(true) == "");
    CHECK(b.applied(20, 0, behind(1)) == "");
    CHECK(b.idle());
  }
}

TEST_CASE("a record of the state that the list lacks is a difference, too") {
  Bench b(3);
  CHECK(b.majority(true) == "ask");
  CHECK(b.standing(behind(2)) == "list from 1 at most 512");
  CHECK(b.listed({record(1), record(3)}) == "take a new origin");
}

TEST_CASE("a clone that settles under this origin is noticed when its batch comes by") {
  Bench b = settling(2);
  const std::vector<OfflineWrite> theirs = {record(1, "x", "theirs")};
  CHECK(b.listed(records(1, 2)) == "propose #1 behind 0: 1 2 learnt 0");
  CHECK(b.applied(11, 0, behind(theirs)) == "");
  CHECK(b.is_void(12, 0, behind(theirs)) == "");
  CHECK(b.wait_until_due() == "ask");
  CHECK(b.standing(behind(theirs), 12) == "list from 1 at most 512");
  CHECK(b.listed(records(1, 2)) == "take a new origin");
}

TEST_CASE("not more is proposed than the state keeps verdicts for") {
  Bench b = settling(9, {.batch_items_max = 2, .unlearnt_max = 5});
  CHECK(b.listed(records(1, 2), false) ==
        "list from 3 at most 2; propose #1 behind 0: 1 2 learnt 0");
  CHECK(b.listed(records(3, 4), false) ==
        "list from 5 at most 1; propose #2 behind 2: 3 4 learnt 0");
  CHECK(b.listed(records(5, 5), false) == "propose #3 behind 4: 5 learnt 0");
  CHECK(b.applied(11, 0, behind(2), won(1, 2)) == "decided through 2 at 11 1:won 2:won");
  CHECK(b.applied(12, 2, behind(4), won(3, 4)) == "decided through 4 at 12 3:won 4:won");
  CHECK(b.idle());  // the journal will tell
  CHECK(b.learnt(2) == "list from 6 at most 2");
  CHECK(b.listed(records(6, 7), false) == "propose #4 behind 5: 6 7 learnt 2");
}

TEST_CASE("verdicts found by the comparison count as unlearnt") {
  Bench b(9, {}, {.batch_items_max = 8, .unlearnt_max = 5});
  CHECK(b.majority(true) == "ask");
  CHECK(b.standing(behind(4), 10, won(1, 4)) == "list from 1 at most 8");
  CHECK(b.listed(records(1, 8), false) ==
        "decided through 4 at 10 1:won 2:won 3:won 4:won; pin through 9; list from 5 at most 1");
}

TEST_CASE(
    "the wait doubles with each failure, up to its limit, and is forgotten when a batch is "
    "applied") {
  Bench b = settling(1);
  CHECK(b.listed(records(1, 1)) == "propose #1 behind 0: 1 learnt 0");
  Duration expected = milliseconds(50);
  for (BatchId id = 1; id <= 10; ++id) {
    CHECK(b.dropped(id) == "");
    CHECK(b.due_in() == std::min<Duration>(expected, std::chrono::seconds(5)));
    expected *= 2;
    CHECK(b.wait(b.due_in() - milliseconds(1)) == "");
    CHECK(b.wait(milliseconds(1)) == "ask");
    CHECK(b.standing({}, 10 + id) == "list from 1 at most 512");
    CHECK(b.listed(records(1, 1)) ==
          "propose #" + std::to_string(id + 1) + " behind 0: 1 learnt 0");
  }
  CHECK(b.applied(30, 0, behind(1), won(1, 1)) == "decided through 1 at 30 1:won");
  CHECK(b.wrote(2, 2) == "pin through 2; list from 2 at most 512");
  CHECK(b.listed(records(2, 2)) == "propose #12 behind 1: 2 learnt 0");
  CHECK(b.dropped(12) == "");
  CHECK(b.due_in() == milliseconds(50));
}

TEST_CASE("a majority that comes and goes does not make a storm of questions") {
  Bench b(1);
  CHECK(b.majority(true) == "ask");
  for (int i = 0; i < 20; ++i) {
    CHECK(b.majority(false) == "");
    CHECK(b.majority(true) == "");
  }
  CHECK(b.standing({}) == "");
  CHECK(b.due_in() == std::chrono::seconds(5));
}

TEST_CASE("what is not in flight, not awaited, or long settled is ignored") {
  Bench b = settling(2);
  CHECK(b.dropped(99) == "");
  CHECK(b.is_void(11, 7, behind(1)) == "");
  CHECK(b.applied(10, 0, behind(1)) == "");  // part of what was compared
  CHECK(b.standing({}) == "");
  CHECK(b.phase() == "settling");
}

TEST_CASE("the answer to a list from before a loss does not count") {
  Bench b = settling(4, {.batch_items_max = 2});
  CHECK(b.listed(records(1, 2), false) ==
        "list from 3 at most 2; propose #1 behind 0: 1 2 learnt 0");
  CHECK(b.dropped(1) == "");
  CHECK(b.wait_until_due() == "ask");
  CHECK(b.standing({}) == "list from 1 at most 2");
  CHECK(b.listed_as(2, records(3, 4)) == "");
  CHECK(b.listed_as(3, records(1, 2), false) ==
        "list from 3 at most 2; propose #2 behind 0: 1 2 learnt 0");
}

TEST_CASE("sequences that are not there (refused by a full disk, or replaced) end the search") {
  Bench b = settling(5);
  CHECK(b.listed({record(2)}) == "propose #1 behind 0: 2 learnt 0");
  CHECK(b.applied(11, 0, behind({record(2)}), won(2, 2)) == "decided through 2 at 11 2:won");
  CHECK(b.idle());
  CHECK(b.wrote(6, 6) == "pin through 6; list from 3 at most 512");
}

TEST_CASE("effects as text") {
  Effects effects;
  CHECK(effects.empty());
  CHECK(to_string(effects) == "");
  effects.take_new_origin = true;
  CHECK(to_string(effects) == "take a new origin");
  CHECK_FALSE(effects.empty());
}

// ---- a new origin

TEST_CASE(
    "a journal that changes its origin keeps numbers, old dots, and the old chain at each record") {
  const Position start = behind(3);
  std::vector<OfflineWrite> old = {record(5), record(9)};
  old[1].replaces = {8};
  const std::vector<OfflineWrite> moved = rebase(old, Origin{8}, start.chain);
  REQUIRE(moved.size() == 2);
  Position at = start;
  for (std::size_t i = 0; i < 2; ++i) {
    at = behind({old[i]}, at);
    CHECK(moved[i].dot == Dot{Origin{8}, old[i].dot.sequence});
    CHECK(moved[i].old_dot == old[i].dot);
    CHECK(moved[i].old_chain == at.chain);
    CHECK(moved[i].replaces == Sequence{});
    CHECK(moved[i].key == old[i].key);
    CHECK(moved[i].value == old[i].value);
    CHECK(moved[i].stamp == old[i].stamp);
    CHECK(moved[i].seen == old[i].seen);
  }
  CHECK(rebase({}, Origin{8}, 0).empty());
}

}  // namespace
}  // namespace causeway::reconcile
