// Who counts: names, the directories behind them, and what happens when a directory is wiped,
// replaced or put back (design 3.5, 3.3).
#include <doctest/doctest.h>

#include "cluster.hpp"
#include "solo.hpp"

namespace causeway::consensus::testing {
namespace {

Configuration unbound(std::initializer_list<std::size_t> which) {
  Configuration configuration = all_bound();
  for (const std::size_t member : which) configuration.members[member].origin = {};
  return configuration;
}

const Configuration& newest_in_log(const Solo& solo) {
  return solo.raft.log().configurations().back().configuration;
}

bool grants(Solo& solo, Peer from, RequestVote request) {
  solo.receive(from, request);
  const auto replies = sent<RequestVoteReply>(solo.sync(), from);
  return replies.size() == 1 && replies[0].granted;
}

bool grants_at_once(Solo& solo, Peer from, RequestVote request) {
  const auto replies = sent<RequestVoteReply>(solo.receive(from, request), from);
  return replies.size() == 1 && replies[0].granted;
}

RequestVote usual_request(const Solo& solo) {
  const LogPosition last = solo.raft.log().last();
  return {
      .term = {6}, .last_log_index = last.index, .last_log_term = last.term, .cluster = kCluster};
}

std::size_t counted(const Cluster& cluster, Peer leader) {
  std::size_t count = 0;
  for (const MemberStatus& member : cluster.raft(leader).members(cluster.now(leader)))
    count += member.counted;
  return count;
}

}  // namespace

TEST_CASE(
    "the first leader draws the cluster id and binds itself, its voters and whoever is connected") {
  Cluster cluster(3, 1);
  REQUIRE(cluster.settle());
  REQUIRE_FALSE(cluster.committed().empty());
  const auto first = Configuration::decode(cluster.committed()[0].payload.view());
  REQUIRE(first.has_value());
  CHECK(first.value().cluster != 0);
  for (Peer node = 0; node < 3; ++node) {
    CHECK(first.value().members[node].origin == cluster.origin(node));
    CHECK(cluster.raft(node).formed());
  }
}

TEST_CASE("before the first entry the configuration is the names given at start, unbound") {
  Cluster cluster(3, 1);
  CHECK(cluster.raft(0).configuration().cluster == 0);
  CHECK(cluster.raft(0).configuration().members.size() == 3);
  CHECK(cluster.raft(0).configuration().members[2] == Member{.name = "n3", .origin = {}});
  CHECK_FALSE(cluster.raft(0).formed());
  CHECK_FALSE(cluster.raft(0).quarantined());
}

TEST_CASE(
    "a new leader keeps what is bound, and binds the origin that voted though another is connected "
    "now") {
  Solo solo(usual_past(unbound({0, 1})));
  solo.become_candidate();
  solo.sync();
  // Two of five would be needed for a pause here; so the voter is replaced before its vote makes
  // the leader.
  Solo late(usual_past(unbound({0, 2})));
  late.become_candidate();
  late.sync();
  late.receive(1, RequestVoteReply{.term = {6}, .granted = true, .wall = late.wall()});
  REQUIRE(late.raft.role() == Role::leader);
  CHECK(newest_in_log(late).members[0].origin == kOrigins[0]);  // itself
  CHECK(newest_in_log(late).members[1].origin == kOrigins[1]);  // as before
  CHECK(newest_in_log(late).members[2].origin == kOrigins[2]);  // connected
  CHECK(newest_in_log(late).cluster == kCluster);
}

TEST_CASE("who connects to a leader under an unbound name is bound, all of one step in one entry") {
  Solo solo(usual_past(unbound({2})));
  solo.disconnect(2);
  solo.become_leader();
  CHECK(newest_in_log(solo).members[2].origin == Origin{});
  Effects out = solo.connect(2, Origin{555});
  REQUIRE(out.records.size() == 1);
  CHECK(newest_in_log(solo).members[2].origin == Origin{555});
  out = solo.connect(2, Origin{556});  // too late
  CHECK(out.records.empty());
}

TEST_CASE("an unbound voter's vote counts until the first entry is known to be committed") {
  struct Row {
    const char* why;
    LogIndex commit;
    Role want;
  };
  const Row rows[] = {
      {"forming: there was no chance to bind it", {0}, Role::leader},
      {"formed: it could have been wiped after voting for somebody else", {1}, Role::candidate},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Recovered past = usual_past(unbound({1}));
    past.commit_index = row.commit;
    Solo solo(std::move(past));
    solo.become_pre_candidate();
    solo.receive(2, RequestVoteReply{.term = {6}, .pre = true, .granted = true, .wall = {}});
    solo.sync();
    solo.receive(1, RequestVoteReply{.term = {6}, .granted = true, .wall = {}});
    CHECK(solo.raft.role() == row.want);
  }
}

TEST_CASE("a vote from a bound name with another origin does not count") {
  Solo solo;
  solo.become_candidate();
  solo.sync();
  solo.connect(1, Origin{999});
  solo.receive(1, RequestVoteReply{.term = {6}, .granted = true, .wall = {}});
  CHECK(solo.raft.role() == Role::candidate);
  solo.receive(2, RequestVoteReply{.term = {6}, .granted = true, .wall = {}});
  CHECK(solo.raft.role() == Role::leader);
}

TEST_CASE(
    "a voter refuses a candidate whose name its log binds to another origin, and keeps its term") {
  Solo solo;
  solo.connect(1, Origin{999});
  CHECK_FALSE(grants(solo, 1, usual_request(solo)));
  CHECK(solo.raft.term() == Term{5});
  RequestVote pre = usual_request(solo);
  pre.pre = true;
  CHECK_FALSE(grants_at_once(solo, 1, pre));
  CHECK(grants_at_once(solo, 2, pre));
  CHECK(grants(solo, 2, usual_request(solo)));
}

TEST_CASE("a voter whose first entry is committed refuses a candidate of another cluster") {
  struct Row {
    const char* why;
    LogIndex commit;
    std::uint64_t cluster;
    bool want;
  };
  const Row rows[] = {
      {"its own", {1}, kCluster, true},
      {"another one", {1}, 5, false},
      {"another one, but which will stay is not decided", {0}, 5, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Recovered past = usual_past();
    past.commit_index = row.commit;
    Solo solo(std::move(past));
    RequestVote request = usual_request(solo);
    request.cluster = row.cluster;
    CHECK(grants(solo, 1, request) == row.want);
  }
}

TEST_CASE(
    "acknowledgements count only from the bound directory, also after another one connects under "
    "its name") {
  Solo solo;
  solo.become_leader();
  solo.connect(1, Origin{999});
  solo.acknowledge_all(1);
  CHECK(solo.raft.commit_index() == LogIndex{1});
  solo.sync();  // which counts again
  CHECK(solo.raft.commit_index() == LogIndex{1});
  CHECK_FALSE(solo.raft.members(solo.clock())[1].counted);
  solo.connect(1);
  solo.acknowledge_all(1);
  CHECK(solo.raft.commit_index() == LogIndex{4});
}

TEST_CASE("what the bound directory had acknowledged counts though it is away") {
  Solo five(usual_past(all_bound(5)), 5);
  five.become_pre_candidate();
  for (const Peer voter : {1u, 2u}) {
    five.receive(voter, RequestVoteReply{.term = {6}, .pre = true, .granted = true, .wall = {}});
  }
  five.sync();
  for (const Peer voter : {1u, 2u}) {
    five.receive(voter, RequestVoteReply{.term = {6}, .granted = true, .wall = {}});
  }
  five.sync();
  REQUIRE(five.raft.role() == Role::leader);
  five.acknowledge_all(1);
  five.connect(1, Origin{999});
  five.receive(1, five.acknowledgement({2}));
  five.acknowledge_all(2);
  CHECK(five.raft.commit_index() == LogIndex{4});
}

TEST_CASE("a wiped voter is served, counts for nothing, and says so") {
  Cluster cluster(3, 2);
  REQUIRE(cluster.settle());
  const Peer leader = *cluster.leader();
  const Peer wiped = (leader + 1) % 3;
  const Peer third = (leader + 2) % 3;
  cluster.wipe(wiped);
  cluster.restart(wiped);
  cluster.propose(wiped);
  REQUIRE(cluster.settle());
  CHECK(cluster.raft(wiped).quarantined());
  CHECK(cluster.raft(wiped).role() == Role::learner);
  CHECK(counted(cluster, leader) == 2);

  // Alone with it, the leader commits nothing, and is not the leader for long.
  cluster.isolate(third);
  const std::size_t proposal = cluster.propose(leader);
  cluster.run_for(5s);
  CHECK(cluster.times_committed(proposal) == 0);
  CHECK_FALSE(cluster.leader().has_value());
  cluster.heal();
  REQUIRE(cluster.settle());
  CHECK(cluster.violation() == "");
}

TEST_CASE(
    "a directory wiped between its vote and the first committed entry: nothing is decided with "
    "it") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    Cluster cluster(3, seed);
    cluster.crash(2);
    REQUIRE(cluster.run_until([&] { return cluster.leader().has_value(); }));
    REQUIRE(cluster.committed().empty());
    const Peer leader = *cluster.leader();
    const Peer voter = 1 - leader;
    cluster.wipe(voter);
    cluster.restart(voter);
    cluster.run_for(5s);
    CHECK(cluster.committed().empty());
    cluster.restart(2);
    REQUIRE(cluster.run_until([&] { return cluster.committed().size() > 0; }));
    CHECK(cluster.settle());
    CHECK(cluster.leader() != voter);
    CHECK(cluster.raft(voter).quarantined());
    CHECK(cluster.violation() == "");
  }
}

