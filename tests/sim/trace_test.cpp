// What a trace tells, and what its hash sees.

#include "sim/trace.hpp"

#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "crdt/dot.hpp"
#include "kv/command.hpp"
#include "sim/cluster.hpp"
#include "wire/log_record.hpp"

using namespace causeway;
using namespace causeway::sim;
using std::chrono::milliseconds;

namespace {

constexpr Origin kOriginOf3{0x1234};

consensus::Entry entry(std::uint64_t index, Blob payload = {}) {
  return {.index = {index}, .term = {4}, .payload = std::move(payload), .hash = 100 + index};
}

consensus::AppendEntries append(std::vector<consensus::Entry> entries) {
  consensus::AppendEntries message{.term = {4}, .prev_log_index = {17}, .prev_log_term = {3}};
  message.leader_commit = {17};
  message.round = 9;
  message.entries = std::move(entries);
  return message;
}

Blob write_of(std::string_view key, std::string_view value) {
  kv::Write write;
  write.call = {.origin = kOriginOf3, .incarnation = {5}, .number = 12};
  write.key = key;
  write.value = value;
  return kv::encode(write);
}

wire::WriteCall set_call(std::string key, std::string_view value, bool consistent) {
  wire::WriteCall call{.key = std::move(key), .value = Blob::copy_of(value)};
  call.consistent = consistent;
  if (!consistent) call.timeout_ms = 500;
  return call;
}

wire::Reply answer(Response response) { return wire::Answer(std::move(response)); }

storage::Append append_record(storage::LogRecord record) {
  storage::Append append{.ticket = 7};
  append.records.push_back(std::move(record));
  return append;
}

node::Effects raft_log(storage::LogRecord record) {
  node::Effects effects;
  effects.raft_log.emplace_back(append_record(std::move(record)));
  return effects;
}

storage::LogRecord entry_record(const consensus::Entry& entry) {
  char head[wire::kEntryHeadBytes];
  wire::encode_entry_head(entry, head);
  return storage::LogRecord::make(static_cast<std::uint8_t>(wire::RecordType::entry),
                                  {head, sizeof head}, entry.payload);
}

/// What one call on a fresh trace adds.
std::string line_of(const std::function<void(Trace&)>& happen) {
  Trace trace;
  trace.befell(0, 1, Network::Fate::stale);
  std::string line;
  trace.on_line = [&](const std::string& added) { line = added; };
  happen(trace);
  return line;
}

/// Three nodes for two virtual seconds, one of which dies.
std::uint64_t run_cluster(std::uint64_t seed, Trace& trace) {
  Cluster cluster({.seed = seed});
  trace.follow(cluster.time());
  cluster.observe(trace);
  for (const Cluster::Name& name : cluster.names()) REQUIRE(cluster.try_start(name).has_value());
  cluster.run_for(milliseconds(1500));
  cluster.call("2", set_call("k", "v", false));
  cluster.call("3", set_call("k", "w", true));
  cluster.run_for(milliseconds(500));
  cluster.kill("1");
  return trace.hash();
}

}  // namespace

