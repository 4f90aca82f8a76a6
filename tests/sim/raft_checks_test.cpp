// The Raft checker itself: each rule is kept by a good schedule and broken by a bad one, and a real
// cluster in bad weather keeps them all.
#include "sim/raft_checks.hpp"

#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "hand_made.hpp"
#include "sim/violation.hpp"
#include "storm.hpp"

namespace causeway::testing {
namespace {

constexpr Peer a = 0;
constexpr Peer b = 1;
constexpr Peer c = 2;
constexpr Term one{1};
constexpr Term two{2};
constexpr Term three{3};

/// Node a leads term 1; its opening entry stands in all logs, is committed and applied.
struct World {
  World() {
    for (const Peer peer : {a, b, c}) by.start(peer);
    opening = by.elect(a, b, one, {});
    by.write(b, {opening});
    by.acknowledge(b, a, one, {1});
    by.write(c, {HardState{one, {}, {}}, opening});
    by.acknowledge(c, a, one, {1});
    by.append(a, b, one, opening, {}, LogIndex{1});
    for (const Peer peer : {a, b, c}) by.mark(peer, {1}), by.apply(peer, {opening});
  }

  sim::Cluster cluster{sim::ClusterSettings{.nodes = 3}};
  sim::RaftChecks checks{cluster};
  HandMade by{cluster, checks};
  Entry opening;

