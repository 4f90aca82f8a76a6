// A test for each claim of the Raft paper (Ongaro and Ousterhout 2014) and of Ongaro's dissertation
// that this code relies on, in their order, with the section.
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "cluster.hpp"
#include "solo.hpp"

namespace causeway::consensus::testing {
namespace {

RequestVote vote_request(Term term, LogPosition last) {
  return {
      .term = term, .last_log_index = last.index, .last_log_term = last.term, .cluster = kCluster};
}

bool granted(const Effects& out, Peer to) {
  const auto replies = sent<RequestVoteReply>(out, to);
  return replies.size() == 1 && replies[0].granted;
}

/// Entries of these terms behind the opening configuration, as figures 7 and 8 draw logs.
std::vector<Record> disk_of(const Configuration& configuration,
                            const std::vector<std::uint64_t>& terms, Term current) {
  std::vector<Record> records;
  Chain chain;
  records.emplace_back(chain.add({1}, configuration));
  for (const std::uint64_t term : terms) {
    records.emplace_back(chain.add({term}));
  }
  records.emplace_back(HardState{.term = current, .voted_for = {}, .voted_origin = {}});
  return records;
}

}  // namespace

TEST_CASE("5.1: an answer of an earlier term counts for nothing, whatever it acknowledges") {
  Solo solo;
  solo.become_leader();
  AppendEntriesReply late = solo.acknowledgement(solo.raft.log().last().index, 1);
  late.term = {5};
  solo.receive(1, late);
  solo.receive(2, late);
  CHECK(solo.raft.commit_index() == LogIndex{1});
}

TEST_CASE(
    "5.2: a follower that hears nothing starts an election, one that hears a leader does not") {
  Solo silent;
  silent.pass(2000ms);
  CHECK(silent.raft.role() == Role::candidate);
  Solo led;
  for (int i = 0; i < 50; ++i) {
    led.follow();
    led.pass(100ms);
  }
  CHECK(led.raft.role() == Role::follower);
}

TEST_CASE(
    "5.2: a vote goes to one candidate in a term, whoever asks first, however often it asks") {
  Solo solo;
  const RequestVote request = vote_request({6}, solo.raft.log().last());
  solo.receive(1, request);
  CHECK(granted(solo.sync(), 1));
  CHECK_FALSE(granted(solo.receive(2, request), 2));
  CHECK(granted(solo.receive(1, request), 1));
}

TEST_CASE("5.2: a vote is durable before it leaves, and survives a restart") {
  Solo solo;
  const Effects out = solo.receive(1, vote_request({6}, solo.raft.log().last()));
  CHECK(out.messages.empty());
  REQUIRE(out.after_sync.size() == 1);
  CHECK(out.after_ticket == out.ticket);
  Recovered past = usual_past();
  past.hard_state = std::get<HardState>(out.records.back());
  Solo restarted(std::move(past));
  CHECK_FALSE(granted(restarted.receive(2, vote_request({6}, restarted.raft.log().last())), 2));
  CHECK(granted(restarted.receive(1, vote_request({6}, restarted.raft.log().last())), 1));
}

TEST_CASE("5.2: a vote for a directory is not one for another under the same name") {
  Configuration unbound = all_bound();
  unbound.members[1].origin = {};
  Solo solo(usual_past(unbound));
  solo.receive(1, vote_request({6}, solo.raft.log().last()));
  CHECK(granted(solo.sync(), 1));
  solo.connect(1, Origin{999});
  CHECK_FALSE(granted(solo.receive(1, vote_request({6}, solo.raft.log().last())), 1));
}

TEST_CASE("5.2: a candidate asks, and counts its own vote, only when that is durable") {
  Solo solo;
  solo.become_candidate();
  const Effects early = solo.receive(1, RequestVoteReply{.term = {6}, .granted = true, .wall = {}});
  CHECK(solo.raft.role() == Role::candidate);
  CHECK(sent<RequestVote>(early, 1).empty());
  const Effects out = solo.sync();
  CHECK(sent<RequestVote>(out, 1).size() == 1);
  CHECK(solo.raft.role() == Role::leader);
}

TEST_CASE("5.2: a vote leaves with its hard state, though entries before it are not durable") {
  Solo solo;
  Chain chain(solo.raft.log().last());
  solo.follow();
  AppendEntries append = solo.heartbeat();
  append.entries = {chain.add({5}), chain.add({5})};
  solo.receive(1, append);
  const Effects asked = solo.receive(2, RequestVote{.term = {6},
                                                    .last_log_index = {9},
                                                    .last_log_term = {5},
                                                    .cluster = kCluster,
                                                    .transfer = true});
  REQUIRE(asked.after_sync.size() == 1);
  CHECK(asked.after_ticket == asked.ticket);
  CHECK(granted(solo.sync_hard_state(), 2));
  CHECK(sent<RequestVoteReply>(solo.sync(), 2).empty());
}

TEST_CASE("5.2: a message that rests on the term does not wait for entries behind it") {
  Solo solo;
  Chain chain(solo.raft.log().last());
  const std::uint64_t term_6 = solo.receive(1, solo.heartbeat({6})).ticket;
  AppendEntries append = solo.heartbeat({6});
  append.entries = {chain.add({6})};
  const Effects appended = solo.receive(1, append);
  CHECK(appended.ticket > term_6);
  CHECK(appended.after_ticket == term_6);
}

TEST_CASE("5.2: the term may be durable before entries; what is acknowledged never is") {
  Solo solo;
  Chain chain(solo.raft.log().last());
  solo.follow();
  AppendEntries append = solo.heartbeat();
  append.entries = {chain.add({5}), chain.add({5})};
  solo.receive(1, append);
  solo.receive(2, solo.heartbeat({6}));  // a new leader, whose log ends as this one does
  const auto before = sent<AppendEntriesReply>(solo.sync_hard_state(), 2);
  REQUIRE(before.size() == 1);
  CHECK(before[0].accepted);
  CHECK(before[0].term == Term{6});
  CHECK(before[0].match_index == LogIndex{3});
  AppendEntries commit = solo.heartbeat({6});
  commit.leader_commit = {5};
  solo.receive(2, commit);
  CHECK(solo.raft.commit_index() == LogIndex{5});
  CHECK(solo.raft.apply_index() == LogIndex{3});
  const auto after = sent<AppendEntriesReply>(solo.sync(), 2);
  REQUIRE(after.size() == 1);
  CHECK(after[0].match_index == LogIndex{5});
  CHECK(solo.raft.apply_index() == LogIndex{5});
}

TEST_CASE("5.2: a candidate's vote counts once it is durable, its entries once they are") {
  Solo solo;
  Chain chain(solo.raft.log().last());
  solo.follow();
  AppendEntries append = solo.heartbeat();
  append.entries = {chain.add({5}), chain.add({5})};
  solo.receive(1, append);
  solo.receive(1, TimeoutNow{{5}});
  solo.receive(2, RequestVoteReply{.term = {6}, .granted = true, .wall = solo.wall()});
  CHECK(solo.raft.role() == Role::candidate);
  const Effects out = solo.sync_hard_state();
  CHECK(sent<RequestVote>(out, 1).size() == 1);
  CHECK(solo.raft.role() == Role::leader);
  solo.acknowledge_all(2);
  CHECK(solo.raft.commit_index() == LogIndex{1});  // one durable copy of three, and it is not here
  solo.sync();
  CHECK(solo.raft.commit_index() == solo.raft.log().last().index);
}

TEST_CASE("5.2: a candidate that hears from a leader of its term follows it") {
  Solo solo;
  solo.become_candidate();
  solo.sync();
  solo.receive(2, solo.heartbeat({6}));
  CHECK(solo.raft.role() == Role::follower);
  CHECK(solo.raft.leader() == Peer{2});
}

TEST_CASE("5.2: split votes are resolved, since timeouts are drawn again for each election") {
  std::set<Duration> drawn;
  Solo solo;
  for (int i = 0; i < 20; ++i) {
    drawn.insert(solo.raft.next_deadline() - solo.clock().mono);
    solo.pass(2000ms);
  }
  CHECK(drawn.size() > 15);
  CHECK(*drawn.begin() >= 1000ms);
  CHECK(*drawn.rbegin() < 2000ms);
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    CAPTURE(seed);
    Cluster cluster(5, seed);
    CHECK(cluster.run_until([&] { return cluster.leader().has_value(); }, 3s));
    CHECK(cluster.violation() == "");
  }
}