TEST_CASE(
    "an old copy of a directory put back does not count for the leader that knew more of it, nor "
    "for a later one") {
  Cluster cluster(3, 4);
  REQUIRE(cluster.settle());
  const Peer leader = *cluster.leader();
  const Peer restored = (leader + 1) % 3;
  const Peer third = (leader + 2) % 3;
  const Cluster::DiskImage old = cluster.copy_disk(restored);
  for (int i = 0; i < 5; ++i) cluster.propose(leader);
  REQUIRE(cluster.settle());
  cluster.put_back(restored, old);
  cluster.restart(restored);
  cluster.propose(leader);
  REQUIRE(cluster.settle());  // it is served: its log is complete again
  CHECK(cluster.leader() == leader);
  CHECK(counted(cluster, leader) == 2);
  CHECK_FALSE(cluster.raft(leader).members(cluster.now(leader))[restored].counted);
  cluster.isolate(third);
  const std::size_t proposal = cluster.propose(leader);
  cluster.run_for(100ms);
  CHECK(cluster.times_committed(proposal) == 0);
  cluster.heal();
  REQUIRE(cluster.settle());
  CHECK(cluster.raft(restored).quarantined());
  CHECK(cluster.raft(leader).quarantined(restored));
  CHECK_FALSE(cluster.raft(leader).quarantined(third));
  CHECK(cluster.raft(restored).role() == Role::learner);

  cluster.crash(leader);
  const LogIndex committed = cluster.raft(third).commit_index();
  cluster.run_for(10s);
  CHECK(cluster.leader() == std::nullopt);  // the copy gave no vote, and asked for none
  CHECK(cluster.raft(third).commit_index() == committed);
  cluster.restart(leader);
  REQUIRE(cluster.settle());
  cluster.crash(*cluster.leader());
  cluster.run_for(10s);
  CHECK(cluster.leader() == std::nullopt);
  CHECK(cluster.violation() == "");
}

