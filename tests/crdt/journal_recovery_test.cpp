// What a start finds in the journal's log, after a crash at any place of any history (scenarios 63
// and 64).
#include "crdt/journal_recovery.hpp"

#include <doctest/doctest.h>

#include "crdt/journal.hpp"
#include "journal_world.hpp"

namespace causeway::crdt {
namespace {

using test::JournalWorld;
using test::kOrigin;
using test::Place;

OfflineWrite record(std::uint64_t sequence, std::uint64_t replaces = 0, Origin origin = kOrigin) {
  OfflineWrite write;
  write.dot = {origin, {sequence}};
  write.stamp = {100 + sequence};
  write.key = "k" + std::to_string(sequence);
  write.replaces = {replaces};
  return write;
}

Settled settled(std::uint64_t through, std::vector<Verdict> verdicts = {}) {
  return {kOrigin, {through}, 1000 + through, std::move(verdicts)};
}

TEST_CASE("which records of a log are live") {
  using Log = std::vector<std::variant<OfflineWrite, Settled>>;
  struct Row {
    const char* why;
    Log log;
    std::vector<std::uint64_t> want_live;
    std::uint64_t want_reached;
  };
  const Verdict four_by_nine{.sequence = {4},
                             .kind = VerdictKind::replaced,
                             .winner = {},
                             .replaced_by = {kOrigin, {9}},
                             .reason = {}};
  const std::vector<Row> rows = {
      {"an empty log", {}, {}, 0},
      {"all that was written", {record(1), record(2)}, {1, 2}, 2},
      {"a replaced one is not live", {record(1), record(2, 1)}, {2}, 2},
      {"nor one replaced by a replaced one", {record(1), record(2, 1), record(3, 2)}, {3}, 3},
      {"nor when its successor has settled", {record(1), record(2, 1), settled(2)}, {}, 2},
      {"settled ones are not", {record(1), record(2), record(3), settled(2)}, {3}, 3},
      {"also with the news in front of them, rewritten forward",
       {settled(2), record(2), record(3)},
       {3},
       3},
      {"an older Settled behind a newer one takes nothing back",
       {settled(2), record(2), settled(1), record(3)},
       {3},
       3},
      {"rewritten ones come twice, and out of order",
       {record(2), record(3), record(1), record(2)},
       {1, 2, 3},
       3},
      {"a rewritten one behind its successor stays replaced", {record(3, 2), record(2)}, {3}, 3},
      {"a successor whose predecessor is gone", {record(9, 4)}, {9}, 9},
      {"no number is given out twice: settled", {settled(7)}, {}, 7},
      {"no number is given out twice: in a verdict", {settled(3, {four_by_nine})}, {}, 9},
      {"no number is given out twice: replaced", {record(2, 8)}, {2}, 8},
      {"records of another origin are not ours, their numbers are taken",
       {record(1), record(5, 0, Origin{9})},
       {1},
       5},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Journal journal({.origin = kOrigin});
    for (const auto& entry : row.log) std::visit([&](const auto& e) { journal.recover(e); }, entry);
    std::vector<std::uint64_t> live;
    for (const Sequence sequence : journal.finish_recovery()) live.push_back(sequence.value);
    CHECK(live == row.want_live);
    CHECK(journal.count() == live.size());
    CHECK(journal.reached() == Sequence{row.want_reached});
    CHECK(journal.proposed_through() == journal.reached());
  }
}

TEST_CASE("recovery remembers where it was, what it holds, and whose records it met") {
  Journal journal({.origin = kOrigin});
  journal.recover(record(1));
  journal.recover(record(2));
  journal.recover(settled(1, {{.sequence = {1},
                               .kind = VerdictKind::won,
                               .winner = {},
                               .replaced_by = {},
                               .reason = {}}}));
  journal.recover(record(3, 0, Origin{9}));
  (void)journal.finish_recovery();
  CHECK(journal.learnt_through() == Sequence{1});
  CHECK(journal.decided_through() == Sequence{1});
  CHECK(journal.learnt_chain() == 1001);
  CHECK(journal.bytes() == journal_bytes(record(2)));
  CHECK(journal.greatest_stamp() == record(2).stamp);
  CHECK(journal.may_be_pending("k2"));
  CHECK_FALSE(journal.may_be_pending("k1"));
  CHECK(journal.fate({1}) == Journal::Fate::decided);
  CHECK(journal.fate({2}) == Journal::Fate::ask_index);
  CHECK(journal.foreign_records() == 1);
}

TEST_CASE("after recovery the greatest stamp is of what is held, not of what was settled") {
  const auto stamped = [](std::uint64_t sequence, std::uint64_t stamp) {
    OfflineWrite write = record(sequence);
    write.stamp = {stamp};
    return write;
  };
  Journal journal({.origin = kOrigin});
  journal.recover(stamped(1, 2046));  // written while the clock was mad
  journal.recover(stamped(2, 2030));
  journal.recover(stamped(4, 2025));
  journal.recover(settled(1, {}));
  journal.recover(stamped(3, 2027));  // rewritten behind a later one
  journal.recover(stamped(1, 2046));  // and so is one that is settled
  (void)journal.finish_recovery();
  CHECK(journal.greatest_stamp() == Stamp{2030});
}

TEST_CASE("a set of sequences holds what was put in, however far apart") {
  SequenceSet set;
  const std::vector<std::uint64_t> in = {1, 2, 63, 64, 4095, 4096, 1'000'000, UINT64_MAX};
  for (const std::uint64_t sequence : in) set.insert({sequence});
  for (const std::uint64_t sequence : in) {
    CHECK(set.contains({sequence}));
    if (sequence > 2)
      CHECK_FALSE(set.contains({sequence - (sequence == 64 || sequence == 4096 ? 3 : 1)}));
  }
}

std::string numbers(const std::vector<Sequence>& sequences) {
  std::string text;
  for (const Sequence sequence : sequences) text += std::to_string(sequence.value) + ' ';
  return text;
}

// ---- random histories

// Everything that must be true of a journal recovered from a disk that ends at `place`.
void check_recovered(const JournalWorld& world, Place place, bool all_verdicts_kept) {
  CAPTURE(place);
  std::vector<Sequence> live;
  const auto journal = world.recovered(place, &live);
  const JournalWorld::Truth truth = world.truth(place);

  std::vector<Sequence> want;
  std::uint64_t bytes = 0;
  for (const auto& [sequence, write] : truth.live) {
    want.push_back(sequence);
    bytes += journal_bytes(write);
    CHECK(journal->may_be_pending(write.key));
    CHECK(journal->verdict(sequence) == nullptr);
    CHECK(journal->greatest_stamp() >= write.stamp);
  }
  REQUIRE(numbers(live) == numbers(want));
  CHECK(journal->count() == want.size());
  CHECK(journal->bytes() == bytes);
  CHECK(journal->learnt_through() == truth.learnt.through);
  CHECK(journal->learnt_chain() == truth.learnt.chain);

  // Promise 7: each write that is no longer pending has its verdict, and one only.
  if (!all_verdicts_kept) return;
  for (const auto& [sequence, by] : truth.replaced) {
    const Verdict* verdict = journal->verdict(sequence);
    REQUIRE(verdict != nullptr);
    CHECK(verdict->kind == VerdictKind::replaced);
    CHECK(verdict->replaced_by == Dot{kOrigin, by});
    CHECK(journal->reached() >= by);
  }
  for (const Sequence sequence : truth.settled) {
    const Verdict* verdict = journal->verdict(sequence);
    REQUIRE(verdict != nullptr);
    CHECK(verdict->kind == VerdictKind::won);
    CHECK(journal->reached() >= sequence);
  }
}

void check_running(JournalWorld& world) {
  Journal& journal = world.journal();
  std::uint64_t bytes = 0;
  for (const auto& [sequence, write] : world.index()) {
    CHECK(journal.may_be_pending(write.key));
    bytes += journal_bytes(write);
  }
  if (world.durable() == world.end() && !world.frees()) {
    CHECK(journal.count() == world.index().size());
    CHECK(journal.bytes() == bytes);
  }
  CHECK(journal.learnt_through() <= journal.decided_through());
  CHECK(journal.decided_through() <= journal.reached());
}

void random_step(JournalWorld& world, Random& random, std::uint64_t keys) {
  switch (random.below(17)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
      world.set("key" + std::to_string(random.below(keys)), std::to_string(random.next()));
      break;
    case 5:
    case 6: world.sync(random.between(1, 6)); break;
    case 7:
      if (random.below(keys) == 0) world.propose();
      break;
    case 8: world.settle(random.between(1, 3)); break;
    case 9: world.mark(random.below(3)); break;
    case 10: world.roll(); break;
    case 11:
    case 12:
    case 13:
      for (std::uint64_t n = random.between(1, 5); n > 0; --n) world.rewrite(random.between(1, 3));
      break;
    case 14: world.drop_file(); break;
    case 15: world.hear_freed(); break;
    default:
      if (random.below(3) == 0) world.refuse();
      if (random.below(12) == 0) world.restart(random.between(world.durable(), world.end()));
      break;
  }
}

TEST_CASE("after a crash at any place of any history exactly the right records are live") {
  std::size_t dropped_files = 0;
  for (std::uint64_t seed = 1; seed <= 120; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    // Half of them with a list of verdicts so short that it helps nobody to tell what was replaced.
    const bool all_verdicts_kept = seed % 2 == 0;
    JournalWorld world({.origin = kOrigin, .verdicts_max = all_verdicts_kept ? 4096u : 1u});
    for (int step = 0; step < 300; ++step) {
      random_step(world, random, 1 + seed % 5);
      check_running(world);
      for (Place place = world.durable(); place <= world.end(); ++place) {
        check_recovered(world, place, all_verdicts_kept);
      }
    }
    dropped_files += world.dropped_files();
  }
  CHECK(dropped_files > 500);  // the rewriting was real
}

TEST_CASE(
    "a record rewritten behind its successor would come back: why rewrite_keeps leaves it out") {
  // X is listed for the rewriting; Y replaces it; X is rewritten behind Y, in a later file. Z
  // replaces Y. The next rewriting takes along Z only, and drops the file of Y; then, before the
  // file of X goes too, the node crashes. (The verdicts taken along would tell, but they are few.)
  const auto history = [](JournalWorld& world) {
    const auto rewrite = [&world](std::size_t steps) {
      for (std::size_t i = 0; i < steps; ++i) world.rewrite(9);
    };
    world.set("k", "X");
    world.sync(9);
    world.roll();
    rewrite(2);  // begins, lists X
    world.set("k", "Y");
    world.roll();
    rewrite(3);  // X, then the empty page
    world.sync(9);
    rewrite(1);
    CHECK_FALSE(world.rewriting());
    world.drop_file();
    world.roll();
    world.set("k", "Z");
    world.sync(9);
    rewrite(5);
    world.sync(9);
    rewrite(1);
    CHECK_FALSE(world.rewriting());
    world.drop_file();  // the oldest; a crash before the next one
    std::vector<Sequence> live;
    (void)world.recovered(world.end(), &live);
    return numbers(live);
  };
  const Journal::Options options{.origin = kOrigin, .verdicts_max = 1};
  JournalWorld good(options);
  CHECK(history(good) == "3 ");
  JournalWorld bad(options);
  bad.keeps_all = true;
  CHECK(history(bad) == "1 3 ");
}

}  // namespace
}  // namespace causeway::crdt