TEST_CASE("5.3: an entry is committed once a majority stores it durably") {
  Solo solo;
  solo.become_leader();
  solo.acknowledge_all(1);
  const LogIndex before = solo.raft.commit_index();
  CHECK(before == solo.raft.log().last().index);
  solo.step([&](Effects& out) {
    solo.raft.propose(solo.clock(), 1, Blob::copy_of("v"), std::nullopt, out);
  });
  CHECK(solo.raft.log().last().index == before.next());
  solo.acknowledge_all(1);
  CHECK(solo.raft.commit_index() == before);  // the leader's own copy is not durable yet
  solo.acknowledge_all(2);
  CHECK(solo.raft.commit_index() == before.next());  // nor is it needed
  CHECK(solo.raft.apply_index() == before);          // but it applies only what it holds durably
  solo.sync();
  CHECK(solo.raft.apply_index() == before.next());
}

TEST_CASE("5.3: a follower acknowledges what is durable, and no more") {
  Solo solo;
  solo.follow();
  AppendEntries append = solo.heartbeat();
  Chain chain(solo.raft.log().last());
  append.entries = {chain.add({5}), chain.add({5})};
  const Effects out = solo.receive(1, append);
  REQUIRE(sent<AppendEntriesReply>(out, 1).size() == 1);  // for its round: the leader is not dead
  CHECK(sent<AppendEntriesReply>(out, 1)[0].match_index == LogIndex{3});
  const auto replies = sent<AppendEntriesReply>(solo.sync(), 1);
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].accepted);
  CHECK(replies[0].match_index == LogIndex{5});
}