  /// One more entry of term 1, durable at a and b, committed.
  Entry commit_second() {
    const Entry second = HandMade::entry(one, opening);
    by.write(a, {second});
    by.append(a, b, one, opening, {second});
    by.write(b, {second});
    by.acknowledge(b, a, one, {2});
    by.mark(a, {2});
    return second;
  }
  /// Entries of term 1 in the log of a alone, up to index 3.
  std::vector<Entry> unfinished() {
    const Entry second = HandMade::entry(one, opening, "lost");
    const Entry third = HandMade::entry(one, second, "lost");
    by.write(a, {second, third});
    by.append(a, b, one, opening, {second, third});
    return {second, third};
  }
};

struct Row {
  std::string broken;  ///< empty: none
  std::string why;
  std::function<void(World&)> schedule;
};

const std::vector<Row> elections = {
    {"", "a term for each", [](World& w) { w.by.elect(b, c, two, w.opening); }},
    {"election-safety", "another sends entries in the leader's term",
     [](World& w) { w.by.append(b, c, one, w.opening, {}); }},
    {"election-safety", "who led a term leads it again after a restart",
     [](World& w) {
       w.by.start(a, {w.by.vote(one, a), w.opening});
       w.by.append(a, b, one, w.opening, {});
     }},
    {"", "the same vote twice",
     [](World& w) {
       w.by.write(c, {w.by.vote(two, b)});
       w.by.grant(c, b, two);
       w.by.start(c, {w.by.vote(two, b), w.opening});
       w.by.grant(c, b, two);
     }},
    {"vote-once", "two candidates get it",
     [](World& w) {
       w.by.write(c, {w.by.vote(two, b)});
       w.by.grant(c, b, two);
       w.by.grant(c, a, two);
     }},
    {"vote-once", "a candidate gives its own away",
     [](World& w) {
       w.by.write(b, {w.by.vote(two, b)});
       w.by.ask_votes(b, two);
       w.by.grant(b, c, two);
     }},
    {"", "the same vote is written once more, with a new start",
     [](World& w) {
       HardState hard = w.by.vote(one, a);
       hard.start = 1;
       w.by.write(a, {hard});
     }},
    {"start-kept", "the number of a start falls",
     [](World& w) {
       w.by.write(b, {HardState{.term = two, .start = 3}});
       w.by.write(b, {HardState{.term = three, .start = 2}});
     }},
    {"honest-counts", "a directory that was never put back bars itself",
     [](World& w) {
       w.by.write(b, {HardState{.term = two, .barred = w.cluster.node("2").directory().origin}});
     }},
    {"start-kept", "a barred origin is pardoned",
     [](World& w) {
       w.checks.died(b, sim::Death::old_copy);
       w.by.start(b, {HardState{.term = two}, w.opening});
       w.by.write(b, {HardState{.term = two, .barred = w.cluster.node("2").directory().origin}});
       w.by.write(b, {HardState{.term = three}});
     }},
    {"acknowledged-kept", "the number of a start is forgotten over a restart",
     [](World& w) {
       w.by.write(b, {HardState{.term = two, .start = 3}});
       w.by.start(b, {HardState{.term = two, .start = 2}, w.opening});
     }},
    {"vote-once", "on disk", [](World& w) { w.by.write(b, {w.by.vote(one, c)}); }},
    {"vote-once", "it was forgotten over a restart that lost nothing",
     [](World& w) {
       w.by.write(c, {w.by.vote(two, b)});
       w.by.grant(c, b, two);
       w.by.start(c, {w.by.vote(two, b), w.opening});
       w.by.grant(c, a, two);
     }},
    {"", "a wiped directory is another voter",
     [](World& w) {
       w.by.write(c, {w.by.vote(two, b)});
       w.by.grant(c, b, two);
       w.by.wipe(c);
       w.by.start(c);
       w.by.write(c, {w.by.vote(two, a)});
       w.by.grant(c, a, two);
     }},
    {"terms-never-fall", "in messages",
     [](World& w) {
       w.by.write(b, {w.by.vote(two, b)});
       w.by.ask_votes(b, two);
       w.by.acknowledge(b, a, one, {1});
     }},
    {"terms-never-fall", "on disk",
     [](World& w) {
       w.by.write(b, {w.by.vote(two, b)});
       w.by.write(b, {HardState{one, {}, {}}});
     }},
    {"vote-durable", "a vote leaves while it is on its way to the disk",
     [](World& w) {
       w.by.hand_out(c, {w.by.vote(two, b)});
       w.by.give(c);
       w.by.grant(c, b, two);
     }},
    {"vote-durable", "a candidate asks before its own vote is durable",
     [](World& w) {
       w.by.hand_out(b, {w.by.vote(two, b)});
       w.by.ask_votes(b, two);
     }},
    {"vote-durable", "the disk knows the term, but no vote",
     [](World& w) {
       w.by.write(c, {HardState{two, {}, {}}});
       w.by.grant(c, b, two);
     }},
    {"vote-durable", "an acknowledgement in a term that is not durable",
     [](World& w) {
       w.by.elect(b, a, two, w.opening);
       w.by.hand_out(c, {HardState{two, {}, {}}});
       w.by.acknowledge(c, b, two, {1});
     }},
    {"", "a pre-vote promises nothing",
     [](World& w) {
       w.by.say(c, b, consensus::RequestVoteReply{.term = two, .pre = true, .granted = true});
       w.by.say(c, a, consensus::RequestVoteReply{.term = two, .pre = true, .granted = true});
     }},
};

const std::vector<Row> logs = {
    {"", "a deposed leader's log is repaired",
     [](World& w) {
       w.unfinished();
       const Entry other = w.by.elect(b, c, two, w.opening);
       w.by.write(a, {HardState{two, {}, {}}, other});
       w.by.acknowledge(a, b, two, {2});
     }},
    {"leader-append-only", "the leader replaces its own entry",
     [](World& w) {
       w.unfinished();
       w.by.hand_out(a, {HandMade::entry(one, w.opening, "another")});
     }},
    {"log-matching", "two entries of one term at an index",
     [](World& w) {
       w.unfinished();
       w.by.hand_out(b, {HandMade::entry(one, w.opening, "another")});
     }},
    {"log-matching", "an entry does not continue the running hash",
     [](World& w) {
       Entry wrong = HandMade::entry(one, w.opening);
       ++wrong.hash;
       w.by.hand_out(a, {wrong});
     }},
    {"log-matching", "a leader has another past",
     [](World& w) {
       Entry wrong = w.opening;
       ++wrong.hash;
       w.by.append(a, b, one, wrong, {});
     }},
    {"log-matching", "an entry behind a gap",
     [](World& w) {
       const Entry third = HandMade::entry(one, HandMade::entry(one, w.opening));
       w.by.hand_out(b, {third});
     }},
    {"log-matching", "a start finds what nobody wrote",
     [](World& w) {
       w.by.start(c, {HardState{one, {}, {}}, w.opening, HandMade::entry(one, w.opening)});
     }},
    {"", "a later leader holds what is committed",
     [](World& w) {
       const Entry second = w.commit_second();
       w.by.elect(b, c, two, second);
     }},
    {"leader-completeness", "it does not",
     [](World& w) {
       w.commit_second();
       w.by.elect(c, b, two, w.opening);
     }},
    {"leader-completeness", "it does not, and the earlier leader's count becomes known after",
     [](World& w) {
       const Entry second = HandMade::entry(one, w.opening);
       w.by.write(a, {second});
       w.by.append(a, b, one, w.opening, {second});
       w.by.write(b, {second});
       w.by.acknowledge(b, a, one, {2});
       w.by.elect(c, b, two, w.opening);
       w.by.mark(a, {2});
     }},
    {"", "a leader elected late lacks what a later term has committed",
     [](World& w) {
       w.by.write(b, {w.by.vote(two, b)});
       w.by.ask_votes(b, two);
       w.by.write(c, {w.by.vote(two, b)});
       w.by.grant(c, b, two);
       const Entry newer = w.by.elect(a, c, three, w.opening);
       w.by.write(c, {newer});
       w.by.acknowledge(c, a, three, {2});
       w.by.mark(a, {2});
       w.by.write(b, {w.by.configuration(two, w.opening)});  // now the vote reaches it
     }},
};

const std::vector<Row> commits = {
    {"", "a majority has it", [](World& w) { w.commit_second(); }},
    {"commit-needs-majority", "one disk has it",
     [](World& w) {
       w.unfinished();
       w.by.mark(a, {2});
     }},
    {"commit-needs-majority", "the second copy is not synced",
     [](World& w) {
       const auto entries = w.unfinished();
       w.by.hand_out(b, {entries[0]});
       w.by.give(b);
       w.by.append(a, b, one, entries[1], {}, LogIndex{2});
     }},
    {"commit-needs-majority", "the second copy is another directory's than the log binds",
     [](World& w) {
       const auto entries = w.unfinished();
       w.by.wipe(b);
       w.by.start(b);
       w.by.write(b, {HardState{one, {}, {}}, w.opening, entries[0]});
       w.by.mark(a, {2});
     }},
    {"", "the directory that acknowledged it was wiped since: it will vote for no other log",
     [](World& w) {
       const auto entries = w.unfinished();
       w.by.write(b, {entries[0]});
       w.by.acknowledge(b, a, one, {2});
       w.by.wipe(b);
       w.by.mark(a, {2});
     }},
    {"commit-needs-majority", "the second copy is on a barred directory",
     [](World& w) {
       const Entry bars = w.by.configuration(one, w.opening, {b});
       w.by.write(a, {bars});
       w.by.append(a, b, one, w.opening, {bars});
       w.by.write(b, {bars});
       w.by.mark(a, {2});
     }},
    {"commit-needs-majority", "copies of an older term's entry are counted",
     [](World& w) {
       const auto entries = w.unfinished();
       w.by.elect(a, c, two, entries[1]);
       w.by.write(b, {HardState{two, {}, {}}, entries[0], entries[1]});
       w.by.acknowledge(b, a, two, {3});
       w.by.mark(a, {3});
     }},
    {"", "an older term's entry is committed with one of the leader's",
     [](World& w) {
       const auto entries = w.unfinished();
       const Entry covers = w.by.elect(a, c, two, entries[1]);
       w.by.write(b, {HardState{two, {}, {}}, entries[0], entries[1], covers});
       w.by.acknowledge(b, a, two, {4});
       w.by.mark(a, {4});
     }},
    {"", "... also when the leader's own disk does not hold that one yet",
     [](World& w) {
       const auto entries = w.unfinished();
       w.by.write(a, {w.by.vote(two, a)});
       w.by.ask_votes(a, two);
       w.by.write(c, {w.by.vote(two, a)});
       w.by.grant(c, a, two);
       const Entry covers = w.by.configuration(two, entries[1]);
       w.by.hand_out(a, {covers});
       w.by.append(a, b, two, entries[1], {covers});
       w.by.write(b, {HardState{two, {}, {}}, entries[0], entries[1], covers});
       w.by.acknowledge(b, a, two, {4});
       w.by.write(c, {entries[0], entries[1], covers});
       w.by.acknowledge(c, a, two, {4});
       w.by.mark(a, {3});
     }},
    {"commit-needs-majority", "a follower takes for committed what no leader said",
     [](World& w) {
       const auto entries = w.unfinished();
       w.by.write(b, {entries[0]});
       w.by.mark(b, {2});
     }},
    {"commit-never-falls", "a mark",
     [](World& w) {
       w.commit_second();
       w.by.mark(a, {1});
     }},
    {"commit-never-falls", "a leader's message",
     [](World& w) {
       w.commit_second();
       w.by.append(a, c, one, w.opening, {}, LogIndex{1});
     }},
    {"mark-is-sure", "a follower marks what its disk lacks",
     [](World& w) {
       w.commit_second();
       w.by.mark(c, {2});
     }},
    {"", "it applies again what its table lost",
     [](World& w) {
       w.by.apply(a, {w.commit_second()});
       w.by.start(b, {w.by.vote(one, a), w.opening, HandMade::entry(one, w.opening),
                      wire::CommitMark{{1}}});
       w.by.apply(b, {w.opening});
     }},
    {"", "the leader confirms a read at what it has committed in its term",
     [](World& w) {
       w.by.say(a, b, consensus::ReadIndexReply{.term = one, .accepted = true, .index = {1}});
     }},
    {"", "a new leader refuses it",
     [](World& w) {
       w.by.elect(b, c, two, w.opening);
       w.by.say(b, c, consensus::ReadIndexReply{.term = two, .accepted = false, .index = {}});
     }},
    {"read-index-covers", "a new leader confirms a read at an earlier term's entry",
     [](World& w) {
       w.by.elect(b, c, two, w.opening);
       w.by.say(b, c, consensus::ReadIndexReply{.term = two, .accepted = true, .index = {1}});
     }},
    {"read-index-covers", "a follower confirms one",
     [](World& w) {
       w.by.say(b, a, consensus::ReadIndexReply{.term = one, .accepted = true, .index = {1}});
     }},
    {"mark-first", "it applies what no mark of its own covers",
     [](World& w) {
       const Entry second = w.commit_second();
       w.by.apply(b, {second});
     }},
    {"mark-first", "after a restart that found no mark",
     [](World& w) {
       w.by.start(b, {w.by.vote(one, a), w.opening});
       w.by.apply(b, {w.opening});
     }},
    {"state-machine-safety", "another entry is applied",
     [](World& w) {
       w.commit_second();
       w.by.mark(b, {2});
       w.by.apply(b, {HandMade::entry(one, w.opening, "another")});
     }},
    {"state-machine-safety", "one is left out after a restart",
     [](World& w) {
       const Entry second = w.commit_second();
       const Entry third = HandMade::entry(one, second);
       w.by.write(a, {third});
       w.by.append(a, b, one, second, {third});
       w.by.write(b, {third});
       w.by.mark(a, {3});
       w.by.start(b, {w.by.vote(one, a), w.opening, second, third});
       w.by.apply(b, {third});
     }},
    {"state-machine-safety", "one is applied twice in a life",
     [](World& w) { w.by.apply(a, {w.opening}); }},
    {"applied-durable", "its own log lacks it",
     [](World& w) {
       const Entry second = w.commit_second();
       w.by.start(c, {w.by.vote(one, a), w.opening, wire::CommitMark{{2}}});
       w.by.hand_out(c, {second});
       w.by.apply(c, {second});
     }},
};

const std::vector<Row> disks = {
    {"ack-durable", "before the sync",
     [](World& w) {
       const auto entries = w.unfinished();
       w.by.hand_out(b, {entries[0]});
       w.by.give(b);
       w.by.acknowledge(b, a, one, {2});
     }},
    {"ack-durable", "the log is long enough, but holds another entry",
     [](World& w) {
       w.unfinished();
       const Entry other = w.by.elect(b, c, two, w.opening);
       w.by.append(b, a, two, w.opening, {other});
       w.by.write(a, {HardState{two, {}, {}}});
       w.by.acknowledge(a, b, two, {2});
     }},
    {"ack-durable", "an older entry than the leader's stands there",
     [](World& w) {
       w.unfinished();
       const Entry other = w.by.elect(b, c, two, w.opening);
       w.by.write(b, {HandMade::entry(two, other)});
       const Entry newest = w.by.elect(b, c, three, HandMade::entry(two, other));
       w.by.write(a, {HardState{three, {}, {}}});
       w.by.acknowledge(a, b, three, {2});
     }},
    {"", "it was true, and waited for its term, with which a later one cut the log",
     [](World& w) {
       const auto entries = w.unfinished();
       w.by.write(b, {entries[0], entries[1]});
       w.by.write(b, {HardState{three, {}, {}}, HandMade::entry(three, w.opening)});
       w.by.acknowledge(b, a, one, {3});
     }},
    {"", "refused by a full disk, handed out again behind a vote",
     [](World& w) {
       const Entry second = HandMade::entry(one, w.opening);
       w.by.hand_out(a, {second});
       w.by.append(a, b, one, w.opening, {second});
       w.by.give(a);
       w.by.refuse(a);
       w.by.write(a, {w.by.vote(two, b)});
       w.by.grant(a, b, two);
       w.by.write(a, {second});
     }},
    {"ack-durable", "refused by a full disk is not durable",
     [](World& w) {
       const Entry second = w.commit_second();
       w.by.hand_out(c, {second});
       w.by.give(c);
       w.by.refuse(c);
       w.by.write(c, {HardState{one, {}, {}}});
       w.by.acknowledge(c, a, one, {2});
     }},
    {"refused-first", "what comes behind a refused append is written before it",
     [](World& w) {
       const Entry second = w.commit_second();
       w.by.hand_out(c, {second});
       w.by.give(c);
       w.by.refuse(c);
       w.by.skip(c);
       w.by.write(c, {HardState{one, {}, {}}});
     }},
    {"acknowledged-kept", "a durable entry is gone",
     [](World& w) {
       w.unfinished();
       w.by.start(a, {w.by.vote(one, a), w.opening});
     }},
    {"acknowledged-kept", "a committed one is gone",
     [](World& w) {
       w.commit_second();
       w.by.start(b, {w.by.vote(one, a), w.opening});
     }},
    {"", "what was not durable is gone",
     [](World& w) {
       w.by.hand_out(a, {HandMade::entry(one, w.opening)});
       w.by.give(a);
       w.by.start(a, {w.by.vote(one, a), w.opening});
     }},
    {"", "what was not reported durable is there",
     [](World& w) {
       const Entry second = HandMade::entry(one, w.opening);
       w.by.hand_out(a, {second});
       w.by.give(a);
       w.by.start(a, {w.by.vote(one, a), w.opening, second});
     }},
    {"", "a durable entry was replaced by one that was on its way",
     [](World& w) {
       w.unfinished();
       const Entry other = w.by.elect(b, c, two, w.opening);
       w.by.hand_out(a, {HardState{two, {}, {}}, other});
       w.by.give(a);
       w.by.start(a, {HardState{two, {}, {}}, w.opening, other});
     }},
    {"acknowledged-kept", "the vote is gone",
     [](World& w) {
       w.by.start(b, {HardState{one, {}, {}}, w.opening});
     }},
    {"acknowledged-kept", "the term falls",
     [](World& w) {
       w.by.write(b, {w.by.vote(two, b)});
       w.by.start(b, {w.by.vote(one, a), w.opening});
     }},
    {"", "an old copy knows no better",
     [](World& w) {
       w.unfinished();
       w.checks.died(a, sim::Death::old_copy);
       w.by.start(a, {w.by.vote(one, a), w.opening});
     }},
    {"", "it refuses to start",
     [](World& w) {
       w.checks.starting(a);
       w.by.start(a, {w.by.vote(one, a), w.opening});
     }},
    {"records-decode", "no record",
     [](World& w) {
       node::Effects effects;
       effects.raft_log.emplace_back(storage::Append{
           .ticket = 9, .records = {storage::LogRecord::make(99, {}, Blob::copy_of("?"))}});
       w.checks.turn(a, effects);
     }},
};

void judge(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.why);
    World world;
    std::string broken;
    std::string detail;
    try {
      row.schedule(world);
    } catch (const sim::Violation& violation) {
      broken = violation.invariant;
      detail = violation.what();
    }
    CAPTURE(detail);
    CHECK(broken == row.broken);
  }
}

}  // namespace

TEST_CASE("one leader a term, one vote a term, and both durable before they are told") {
  judge(elections);
}
TEST_CASE("logs agree, a leader's only grows, and holds what is committed") { judge(logs); }
TEST_CASE("a majority of durable copies commits, and all apply the same") { judge(commits); }
TEST_CASE("what was acknowledged is durable, and found again") { judge(disks); }

TEST_CASE("a real cluster keeps Raft's rules in any weather") {
  const sim::ChecksAreViolations failed_checks;
  std::map<std::string, std::size_t> struck;
  for (std::uint64_t seed = 1; seed <= 24; ++seed) {
    CAPTURE(seed);
    Storm storm({.seed = seed, .nodes = seed % 3 == 0 ? std::size_t{5} : std::size_t{3}});
    sim::RaftChecks checks(storm.cluster());
    CHECK_NOTHROW(storm.run(checks));
    CHECK(storm.mark > LogIndex{20});
    for (const auto& [kind, times] : storm.struck) struck[kind] += times;
  }
  for (const char* kind : {"kill", "power", "blackout", "wipe", "partition", "line", "full disk"}) {
    CAPTURE(kind);
    CHECK(struck[kind] > 0);
  }
}

}  // namespace causeway::testing
