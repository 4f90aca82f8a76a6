// The checker of clocks and stamps itself: each rule is kept by a good schedule and broken by a bad
// one, and a real cluster in bad weather keeps them all.
#include "sim/clock_checks.hpp"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "hand_made.hpp"
#include "kv/command.hpp"
#include "sim/violation.hpp"
#include "storm.hpp"

namespace causeway::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Peer a = 0;
constexpr Peer b = 1;
constexpr std::int64_t kYearMs = 31'536'000'000;
/// What an honest clock shows when a world begins.
constexpr std::uint64_t kStartMs = sim::kTrueWallMs + 1000;

Stamp at(std::int64_t ms, std::uint64_t counter = 0) {
  const Stamp whole = Stamp::from_wall_ms(kStartMs + static_cast<std::uint64_t>(ms));
  return {whole.value + counter};
}

/// Node a dates entries and makes offline writes; times are in ms since the world began.
struct World {
  World() {
    for (const Peer peer : {a, Peer{1}, Peer{2}}) by.start(peer);
  }

  sim::Cluster cluster{sim::ClusterSettings{.nodes = 3}};
  sim::ClockChecks checks{cluster};
  HandMade by{cluster, checks};
  Entry last;
  std::vector<storage::LogRecord> refused;

  sim::Clocks& clocks(Peer peer) { return cluster.node(cluster.name_of(peer)).clocks; }
  Origin origin(Peer peer) { return cluster.node(cluster.name_of(peer)).directory().origin; }
  void pass(Duration time) { cluster.run_for(time); }
  void look(Peer peer) { checks.turn(peer, {}); }

  /// Node a writes the next entry.
  void date(Stamp log_time, Blob payload = Blob::copy_of("x")) {
    last = {.index = last.index.next(),
            .term = {1},
            .log_time = log_time,
            .payload = std::move(payload)};
    by.write(a, {last});
  }

  crdt::OfflineWrite offline(std::uint64_t sequence, Stamp stamp, std::string key = "k") {
    crdt::OfflineWrite write;
    write.dot = {origin(a), {sequence}};
    write.stamp = stamp;
    write.seen = {.index = last.index, .log_time = last.log_time};
    write.key = std::move(key);
    return write;
  }
  void journal(const wire::JournalRecord& record) {
    node::Effects effects;
    effects.journal.emplace_back(to_journal(record));
    checks.turn(a, effects);
  }
  void settled(std::uint64_t through) {
    journal(crdt::Settled{.origin = origin(a), .through = {through}, .verdicts = {}});
  }

  /// An entry that sets key k through node a is applied there, with this stamp of its version.
  void set(Stamp log_time, Stamp stamp) {
    kv::Write write;
    write.call = {.origin = origin(a), .incarnation = {1}, .number = 1};
    write.key = "k";
    date(log_time, kv::encode(write));
    begin_apply();
    kv::WriteResult result{.version = version(last.index, stamp), .index = last.index};
    kv::Applied applied{.position = position()};
    applied.writes.push_back(result);
    checks.applied(a, applied);
  }
  /// The same with an offline write, which wins, or loses against a version.
  void settle(Stamp log_time, const crdt::OfflineWrite& write, crdt::VerdictKind kind,
              crdt::StoredVersion winner) {
    kv::Settle batch{.origin = origin(a), .incarnation = {1}, .items = {write}};
    date(log_time, kv::encode(batch));
    begin_apply();
    kv::Applied applied{.position = position()};
    applied.settles.push_back(
        {.index = last.index,
         .applied = true,
         .verdicts = {{.sequence = write.dot.sequence, .kind = kind, .winner = winner}}});
    checks.applied(a, applied);
  }
  /// Node a accepts what a leader sends.
  void hear(Stamp log_time) {
    checks.delivered(b, a, consensus::AppendEntries{.term = {1}, .log_time_now = log_time});
    checks.sent(a, b, consensus::AppendEntriesReply{.term = {1}, .accepted = true});
  }
  crdt::StoredVersion version(LogIndex revision, Stamp stamp,
                              crdt::WriteKind kind = crdt::WriteKind::consistent) {
    return {.revision = revision, .stamp = stamp, .origin = origin(a), .kind = kind};
  }