TEST_CASE("5.3: a follower acknowledges only what it compared with this leader's log") {
  Solo solo;  // holds three durable entries
  AppendEntries append = solo.heartbeat();
  append.prev_log_index = {2};
  append.prev_log_term = {2};
  append.prev_log_hash = solo.raft.log().find({2})->hash;
  append.leader_commit = {3};
  const Effects out = solo.receive(1, append);
  const Effects after = solo.sync();  // the term was new neither to disk nor node: nothing waits
  CHECK(after.messages.empty());
  REQUIRE(sent<AppendEntriesReply>(out, 1).size() == 1);
  CHECK(sent<AppendEntriesReply>(out, 1)[0].match_index == LogIndex{2});
  CHECK(solo.raft.commit_index() == LogIndex{2});
}

TEST_CASE("5.3: an append behind what the follower holds is refused with where its log ends") {
  Solo solo;
  AppendEntries append = solo.heartbeat();
  append.prev_log_index = {9};
  const auto replies = sent<AppendEntriesReply>(solo.receive(1, append), 1);
  REQUIRE(replies.size() == 1);
  CHECK_FALSE(replies[0].accepted);
  CHECK(replies[0].conflict_term == Term{0});
  CHECK(replies[0].conflict_index == LogIndex{4});
}

TEST_CASE("5.3: a conflict is refused with the term in the way and its first index") {
  Solo solo;
  AppendEntries append = solo.heartbeat();
  append.prev_log_term = {3};
  const auto replies = sent<AppendEntriesReply>(solo.receive(1, append), 1);
  REQUIRE(replies.size() == 1);
  CHECK_FALSE(replies[0].accepted);
  CHECK(replies[0].conflict_term == Term{4});
  CHECK(replies[0].conflict_index == LogIndex{3});
}

TEST_CASE("5.3: a conflicting entry and all behind it give way; what agrees stays") {
  Solo solo;
  AppendEntries append = solo.heartbeat();
  const LogPosition second = *solo.raft.log().position({2});
  append.prev_log_index = {1};
  append.prev_log_term = {1};
  append.prev_log_hash = solo.raft.log().find({1})->hash;
  Chain chain(second);
  append.entries = {*solo.raft.log().find({2}), chain.add({3}), chain.add({5})};
  const Effects out = solo.receive(1, append);
  REQUIRE(out.records.size() == 2);  // only what is new is written
  CHECK(std::get<Entry>(out.records[0]).index == LogIndex{3});
  CHECK(solo.raft.log().last() == chain.last());
}