TEST_CASE("a start is counted, and named only when its number is durable") {
  Recovered past = usual_past();
  past.hard_state.start = 4;
  Solo solo(std::move(past));
  CHECK(solo.raft.start_number() == std::nullopt);
  const Effects out =
      solo.step([&](Effects& effects) { solo.raft.count_start(solo.clock(), 4, effects); });
  REQUIRE(out.records.size() == 1);
  CHECK(std::get<HardState>(out.records[0]).start == 5);
  CHECK(std::get<HardState>(out.records[0]).term == Term{5});
  CHECK(solo.raft.start_number() == std::nullopt);
  solo.sync();
  CHECK(solo.raft.start_number() == 5);
  solo.receive(1, usual_request(solo));  // a vote that is not durable hides no number
  CHECK(solo.raft.start_number() == 5);
  CHECK_FALSE(solo.raft.barred());
  CHECK_FALSE(solo.raft.quarantined());
}

TEST_CASE(
    "who learns that it is an old copy says so durably, and neither votes nor asks for votes") {
  struct Row {
    std::string why;
    void (*learn)(Solo&);
    std::uint64_t start;
  };
  const Row rows[] = {
      {"the state knows of a later start",
       [](Solo& solo) {
         solo.step([&](Effects& out) { solo.raft.count_start(solo.clock(), 7, out); });
       },
       8},
      {"a peer knows of one",
       [](Solo& solo) {
         solo.step([&](Effects& out) { solo.raft.count_start(solo.clock(), 0, out); });
         solo.step([&](Effects& out) { solo.raft.start_is_old(solo.clock(), 7, out); });
       },
       8},
      {"a leader says so in the log",
       [](Solo& solo) {
         solo.step([&](Effects& out) { solo.raft.count_start(solo.clock(), 0, out); });
         Configuration barring = all_bound();
         barring.members[0].barred = true;
         const LogPosition last = solo.raft.log().last();
         AppendEntries append{.term = {5},
                              .prev_log_index = last.index,
                              .prev_log_term = last.term,
                              .prev_log_hash = last.hash};
         append.entries.push_back(Chain(last).add({5}, barring));
         solo.receive(1, append);
       },
       2},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Solo solo;
    row.learn(solo);
    solo.sync();
    CHECK(solo.raft.barred());
    CHECK(solo.raft.quarantined());
    CHECK(solo.raft.start_number() == row.start);
    RequestVote request = usual_request(solo);
    request.last_log_index = {100};
    request.last_log_term = {5};
    CHECK_FALSE(grants(solo, 2, request));
    solo.pass(10s);
    CHECK(solo.raft.role() == Role::learner);

    // A later leader's log that lacks the bar changes nothing, nor does another start.
    Recovered again = usual_past();
    again.hard_state = {.term = {6}, .start = row.start, .barred = kOrigins[0]};
    Solo restarted(std::move(again));
    CHECK(restarted.raft.quarantined());
    CHECK_FALSE(grants(restarted, 2, usual_request(restarted)));
  }
}