 private:
  void begin_apply() {
    kv::Apply apply;
    apply.entries.push_back({.index = last.index,
                             .term = last.term,
                             .log_time = last.log_time,
                             .payload = last.payload});
    checks.applying(a, apply);
  }
  [[nodiscard]] kv::AppliedPosition position() const {
    return {last.index, last.term, last.log_time, last.hash};
  }
};

struct Row {
  std::string broken;  ///< empty: none
  std::string why;
  std::function<void(World&)> schedule;
};

constexpr auto won = crdt::VerdictKind::won;
constexpr auto superseded = crdt::VerdictKind::superseded;
constexpr auto by_offline = crdt::WriteKind::offline;

const std::vector<Row> log_times = {
    {"", "they rise, if only by the counter", [](World& w) { w.date(at(0)), w.date(at(0, 1)); }},
    {"log-time-rises", "two are equal", [](World& w) { w.date(at(0)), w.date(at(0)); }},
    {"log-time-rises", "one falls", [](World& w) { w.date(at(0)), w.date(at(-50)); }},
    {"", "a follower writes the same entries",
     [](World& w) {
       w.date(at(0));
       w.by.write(b, {w.last});
     }},
    {"log-time-honest", "an entry ahead of all clocks", [](World& w) { w.date(at(100)); }},
    {"", "as far ahead as an honest clock is",
     [](World& w) {
       w.clocks(b).wall_offset_ms = 900;
       w.look(b);
       w.date(at(900));
     }},
    {"log-time-honest", "as far ahead as one that lies",
     [](World& w) {
       w.clocks(b).wall_offset_ms = kYearMs;
       w.look(b);
       w.date(at(kYearMs));
     }},
    {"log-time-honest", "it was honest, then it jumped",
     [](World& w) {
       w.look(b);
       w.clocks(b).wall_offset_ms = 2000;
       w.look(b);
       w.date(at(2000));
     }},
    {"", "most lie: they are believed",
     [](World& w) {
       for (const Peer peer : {a, b}) {
         w.clocks(peer).wall_offset_ms = kYearMs;
         w.look(peer);
       }
       w.date(at(kYearMs));
     }},
    {"", "with a monotonic clock that runs fast",
     [](World& w) {
       w.date(at(0));
       w.clocks(a).set_rate(w.cluster.time().now(), 1000);
       w.pass(seconds(100));
       w.date(at(100'100));
     }},
    {"", "which loses power meanwhile: what it gained before is not lost with it",
     [](World& w) {
       w.date(at(0));
       w.clocks(a).set_rate(w.cluster.time().now(), 100'000);
       w.pass(seconds(10));
       w.clocks(a).reboot(w.cluster.time().now());
       w.by.start(a, {w.last});
       w.pass(seconds(10));
       w.date(at(21'900));
     }},
    {"log-time-honest", "faster than any monotonic clock",
     [](World& w) {
       w.date(at(0));
       w.pass(seconds(100));
       w.date(at(100'100));
     }},
    {"log-time-moves", "it stands still while time passes",
     [](World& w) {
       w.date(at(0));
       w.pass(seconds(2));
       w.date(at(0, 1));
     }},
    {"", "a cluster that was down goes on where it was",
     [](World& w) {
       w.date(at(0));
       w.pass(seconds(3600));
       w.by.start(a, {w.last});
       w.date(at(1));
     }},
    {"log-time-moves", "but counts from the start",
     [](World& w) {
       w.date(at(0));
       w.pass(seconds(3600));
       w.by.start(a, {w.last});
       w.pass(seconds(2));
       w.date(at(1));
     }},
    {"", "what a full disk held up is dated when it was made",
     [](World& w) {
       w.date(at(0));
       w.checks.raft_log_done(b, {storage::Refused{.first_ticket = 1, .error = {}, .appends = {}}});
       w.pass(seconds(2));
       w.date(at(0, 1));
     }},
    {"", "a full disk refused an entry and the one of a new leader before it: both come again",
     [](World& w) {
       w.date(at(0)), w.date(at(1)), w.date(at(2));
       const auto entry = [](std::uint64_t index, Term term, Stamp log_time) {
         return Entry{.index = {index}, .term = term, .log_time = log_time};
       };
       const Entry late = entry(4, {1}, at(3));
       const Entry newer = entry(2, {2}, at(4));
       w.by.hand_out(a, {late}), w.by.hand_out(a, {newer});
       w.by.give(a), w.by.refuse(a);
       w.by.hand_out(a, {late}), w.by.hand_out(a, {newer});
       w.by.sync(a);
       w.by.write(a, {entry(3, {2}, at(5))});
     }},
    {"log-time-rises", "an entry behind a gap",
     [](World& w) {
       w.date(at(0));
       w.by.write(a, {{Entry{.index = {3}, .term = {1}, .log_time = at(1)}}});
     }},
};

const std::vector<Row> stamps = {
    {"", "consistent versions bear their log time",
     [](World& w) { w.set(at(0), at(0)), w.set(at(1), at(1)); }},
    {"stamps-rise", "a consistent one bears another", [](World& w) { w.set(at(0), at(-1)); }},
    {"", "an offline write wins with its own stamp",
     [](World& w) {
       w.set(at(0), at(0));
       w.settle(at(5), w.offline(1, at(3)), won, w.version({2}, at(3), by_offline));
     }},
    {"stamps-rise", "beyond the log time of its entry",
     [](World& w) {
       w.settle(at(5), w.offline(1, at(6)), won, w.version({1}, at(6), by_offline));
     }},
    {"stamps-rise", "not above the version before",
     [](World& w) {
       w.set(at(0), at(0));
       w.settle(at(5), w.offline(1, at(0)), won, w.version({2}, at(0), by_offline));
     }},
    {"stamps-rise", "the one before is known later",
     [](World& w) {
       const auto first = w.version({1}, at(4), by_offline);
       w.date(at(4));
       w.checks.applying(a, kv::Apply{{{.index = {1}, .term = {1}, .log_time = at(4)}}});
       w.settle(at(5), w.offline(1, at(3)), won, w.version({2}, at(3), by_offline));
       w.settle(at(5, 1), w.offline(2, at(3)), superseded, first);
     }},
    {"stamps-rise", "one revision has two",
     [](World& w) {
       w.settle(at(5), w.offline(1, at(3)), won, w.version({1}, at(3), by_offline));
       w.settle(at(5, 1), w.offline(2, at(3)), superseded, w.version({1}, at(4), by_offline));
     }},
    {"", "offline writes of a node",
     [](World& w) { w.journal(w.offline(1, at(0))), w.journal(w.offline(2, at(0, 1))); }},
    {"node-stamps-rise", "two are equal",
     [](World& w) { w.journal(w.offline(1, at(0))), w.journal(w.offline(2, at(0))); }},
    {"node-stamps-rise", "after a restart",
     [](World& w) {
       w.journal(w.offline(1, at(0)));
       w.checks.starting(a);
       w.checks.recovered(a, wire::JournalRecord(w.offline(1, at(0))));
       w.checks.started(a);
       w.journal(w.offline(2, at(-1)));
     }},
    {"", "a record is rewritten forward",
     [](World& w) {
       w.journal(w.offline(1, at(0))), w.journal(w.offline(2, at(1)));
       w.journal(w.offline(1, at(0)));
     }},
    {"", "a clock that ran ahead returns when its writes are settled",
     [](World& w) {
       w.journal(w.offline(1, at(kYearMs)));
       w.settled(1);
       w.journal(w.offline(2, at(0)));
     }},
    {"", "or were refused by a full disk",
     [](World& w) {
       w.journal(w.offline(1, at(kYearMs)));
       w.checks.journal_done(
           a, {storage::Refused{.first_ticket = 1,
                                .error = {},
                                .appends = {to_journal(w.offline(1, at(kYearMs)))}}});
       w.journal(w.offline(2, at(0)));
     }},
    {"", "an effect",
     [](World& w) {
       w.set(at(0), at(0));
       w.journal(w.offline(1, at(0, 1)));
     }},
    {"effect-exceeds-cause", "below what it had seen",
     [](World& w) {
       w.set(at(0), at(0));
       w.journal(w.offline(1, at(0)));
     }},
    {"", "of another key",
     [](World& w) {
       w.set(at(0), at(0));
       w.journal(w.offline(1, at(-1), "other"));
     }},
    {"", "below a version that was not applied there",
     [](World& w) {
       const crdt::OfflineWrite before = w.offline(1, at(-1));
       w.set(at(0), at(0));
       w.journal(before);
     }},
};

const std::vector<Row> near = {
    {"", "it has heard of no log time", [](World& w) { w.journal(w.offline(1, at(kYearMs))); }},
    {"", "as far ahead as the drift allows",
     [](World& w) { w.hear(at(0)), w.journal(w.offline(1, at(500))); }},
    {"stamp-near-log-time", "further",
     [](World& w) { w.hear(at(0)), w.journal(w.offline(1, at(510))); }},
    {"", "it heard that long ago",
     [](World& w) {
       w.hear(at(0));
       w.pass(seconds(100));
       w.journal(w.offline(1, at(100'500)));
     }},
    {"stamp-near-log-time", "but not so long",
     [](World& w) {
       w.hear(at(0));
       w.pass(seconds(100));
       w.journal(w.offline(1, at(100'510)));
     }},
    {"", "just above what it made before and holds",
     [](World& w) {
       w.journal(w.offline(1, at(kYearMs)));
       w.hear(at(0));
       w.journal(w.offline(2, at(kYearMs, 1)));
     }},
    {"stamp-near-log-time", "far above that",
     [](World& w) {
       w.journal(w.offline(1, at(kYearMs)));
       w.hear(at(0));
       w.journal(w.offline(2, at(kYearMs + 1)));
     }},
    {"", "after a restart it has heard of none",
     [](World& w) {
       w.hear(at(0));
       w.by.start(a);
       w.journal(w.offline(1, at(kYearMs)));
     }},
    {"", "a message of an older leader is none",
     [](World& w) {
       w.checks.delivered(b, a, consensus::AppendEntries{.term = {1}, .log_time_now = at(0)});
       w.checks.sent(a, b, consensus::AppendEntriesReply{.term = {2}});
       w.journal(w.offline(1, at(kYearMs)));
     }},
    {"", "as a leader it goes by its own",
     [](World& w) {
       w.hear(at(0));
       w.checks.sent(a, b, consensus::AppendEntries{.term = {2}});
       w.journal(w.offline(1, at(kYearMs)));
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

TEST_CASE("log time rises, moves with monotonic clocks and stays within the honest majority's") {
  judge(log_times);
}
TEST_CASE("stamps rise along a key and at a node, and an effect exceeds its cause") {
  judge(stamps);
}

TEST_CASE("a node that heard a leader gives no stamp far ahead of log time") { judge(near); }

TEST_CASE("a real cluster keeps the rules of time in any weather") {
  const sim::ChecksAreViolations failed_checks;
  std::map<std::string, std::size_t> struck;
  for (std::uint64_t seed = 101; seed <= 124; ++seed) {
    CAPTURE(seed);
    Storm storm({.seed = seed, .nodes = seed % 3 == 0 ? std::size_t{5} : std::size_t{3}});
    sim::ClockChecks checks(storm.cluster());
    CHECK_NOTHROW(storm.run(checks));
    CHECK(storm.mark > LogIndex{20});
    for (const auto& [kind, times] : storm.struck) struck[kind] += times;
  }
  for (const char* kind : {"clock", "power", "blackout", "full disk"}) {
    CAPTURE(kind);
    CHECK(struck[kind] > 0);
  }
}

}  // namespace causeway::testing