TEST_CASE("5.3: a shorter append that comes late cuts nothing off") {
  Solo solo;
  AppendEntries append = solo.heartbeat();
  append.prev_log_index = {1};
  append.prev_log_term = {1};
  append.prev_log_hash = solo.raft.log().find({1})->hash;
  append.entries = {*solo.raft.log().find({2})};
  const Effects out = solo.receive(1, append);
  CHECK(out.records.empty());
  CHECK(solo.raft.log().last().index == LogIndex{3});
}

TEST_CASE(
    "5.3, scenario 10: an append before the commit index is no conflict and truncates nothing") {
  Recovered past = usual_past();
  past.commit_index = {3};
  Solo solo(std::move(past));
  AppendEntries append = solo.heartbeat();
  append.prev_log_index = {1};
  append.prev_log_term = {1};
  append.prev_log_hash = solo.raft.log().find({1})->hash;
  const Effects out = solo.receive(1, append);
  REQUIRE(sent<AppendEntriesReply>(out, 1).size() == 1);
  CHECK(sent<AppendEntriesReply>(out, 1)[0].accepted);
  CHECK(out.corrupt == "");
  CHECK(solo.raft.log().last().index == LogIndex{3});
}

TEST_CASE(
    "5.3, scenario 17: a leader that would delete below the commit index is refused in words") {
  Recovered past = usual_past();
  past.commit_index = {3};
  Solo solo(std::move(past));
  AppendEntries append = solo.heartbeat();
  append.prev_log_index = {2};
  append.prev_log_term = {2};
  append.prev_log_hash = solo.raft.log().find({2})->hash;
  append.entries = {Chain(*solo.raft.log().position({2})).add({5})};
  const Effects out = solo.receive(1, append);
  CHECK(out.corrupt.find("entry 3") != std::string::npos);
  CHECK(out.records.empty());
  CHECK(solo.raft.log().last().term == Term{4});
}

TEST_CASE("5.3: equal index and term with another history is found by the hash") {
  Solo solo;
  AppendEntries append = solo.heartbeat();
  append.prev_log_hash ^= 1;
  CHECK(solo.receive(1, append).corrupt.find("entry 3") != std::string::npos);
}

TEST_CASE("5.3: the same index and term in two logs with other bytes is found by the hash") {
  Solo solo;
  AppendEntries append = solo.heartbeat();
  append.prev_log_index = {2};
  append.prev_log_term = {2};
  append.prev_log_hash = solo.raft.log().find({2})->hash;
  append.entries = {Chain(*solo.raft.log().position({2})).add({4}, Blob::copy_of("other"))};
  CHECK(solo.receive(1, append).corrupt.find("entry 3") != std::string::npos);
}

TEST_CASE("5.3: heartbeats advance the commit index only up to what was compared") {
  Solo solo;
  AppendEntries append = solo.heartbeat();
  append.leader_commit = {1000};
  solo.receive(1, append);
  CHECK(solo.raft.commit_index() == LogIndex{3});
}

TEST_CASE("5.3, figure 7: followers of all six kinds end with the leader's log") {
  const Configuration configuration = [] {
    Configuration made{.cluster = kCluster, .members = {}};
    for (std::uint64_t i = 1; i <= 7; ++i) {
      made.members.push_back({.name = "n" + std::to_string(i), .origin = {500 + i}});
    }
    return made;
  }();
  // The opening configuration is the figure's first entry.
  const std::vector<std::uint64_t> logs[] = {
      {1, 1, 4, 4, 5, 5, 6, 6, 6},        // the leader of term 8
      {1, 1, 4, 4, 5, 5, 6, 6},           // (a)
      {1, 1, 4},                          // (b)
      {1, 1, 4, 4, 5, 5, 6, 6, 6, 6},     // (c)
      {1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7},  // (d)
      {1, 1, 4, 4, 4, 4},                 // (e)
      {1, 1, 2, 2, 2, 3, 3, 3, 3, 3},     // (f)
  };
  Cluster cluster(7, 1);
  for (Peer node = 0; node < 7; ++node) {
    cluster.put_back(
        node,
        {.records = disk_of(configuration, logs[node], {7}), .mark = {}, .origin = {501 + node}});
  }
  for (Peer node = 0; node < 7; ++node) cluster.restart(node);
  for (const Peer away : {1u, 3u, 4u}) cluster.isolate(away);
  REQUIRE(cluster.run_until([&] { return cluster.leader() == Peer{0}; }));
  CHECK(cluster.raft(0).term() == Term{8});
  cluster.heal();
  const auto all_equal = [&] {
    for (Peer node = 1; node < 7; ++node) {
      if (cluster.raft(node).log().last() != cluster.raft(0).log().last()) return false;
    }
    return true;
  };
  CHECK(cluster.run_until(all_equal, 5s));
  for (Peer node = 0; node < 7; ++node) CHECK(cluster.corrupt(node) == "");
  CHECK(cluster.violation() == "");
}