TEST_CASE("each event has words that a developer can follow") {
  struct Row {
    const char* words;
    std::function<void(Trace&)> happen;
  };
  const Row rows[] = {
      {"2 starts", [](Trace& t) { t.starting(1); }},
      {"2 has recovered: log up to 18@4, term 5, 0 journal records",
       [](Trace& t) {
         t.starting(1);
         t.recovered(1, wire::RaftRecord(entry(18)));
         t.recovered(1, wire::RaftRecord(consensus::HardState{.term = {5}}));
         t.started(1);
       }},
      {"2 is ready", [](Trace& t) { t.ready(1); }},
      {"2 is killed", [](Trace& t) { t.died(1, Death::kill); }},
      {"2 loses power", [](Trace& t) { t.died(1, Death::power); }},
      {"2 ends: corrupt, at offset 7",
       [](Trace& t) {
         t.ended(1, Error{Errc::corrupt, "at offset 7"});
       }},
      {"2 ends", [](Trace& t) { t.ended(1, std::nullopt); }},
      {"3 -> 1 AppendEntries term 4 prev 17@3 entries 18..20 commit 17 round 9",
       [](Trace& t) {
         t.delivered(2, 0, append({entry(18), entry(19), entry(20)}));
       }},
      {"3 -> 1 AppendEntries term 4 prev 17@3 entries 18 commit 17 round 9",
       [](Trace& t) { t.delivered(2, 0, append({entry(18)})); }},
      {"3 -> 1 AppendEntries term 4 prev 17@3 commit 17 round 9",
       [](Trace& t) { t.delivered(2, 0, append({})); }},
      {"3 -> 1 AppendEntriesReply term 4 match 20",
       [](Trace& t) {
         t.delivered(
             2, 0,
             consensus::AppendEntriesReply{.term = {4}, .accepted = true, .match_index = {20}});
       }},
      {"3 -> 1 AppendEntriesReply term 4 refused, conflict 15@3 round 9",
       [](Trace& t) {
         consensus::AppendEntriesReply reply{.term = {4}};
         reply.conflict_index = {15};
         reply.conflict_term = {3};
         reply.round = 9;
         t.delivered(2, 0, reply);
       }},
      {"3 -> 1 PreVote term 4 last 17@3",
       [](Trace& t) {
         consensus::RequestVote vote{.term = {4}, .last_log_index = {17}, .last_log_term = {3}};
         vote.pre = true;
         t.delivered(2, 0, vote);
       }},
      {"3 -> 1 RequestVoteReply term 4 granted",
       [](Trace& t) {
         t.delivered(2, 0, consensus::RequestVoteReply{.term = {4}, .granted = true});
       }},
      {"3 -> 1 Forward term 4 writes 7..8: k=v (write 12 of 0000000000001234), ...",
       [](Trace& t) {
         consensus::Forward forward{.term = {4}, .first_counter = 7};
         forward.items = {{.payload = write_of("k", "v")}, {.payload = write_of("l", "v")}};
         t.delivered(2, 0, forward);
       }},
      {"3 -> 1 ForwardReply term 4 next 9, refuses 2 of 5..7",
       [](Trace& t) {
         consensus::ForwardReply reply{.term = {4}, .next_counter = 9};
         reply.refused = {5, 7};
         t.delivered(2, 0, reply);
       }},
      {"3 -> 1 ReadIndexReply term 4 id 3 index 20",
       [](Trace& t) {
         t.delivered(2, 0, consensus::ReadIndexReply{{4}, 3, true, {20}});
       }},
      {"3 -> 1 TimeoutNow is lost",
       [](Trace& t) {
         t.sent(2, 0, consensus::TimeoutNow{{4}});
         t.befell(2, 0, Network::Fate::lost);
       }},
      {"3 -> 1 Hello is damaged", [](Trace& t) { t.befell(2, 0, Network::Fate::hello_damaged); }},
      {"3 -> 1 given up: nothing is acknowledged",
       [](Trace& t) { t.befell(2, 0, Network::Fate::silent); }},
      {"3 -> 1 given up: too much waits for it",
       [](Trace& t) { t.befell(2, 0, Network::Fate::overflowed); }},
      {"3 -> 1 a message is stale", [](Trace& t) { t.befell(2, 0, Network::Fate::stale); }},
      {"3 leads in term 4", [](Trace& t) { t.sent(2, 0, append({})); }},
      {"2 logs (ticket 7) 18@4: k=v (write 12 of 0000000000001234)",
       [](Trace& t) { t.turn(1, raft_log(entry_record(entry(18, write_of("k", "v"))))); }},
      {"2 logs (ticket 7) term 5, vote for 3",
       [](Trace& t) {
         const consensus::HardState state{
             .term = {5}, .voted_for = "3", .voted_origin = kOriginOf3};
         t.turn(1, raft_log(storage::LogRecord::make(
                       static_cast<std::uint8_t>(wire::RecordType::hard_state), {},
                       Blob::copy_of(wire::encode(state)))));
       }},
      {"2 journals (ticket 7) 0000000000001234:6 k=v in place of 0000000000001234:4",
       [](Trace& t) {
         crdt::OfflineWrite write{.dot = {kOriginOf3, {6}}, .key = "k"};
         write.value = Blob::copy_of("v");
         write.replaces = {4};
         node::Effects effects;
         effects.journal.emplace_back(append_record(
             storage::LogRecord::make(static_cast<std::uint8_t>(wire::RecordType::offline_write),
                                      {}, Blob::copy_of(wire::encode(write)))));
         t.turn(1, effects);
       }},
      {"2 journal durable up to ticket 7",
       [](Trace& t) { t.journal_done(1, {storage::Durable{7}}); }},
      {"2 says: the disk is full",
       [](Trace& t) {
         node::Effects effects;
         effects.log.push_back({node::LogLine::Level::warn, "the disk is full"});
         t.turn(1, effects);
       }},
      {"2 has applied 20@4",
       [](Trace& t) { t.applied(1, {.position = {.index = {20}, .term = {4}}}); }},
      {"2 own write 12 at 20: mismatch",
       [](Trace& t) {
         kv::Applied applied{.position = {.index = {20}, .term = {4}}};
         applied.writes.push_back(
             {.number = 12, .status = kv::WriteResult::Status::mismatch, .index = {20}});
         t.applied(1, applied);
       }},
      {"2 own offline write 6 at 20: superseded, revision 19 stands",
       [](Trace& t) {
         kv::Applied applied{.position = {.index = {20}, .term = {4}}};
         crdt::Verdict verdict{.sequence = {6}, .kind = crdt::VerdictKind::superseded};
         verdict.winner.revision = {19};
         kv::SettleResult settled;
         settled.index = {20};
         settled.verdicts = {verdict};
         applied.settles.push_back(settled);
         t.applied(1, applied);
       }},
      {"3 is called (17): set k=v, offline, 500ms",
       [](Trace& t) {
         t.called(2, {1, 17}, set_call("k", "v", false));
       }},
      {"3 is called (17): set k=(100 bytes)",
       [](Trace& t) {
         t.called(2, {1, 17}, set_call("k", std::string(100, 'x'), true));
       }},
      {"3 answers call 17: timeout, budget",
       [](Trace& t) {
         t.answered(2, 17, answer({.timeout = true, .reason = TimeoutReason::budget}));
       }},
      {"3 answers call 17: pending as 3:6",
       [](Trace& t) {
         t.answered(2, 17, answer({.valid = true, .token = crdt::to_string(Dot{kOriginOf3, {6}})}));
       }},
      {"3 answers call 17: done, v, revision 20",
       [](Trace& t) {
         t.answered(2, 17,
                    answer({.valid = true, .value = "v", .version = Version{{20}, {}, {}, {}}}));
       }},
      {"3 answers call 17: refused: journal_full, it is",
       [](Trace& t) {
         t.answered(2, 17, wire::CallError{.error = {Errc::journal_full, "it is"}});
       }},
      {"fault: partition 1 2 | 3", [](Trace& t) { t.fault("partition 1 2 | 3"); }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.words);
    CHECK(line_of(row.happen) == "0.000000s " + std::string(row.words));
  }
}

