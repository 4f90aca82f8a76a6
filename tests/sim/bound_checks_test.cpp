// The checker of bounds itself: what a journal may hold, and what it may refuse, on events made by
// hand.
#include "sim/bound_checks.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "crdt/journal.hpp"
#include "hand_made.hpp"
#include "sim/broken_by.hpp"

using namespace causeway;
using namespace causeway::sim;
using causeway::testing::to_journal;

namespace {

constexpr Peer a = 0;

/// Node a, whose journal may hold two writes of kValueBytes, and not three.
struct World {
  static constexpr std::size_t kValueBytes = 1000;

  crdt::OfflineWrite offline(std::uint64_t sequence, std::uint64_t replaces = 0) {
    crdt::OfflineWrite write;
    write.dot = {cluster.node("1").directory().origin, {sequence}};
    write.key = "k" + std::to_string(sequence);
    write.value = Blob::copy_of(std::string(kValueBytes, 'v'));
    write.replaces = {replaces};
    return write;
  }
  void journal(const wire::JournalRecord& record) {
    node::Effects effects;
    effects.journal.emplace_back(to_journal(record));
    checks.turn(a, effects);
  }
  void settled(std::uint64_t through) {
    journal(crdt::Settled{
        .origin = cluster.node("1").directory().origin, .through = {through}, .verdicts = {}});
  }
  void refused(const crdt::OfflineWrite& write) {
    checks.journal_done(
        a, {storage::Refused{.first_ticket = 1, .error = {}, .appends = {to_journal(write)}}});
  }
  void is_refused(std::size_t value_bytes) {
    checks.called(a, {1, 1},
                  wire::WriteCall{.key = "k",
                                  .value = Blob::copy_of(std::string(value_bytes, 'v')),
                                  .consistent = false});
    checks.answered(a, 1, wire::CallError{.error = {Errc::journal_full, ""}});
  }

  ClusterSettings settings{.journal_bytes_max = 2 * (kValueBytes + 200)};
  Cluster cluster{settings};
  BoundChecks checks{cluster, settings};
};

struct Row {
  std::string broken;  ///< empty: none
  std::string why;
  std::function<void(World&)> schedule;
};

const std::vector<Row> rows = {
    {"", "as much as it may hold",
     [](World& w) { w.journal(w.offline(1)), w.journal(w.offline(2)); }},
    {"journal-bound", "more",
     [](World& w) {
       for (const std::uint64_t sequence : {1u, 2u, 3u}) w.journal(w.offline(sequence));
     }},
    {"", "in place of what it held",
     [](World& w) {
       w.journal(w.offline(1)), w.journal(w.offline(2)), w.journal(w.offline(3, 2));
     }},
    {"", "behind what is settled",
     [](World& w) {
       w.journal(w.offline(1)), w.journal(w.offline(2));
       w.settled(1);
       w.journal(w.offline(3));
     }},
    {"", "a record is rewritten forward",
     [](World& w) { w.journal(w.offline(1)), w.journal(w.offline(2)), w.journal(w.offline(1)); }},
    {"", "a record is rewritten forward that is settled meanwhile",
     [](World& w) {
       w.journal(w.offline(1)), w.journal(w.offline(2));
       w.settled(1);
       w.journal(w.offline(3)), w.journal(w.offline(1));
     }},
    {"", "a record is rewritten forward that was replaced meanwhile",
     [](World& w) {
       w.journal(w.offline(1)), w.journal(w.offline(2));
       w.journal(w.offline(3, 2)), w.journal(w.offline(2));
     }},
    {"", "behind what the disk refused",
     [](World& w) {
       w.journal(w.offline(1)), w.journal(w.offline(2));
       w.refused(w.offline(2));
       w.journal(w.offline(3));
     }},
    {"journal-bound", "with what the start found",
     [](World& w) {
       w.checks.starting(a);
       for (const std::uint64_t sequence : {1u, 2u})
         w.checks.recovered(a, wire::JournalRecord(w.offline(sequence)));
       w.journal(w.offline(3));
     }},
    {"", "a full one refuses",
     [](World& w) {
       w.journal(w.offline(1)), w.journal(w.offline(2));
       w.is_refused(World::kValueBytes);
     }},
    {"", "an empty one refuses what never fits", [](World& w) { w.is_refused(5000); }},
    {"journal-bound", "an empty one refuses what fits",
     [](World& w) { w.is_refused(World::kValueBytes); }},
    {"", "what is settled may still be held",
     [](World& w) {
       w.journal(w.offline(1)), w.journal(w.offline(2));
       w.settled(2);
       w.is_refused(World::kValueBytes);
     }},
};

}  // namespace

TEST_CASE("a journal holds no more than its limit, and refuses only beyond it") {
  for (const Row& row : rows) {
    CAPTURE(row.why);
    World world;
    CHECK(testing::broken_by([&] { row.schedule(world); }) == row.broken);
  }
}