TEST_CASE(
    "5.4.1: a candidate whose log is behind is not elected: later last term wins, then length") {
  struct Row {
    const char* why;
    Term last_term;
    LogIndex last_index;
    bool want;
  };
  const Row rows[] = {
      {"the same log", {4}, {3}, true},
      {"longer", {4}, {4}, true},
      {"shorter", {4}, {2}, false},
      {"longer, of an older term", {3}, {9}, false},
      {"shorter, of a newer term", {5}, {1}, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Solo solo;
    RequestVote request = vote_request({6}, {});
    request.last_log_term = row.last_term;
    request.last_log_index = row.last_index;
    solo.receive(1, request);
    CHECK(granted(solo.sync(), 1) == row.want);
  }
}

TEST_CASE("5.4.2, figure 8, scenario 1: an entry of an earlier term is not committed by counting") {
  Solo solo;  // entry 3 of term 4 is not committed
  solo.become_leader();
  CHECK(solo.raft.term() == Term{6});
  solo.receive(1, solo.acknowledgement({3}));
  solo.receive(2, solo.acknowledgement({3}));
  CHECK(solo.raft.commit_index() == LogIndex{1});
  solo.acknowledge_all(1);  // with one of its own term it is, and all before it
  CHECK(solo.raft.commit_index() == LogIndex{4});
}

TEST_CASE(
    "5.4.3, scenario 11: what was committed stays when its leader becomes a follower and "
    "truncates") {
  Cluster cluster(3, 11);
  REQUIRE(cluster.settle());
  const Peer old = *cluster.leader();
  const std::size_t kept = cluster.propose(old);
  REQUIRE(cluster.settle());
  cluster.isolate(old);
  const std::size_t cut = cluster.propose(old);
  REQUIRE(cluster.run_until([&] { return cluster.leader() != old && cluster.leader(); }));
  cluster.propose(*cluster.leader());
  cluster.heal();
  REQUIRE(cluster.settle());
  CHECK(cluster.violation() == "");
  CHECK(cluster.times_committed(kept) == 1);
  CHECK(cluster.times_committed(cut) == 0);
  CHECK(cluster.proposals()[cut].fate == Fate::lost);
}

TEST_CASE("5.5: a message that comes twice changes nothing the second time") {
  Solo solo;
  AppendEntries append = solo.heartbeat();
  Chain chain(solo.raft.log().last());
  append.entries = {chain.add({5}), chain.add({5})};
  solo.receive(1, append);
  solo.sync();
  const Effects again = solo.receive(1, append);
  CHECK(again.records.empty());
  REQUIRE(sent<AppendEntriesReply>(again, 1).size() == 1);
  CHECK(sent<AppendEntriesReply>(again, 1)[0].match_index == LogIndex{5});
}

TEST_CASE("8: a new leader opens its term with an entry of its own") {
  Solo solo;
  solo.become_leader();
  CHECK(solo.raft.log().last().term == Term{6});
  CHECK(solo.raft.log().find(solo.raft.log().last().index)->kind == EntryKind::configuration);
}

TEST_CASE("dissertation 3.10: leadership goes to a follower that has everything, at once") {
  Cluster cluster(3, 5);
  REQUIRE(cluster.settle());
  const Peer old = *cluster.leader();
  const std::size_t before = cluster.propose(old);
  REQUIRE(cluster.transfer(old));
  const std::size_t meanwhile = cluster.propose(old);
  CHECK(cluster.run_until([&] { return cluster.leader() && cluster.leader() != old; }, 100ms));
  REQUIRE(cluster.settle());
  CHECK(cluster.times_committed(before) == 1);
  CHECK(cluster.times_committed(meanwhile) == 1);
  CHECK(cluster.violation() == "");
}

TEST_CASE(
    "dissertation 3.10: a transfer that nobody takes up is given up, and the leader goes on") {
  Solo solo;
  solo.become_leader();
  solo.acknowledge_all(1);
  Effects out = solo.step(
      [&](Effects& effects) { CHECK(solo.raft.transfer_leadership(solo.clock(), effects)); });
  CHECK(sent<TimeoutNow>(out, 1).size() == 1);
  out = solo.step([&](Effects& effects) {
    solo.raft.propose(solo.clock(), 1, Blob::copy_of("v"), std::nullopt, effects);
  });
  CHECK(out.records.empty());
  for (int i = 0; i < 10; ++i) {
    solo.acknowledge_all(1);
    out = solo.pass(100ms);
  }
  CHECK(solo.raft.role() == Role::leader);
  CHECK(out.records.size() == 1);
}

TEST_CASE("dissertation 3.10: without a follower to take it there is no transfer") {
  Solo solo;
  solo.become_leader();
  solo.disconnect(1);
  solo.disconnect(2);
  solo.step([&](Effects& out) { CHECK_FALSE(solo.raft.transfer_leadership(solo.clock(), out)); });
}

TEST_CASE(
    "dissertation 6.2: a leader without word from a majority steps down within an election "
    "timeout") {
  Solo solo;
  solo.become_leader();
  solo.acknowledge_all(1);
  solo.pass(999ms);
  CHECK(solo.raft.role() == Role::leader);
  CHECK(solo.raft.next_deadline() <= solo.clock().mono + 1ms);
  solo.pass(1ms);
  CHECK(solo.raft.role() == Role::follower);
  CHECK(solo.raft.term() == Term{6});
}

TEST_CASE(
    "dissertation 6.4, scenario 21: a read waits until an entry of the leader's own term is "
    "committed") {
  Solo solo;
  solo.become_leader();
  Effects out = solo.step([&](Effects& effects) { solo.raft.read(solo.clock(), 1, effects); });
  CHECK(sent<AppendEntries>(out, 1).empty());
  out = solo.receive(1, solo.acknowledgement({3}, 1));
  CHECK(out.reads.empty());
  out = solo.acknowledge_all(1);  // now it is committed, and the round goes out
  CHECK(out.reads.empty());
  const auto rounds = sent<AppendEntries>(out, 2);
  REQUIRE_FALSE(rounds.empty());
  out = solo.receive(2, solo.acknowledgement({0}, rounds.back().round));
  REQUIRE(out.reads.size() == 1);
  CHECK(out.reads[0] == ReadReady{1, {4}});
}

TEST_CASE(
    "dissertation 6.4, scenario 3: an answer to an earlier round does not confirm a later read") {
  Solo solo;
  solo.become_leader();
  solo.acknowledge_all(1);
  Effects out = solo.step([&](Effects& effects) { solo.raft.read(solo.clock(), 1, effects); });
  const std::uint64_t first = sent<AppendEntries>(out, 1).back().round;
  out = solo.step([&](Effects& effects) { solo.raft.read(solo.clock(), 2, effects); });
  const std::uint64_t second = sent<AppendEntries>(out, 1).back().round;
  CHECK(second > first);
  out = solo.acknowledge_all(1, first);
  REQUIRE(out.reads.size() == 1);
  CHECK(out.reads[0].id == 1);
  out = solo.acknowledge_all(1, first);
  CHECK(out.reads.empty());
  out = solo.acknowledge_all(1, second);
  REQUIRE(out.reads.size() == 1);
  CHECK(out.reads[0].id == 2);
}

TEST_CASE("dissertation 6.4, scenario 22: a leader cut off from the majority answers no read") {
  Cluster cluster(3, 22);
  REQUIRE(cluster.settle());
  const Peer old = *cluster.leader();
  cluster.isolate(old);
  const std::size_t before = cluster.answered_reads();
  cluster.read(old);
  cluster.run_for(5s);
  CHECK(cluster.answered_reads() == before);
  cluster.heal();
  REQUIRE(cluster.settle());
  CHECK(cluster.answered_reads() == before + 1);
  CHECK(cluster.violation() == "");
}

TEST_CASE(
    "dissertation 9.6: a node that nobody hears raises no term, and does not unseat the leader "
    "when it is back") {
  Cluster cluster(3, 96);
  REQUIRE(cluster.settle());
  const Peer leader = *cluster.leader();
  const Peer away = (leader + 1) % 3;
  const Term term = cluster.raft(leader).term();
  cluster.isolate(away);
  cluster.run_for(20s);
  CHECK(cluster.raft(away).term() == term);
  cluster.heal();
  REQUIRE(cluster.settle());
  CHECK(cluster.leader() == leader);
  CHECK(cluster.raft(leader).term() == term);
}

TEST_CASE(
    "dissertation 9.6: a node that is heard but hears nothing unseats no leader that others hear") {
  Cluster cluster(3, 97);
  REQUIRE(cluster.settle());
  const Peer leader = *cluster.leader();
  const Peer deaf = (leader + 1) % 3;
  const Term term = cluster.raft(leader).term();
  cluster.cut(leader, deaf);
  cluster.run_for(20s);
  CHECK(cluster.leader() == leader);
  CHECK(cluster.raft(leader).term() == term);
  cluster.heal();
  REQUIRE(cluster.settle());
  CHECK(cluster.raft(leader).term() == term);
}

TEST_CASE(
    "dissertation 9.6, scenario 6: a node back with a higher term rejoins, and the leader keeps "
    "its office") {
  Cluster cluster(3, 6);
  REQUIRE(cluster.settle());
  const Peer leader = *cluster.leader();
  const Peer away = (leader + 1) % 3;
  Cluster::DiskImage image = cluster.copy_disk(away);
  image.records.emplace_back(HardState{.term = {50}, .voted_for = {}, .voted_origin = {}});
  cluster.put_back(away, std::move(image));
  cluster.restart(away);
  REQUIRE(cluster.settle(1s));
  CHECK(cluster.leader() == leader);
  CHECK(cluster.raft(leader).term() == Term{51});
  cluster.run_for(10s);
  CHECK(cluster.raft(leader).term() == Term{51});
  CHECK(cluster.violation() == "");
}

TEST_CASE(
    "dissertation 9.6: a deposed leader that learns of a higher term disturbs no new leader") {
  Cluster cluster(5, 7);
  REQUIRE(cluster.settle());
  const Peer old = *cluster.leader();
  cluster.isolate(old);
  REQUIRE(cluster.run_until([&] { return cluster.leader() && cluster.leader() != old; }));
  const Peer leader = *cluster.leader();
  const Term term = cluster.raft(leader).term();
  cluster.heal();
  cluster.run_for(5s);
  CHECK(cluster.leader() == leader);
  CHECK(cluster.raft(leader).term() == term);
}

// ---- durability is asynchronous (design 3.3)

TEST_CASE("scenario 5: a crash between vote and disk loses a vote that nobody got") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    Cluster cluster(3, seed);
    cluster.weather.sync_min = 5ms;
    cluster.weather.sync_max = 20ms;
    for (int i = 0; i < 30; ++i) {
      cluster.run_for(30ms);
      cluster.restart(static_cast<Peer>(i % 3));
    }
    CHECK(cluster.settle());
    CHECK(cluster.violation() == "");
  }
}