TEST_CASE("lines are dated from the moment that the trace began to follow") {
  Schedule schedule;
  schedule.run_until(schedule.now() + milliseconds(70));
  Trace trace;
  trace.follow(schedule);
  schedule.run_until(schedule.now() + std::chrono::microseconds(12'345'678));
  trace.died(1, Death::kill);
  CHECK(trace.tail() == "12.345678s 2 is killed\n");
}

TEST_CASE("an origin that is heard of gets its node's name, a second one a tick") {
  Trace trace;
  node::Effects effects;
  effects.hellos.push_back({.peer = 0, .hello = {.origin = kOriginOf3}});
  trace.turn(2, effects);
  effects.hellos.clear();
  effects.new_origin = Origin{99};
  trace.turn(2, effects);
  trace.answered(2, 1, answer({.valid = true, .token = crdt::to_string(Dot{{99}, {1}})}));
  trace.answered(1, 2, answer({.valid = true, .token = crdt::to_string(Dot{{98}, {1}})}));
  CHECK(trace.tail() ==
        "0.000000s 3 takes a new origin\n"
        "0.000000s 3 answers call 1: pending as 3':1\n"
        "0.000000s 2 answers call 2: pending as 2:1\n");
}

TEST_CASE("the tail is the newest events, and the lines are all of them") {
  Trace trace(3);
  std::vector<std::string> lines;
  trace.on_line = [&](const std::string& line) { lines.push_back(line); };
  CHECK(trace.tail().empty());
  trace.fault("1");
  CHECK(trace.tail() == "0.000000s fault: 1\n");
  for (int i = 2; i <= 8; ++i) trace.fault(std::to_string(i));
  CHECK(trace.tail() == "0.000000s fault: 6\n0.000000s fault: 7\n0.000000s fault: 8\n");
  CHECK(trace.events() == 8);
  CHECK(lines.size() == 8);
  CHECK(lines.back() == "0.000000s fault: 8");
}

TEST_CASE("the same seed gives the same hash, whoever listens; another seed another one") {
  Trace plain;
  Trace again;
  Trace heard(1);
  std::uint64_t lines = 0;
  heard.on_line = [&](const std::string&) { ++lines; };
  Trace other;
  const std::uint64_t hash = run_cluster(1, plain);
  CHECK(plain.events() > 100);
  CHECK(run_cluster(1, again) == hash);
  CHECK(again.tail() == plain.tail());
  CHECK(run_cluster(1, heard) == hash);
  CHECK(lines == heard.events());
  CHECK(run_cluster(2, other) != hash);
}

TEST_CASE("the hash sees what the words leave out") {
  const auto hash_of = [](const std::function<void(Trace&)>& happen) {
    Trace trace;
    happen(trace);
    return trace.hash();
  };
  const std::string large(100, 'x');
  std::string damaged = large;
  damaged[50] = 'y';
  const auto call = [&](const std::string& value) {
    return hash_of([&](Trace& t) { t.called(0, {1, 1}, set_call("k", value, true)); });
  };
  CHECK(call(large) != call(damaged));
  const auto forward = [&](const std::string& value) {
    consensus::Forward message{.term = {4}, .first_counter = 7};
    message.items = {{.payload = write_of("k", "v")}, {.payload = write_of("l", value)}};
    return hash_of([&](Trace& t) { t.delivered(2, 0, message); });
  };
  CHECK(forward(large) != forward(damaged));
  const auto logged = [&](const std::string& value) {
    return hash_of(
        [&](Trace& t) { t.turn(0, raft_log(entry_record(entry(18, write_of("k", value))))); });
  };
  CHECK(logged(large) != logged(damaged));
  consensus::Entry changed = entry(18);
  changed.hash ^= 1;
  CHECK(hash_of([&](Trace& t) { t.delivered(2, 0, append({entry(18)})); }) !=
        hash_of([&](Trace& t) { t.delivered(2, 0, append({changed})); }));
  // The order counts, and which of two nodes it was.
  CHECK(hash_of([](Trace& t) { t.ready(0), t.ready(1); }) !=
        hash_of([](Trace& t) { t.ready(1), t.ready(0); }));
}