TEST_CASE("a leader that learns that it is an old copy leads no more") {
  Solo solo;
  solo.become_leader();
  solo.step([&](Effects& out) { solo.raft.start_is_old(solo.clock(), 7, out); });
  CHECK(solo.raft.role() == Role::learner);
}

TEST_CASE("the bar is of an origin: a directory that took another one is not barred under that") {
  Recovered past = usual_past();
  past.hard_state.barred = {999};
  Solo solo(std::move(past));
  CHECK_FALSE(solo.raft.barred());
  CHECK(grants(solo, 2, usual_request(solo)));
}

TEST_CASE("a leader bars whoever says that it is barred, and counts it no more") {
  Solo solo;
  solo.become_leader();
  solo.raft.peer_is_barred(1);
  CHECK_FALSE(solo.raft.members(solo.clock())[1].counted);
  solo.pass(1ms);
  CHECK(newest_in_log(solo).members[1].barred);
  CHECK_FALSE(newest_in_log(solo).members[2].barred);
  const LogIndex last = solo.raft.log().last().index;
  solo.pass(1ms);
  CHECK(solo.raft.log().last().index == last);  // once
}

TEST_CASE("a barred voter is refused as a candidate, and does not raise the term") {
  Configuration configuration = all_bound();
  configuration.members[1].barred = true;
  Solo solo(usual_past(configuration));
  RequestVote request = usual_request(solo);
  CHECK_FALSE(grants(solo, 1, request));
  CHECK(solo.raft.term() == Term{5});
  request.pre = true;
  CHECK_FALSE(grants_at_once(solo, 1, request));
  CHECK(grants_at_once(solo, 2, request));
}

TEST_CASE("an honest restart is not taken for an old copy") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Cluster cluster(3, seed);
    cluster.weather = {.loss = 10, .duplicates = 10, .reorder = true};
    REQUIRE(cluster.settle());
    const Peer leader = *cluster.leader();
    for (int i = 0; i < 20; ++i) {
      cluster.propose(leader);
      cluster.run_for(5ms);
      if (i % 5 == 4) cluster.restart((leader + 1) % 3);
    }
    cluster.weather = {};
    REQUIRE(cluster.settle());
    CHECK(counted(cluster, *cluster.leader()) == 3);
    CHECK(cluster.violation() == "");
  }
}