TEST_CASE("3.3: a slow disk at a follower does not look like a dead leader") {
  Cluster cluster(3, 33);
  REQUIRE(cluster.settle());
  const Peer leader = *cluster.leader();
  const Term term = cluster.raft(leader).term();
  for (Peer node = 0; node < 3; ++node) {
    if (node != leader) cluster.stall_disk(node, true);
  }
  for (int i = 0; i < 20; ++i) {
    cluster.propose(leader);
    cluster.run_for(100ms);
  }
  CHECK(cluster.leader() == leader);
  CHECK(cluster.raft(leader).term() == term);
  for (Peer node = 0; node < 3; ++node) cluster.stall_disk(node, false);
  CHECK(cluster.settle());
  CHECK(cluster.violation() == "");
}

TEST_CASE("3.3: with a full disk a follower votes and answers leaders, and stores nothing") {
  Cluster cluster(3, 36);
  REQUIRE(cluster.settle());
  const Peer first = *cluster.leader();
  const Peer full = (first + 1) % 3;
  const Peer second = (first + 2) % 3;
  cluster.fill_disk(full, true);
  const std::size_t committed = cluster.propose(first);
  REQUIRE(cluster.run_until([&] { return cluster.times_committed(committed) == 1; }, 1s));
  const LogIndex held = cluster.raft(full).apply_index();
  cluster.crash(first);
  REQUIRE(cluster.run_until([&] { return cluster.leader() == second; }, 2s));
  const Term term = cluster.raft(second).term();
  CHECK(cluster.durable_term(full) == term);
  cluster.run_for(5s);
  CHECK(cluster.leader() == second);  // whose word of a majority is the full follower's
  CHECK(cluster.raft(second).term() == term);
  CHECK(cluster.raft(full).apply_index() == held);
  cluster.restart(full);  // what waited for its disk is gone, what it promised is not
  CHECK(cluster.raft(full).term() == term);
  cluster.fill_disk(full, false);
  CHECK(cluster.settle());
  cluster.restart(first);
  CHECK(cluster.settle());
  CHECK(cluster.violation() == "");
}