// Its rounds are counted from 1 in each term. So the answer to a message of an earlier one, which
// was long on its way, must not pass for the answer to a probe, or to a round of reads.
TEST_CASE("what was asked in an earlier term is answered without its round") {
  Solo solo;
  const Term present = solo.raft.term();
  const auto replies = sent<AppendEntriesReply>(
      solo.receive(1, AppendEntries{.term = {present.value - 1}, .round = 9}), 1);
  REQUIRE(replies.size() == 1);
  CHECK(replies[0].term == present);
  CHECK_FALSE(replies[0].accepted);
  CHECK(replies[0].round == 0);
}

TEST_CASE("the answer to a probe is judged only up to where the probe stands") {
  Solo solo;
  solo.become_leader();
  const LogIndex opening = solo.raft.log().last().index;
  solo.acknowledge_all(1, sent<AppendEntries>(solo.pass(100ms), 1).at(0).round);
  for (ProposalId id = 1; id <= 3; ++id) {
    solo.step([&](Effects& out) {
      solo.raft.propose(solo.clock(), id, Blob::copy_of("v"), std::nullopt, out);
    });
  }
  const AppendEntriesReply late = solo.acknowledgement(solo.raft.log().last().index);
  AppendEntriesReply lacks = solo.acknowledgement({});
  lacks.accepted = false;
  lacks.conflict_index = opening.next();
  solo.step([&](Effects& out) {
    solo.raft.receive(solo.clock(), 1, lacks, out);
    solo.raft.receive(solo.clock(), 1, late, out);  // the probe has not left yet
  });
  const auto probes = sent<AppendEntries>(solo.pass(100ms), 1);
  REQUIRE(probes.size() == 1);
  CHECK(probes[0].prev_log_index == opening);
  // The follower was started again: of its log it can say no more than the probe does.
  const Effects out = solo.receive(1, solo.acknowledgement(opening, probes[0].round));
  CHECK(out.records.empty());
  CHECK(solo.raft.members(solo.clock())[1].counted);
}

TEST_CASE("a quarantined node neither campaigns nor votes, and acknowledges") {
  Configuration other = all_bound();
  other.members[0].origin = {999};
  Configuration barred = all_bound();
  barred.members[0].barred = true;
  for (const Configuration& without_this_one : {other, barred}) {
    Solo solo(usual_past(without_this_one));
    CHECK(solo.raft.quarantined());
    CHECK(solo.raft.role() == Role::learner);
    const Effects out = solo.pass(5s);
    CHECK(out.messages.empty());
    CHECK(out.records.empty());
    CHECK_FALSE(grants(solo, 1, usual_request(solo)));
    AppendEntries append = solo.heartbeat({6});
    Chain chain(solo.raft.log().last());
    append.entries = {chain.add({6})};
    solo.receive(1, append);
    const auto replies = sent<AppendEntriesReply>(solo.sync(), 1);
    REQUIRE_FALSE(replies.empty());
    CHECK(replies.back().match_index == LogIndex{4});
  }
}

TEST_CASE("a binding that is truncated is undone") {
  Recovered past;
  Chain chain;
  past.log.append(chain.add({1}, unbound({0})));
  Configuration other = all_bound();
  other.members[0].origin = {999};
  const LogPosition first = chain.last();
  past.log.append(chain.add({2}, other));
  past.hard_state = {.term = {5}, .voted_for = {}, .voted_origin = {}};
  Solo solo(std::move(past));
  CHECK(solo.raft.quarantined());
  AppendEntries append = solo.heartbeat();
  append.prev_log_index = first.index;
  append.prev_log_term = first.term;
  append.prev_log_hash = first.hash;
  append.entries = {Chain(first).add({5})};
  solo.receive(1, append);
  CHECK_FALSE(solo.raft.quarantined());
  CHECK(solo.raft.configuration() == unbound({0}));
}

}  // namespace causeway::consensus::testing