TEST_CASE("3.3: what waits for a full disk is bounded by one leader's window, whoever leads") {
  Cluster cluster(3, 37);
  REQUIRE(cluster.settle());
  const Peer full = (*cluster.leader() + 1) % 3;
  cluster.fill_disk(full, true);
  const Raft& follower = cluster.raft(full);
  for (int change = 0; change < 20; ++change) {
    const Peer leader = *cluster.leader();
    for (int i = 0; i < 20; ++i) cluster.propose(leader, std::nullopt, 200);
    cluster.run_for(500ms);
    REQUIRE(cluster.transfer(leader));
    REQUIRE(cluster.run_until([&] { return cluster.leader() && cluster.leader() != leader; }, 1s));
  }
  const std::uint64_t waiting = follower.log().last().index.value - follower.apply_index().value;
  CHECK(waiting * 200 <= Cluster::small_options().inflight_bytes_max);
  CHECK(waiting > 1);
  cluster.fill_disk(full, false);
  CHECK(cluster.settle());
  CHECK(cluster.violation() == "");
}

TEST_CASE("3.3: a leader whose own disk confirms nothing does not lead for ever") {
  Cluster cluster(3, 34);
  REQUIRE(cluster.settle());
  const Peer leader = *cluster.leader();
  cluster.stall_disk(leader, true);
  cluster.propose(leader);
  CHECK(cluster.run_until([&] { return cluster.leader() && cluster.leader() != leader; }, 2s));
  const Term term = cluster.raft(*cluster.leader()).term();
  cluster.run_for(5s);  // and does not come back while it is stuck
  CHECK(cluster.raft(*cluster.leader()).term() == term);
  cluster.stall_disk(leader, false);
  CHECK(cluster.settle());
  CHECK(cluster.violation() == "");
}

TEST_CASE(
    "3.3: a leader that crashes with entries durable only at its followers loses nothing that was "
    "committed") {
  Cluster cluster(3, 35);
  REQUIRE(cluster.settle());
  const Peer leader = *cluster.leader();
  cluster.stall_disk(leader, true);
  const std::size_t proposal = cluster.propose(leader);
  REQUIRE(cluster.run_until([&] { return cluster.times_committed(proposal) == 1; }, 100ms));
  CHECK(cluster.raft(leader).apply_index() < cluster.raft(leader).commit_index());
  cluster.crash(leader);
  cluster.stall_disk(leader, false);
  cluster.restart(leader);
  REQUIRE(cluster.settle());
  CHECK(cluster.times_committed(proposal) == 1);
  CHECK(cluster.violation() == "");
}

}  // namespace causeway::consensus::testing
