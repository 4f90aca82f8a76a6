// What a leader sends to a follower: ahead within bounds, again when lost, from disk when old (Raft
// section 5.3).
#include <string>

#include <doctest/doctest.h>

#include "solo.hpp"

namespace causeway::consensus::testing {
namespace {

/// A leader of three whose opening entry is known everywhere; nothing stays in memory that is
/// applied.
struct Leader {
  explicit Leader(std::size_t batch = 1000, std::size_t inflight = 3000) {
    Options options = Solo::options(3, kOrigins[0]);
    options.batch_bytes_max = batch;
    options.inflight_bytes_max = inflight;
    options.cache_bytes_max = 0;
    solo.raft = Raft(options, usual_past(), Random(1), solo.clock());
    for (Peer peer = 1; peer < 3; ++peer) solo.connect(peer);
    solo.become_leader();
    for (Peer peer = 1; peer < 3; ++peer) accept_probe(peer);
  }

  /// The probe of each connection, answered: from now on it streams.
  void accept_probe(Peer peer) { solo.acknowledge_all(peer, probe_round(peer)); }
  std::uint64_t probe_round(Peer peer) {
    const Effects out = solo.pass(100ms);
    const auto probes = sent<AppendEntries>(out, peer);
    return probes.empty() ? 0 : probes.back().round;
  }
  Effects propose(std::size_t count, std::size_t bytes) {
    return solo.step([&](Effects& out) {
      for (std::size_t i = 0; i < count; ++i) {
        solo.raft.propose(solo.clock(), ++last_id, Blob::copy_of(std::string(bytes, 'v')),
                          std::nullopt, out);
      }
    });
  }
  static std::size_t entries_in(const Effects& out, Peer peer) {
    std::size_t entries = 0;
    for (const AppendEntries& append : sent<AppendEntries>(out, peer))
      entries += append.entries.size();
    return entries;
  }
  /// All is durable everywhere and applied here.
  void apply_all() {
    solo.sync();
    for (Peer peer = 1; peer < 3; ++peer) solo.acknowledge_all(peer);
    solo.raft.evict_applied(solo.raft.apply_index());
  }
  /// n2 is another directory, whose log ends at 5: it refuses the probe. What stands at 5 is not in
  /// memory any more.
  Effects meet_stranger_that_ends_at_5() {
    solo.connect(1, Origin{999});
    const auto probe = sent<AppendEntries>(solo.pass(100ms), 1);
    REQUIRE_FALSE(probe.empty());
    return solo.receive(1, AppendEntriesReply{.term = solo.raft.term(),
                                              .match_index = {},
                                              .conflict_term = {},
                                              .conflict_index = {6},
                                              .round = probe.back().round,
                                              .wall = {}});
  }

  Solo solo;
  ProposalId last_id = 0;
};

}  // namespace

TEST_CASE("entries go out in batches, without waiting for answers, up to the bytes in flight") {
  Leader leader;
  // 236 bytes and 64 of overhead: three make a batch of at most 1000, ten of them 3000.
  const Effects out = leader.propose(20, 236);
  const auto appends = sent<AppendEntries>(out, 1);
  CHECK(Leader::entries_in(out, 1) == 10);
  REQUIRE(appends.size() == 4);
  CHECK(appends[0].entries.size() == 3);
  CHECK(appends[1].prev_log_index == appends[0].entries.back().index);
  const Effects more =
      leader.solo.receive(1, leader.solo.acknowledgement(appends[0].entries.back().index));
  CHECK(Leader::entries_in(more, 1) == 3);
  CHECK(Leader::entries_in(more, 2) == 0);
}

TEST_CASE("an entry larger than all limits goes out alone") {
  Leader leader;
  CHECK(Leader::entries_in(leader.propose(1, 10'000), 1) == 1);
  const LogIndex large = leader.solo.raft.log().last().index;
  CHECK(Leader::entries_in(leader.propose(1, 10), 1) == 0);
  CHECK(Leader::entries_in(leader.solo.receive(1, leader.solo.acknowledgement(large)), 1) == 1);
}

TEST_CASE("a batch that was lost is found at the next heartbeat, and sent again") {
  Leader leader;
  const LogIndex before = leader.solo.raft.log().last().index;
  CHECK(Leader::entries_in(leader.propose(3, 100), 1) == 3);  // lost
  const auto heartbeat = sent<AppendEntries>(leader.solo.pass(100ms), 1);
  REQUIRE(heartbeat.size() == 1);
  CHECK(heartbeat[0].prev_log_index.value == before.value + 3);
  const Effects out = leader.solo.receive(1, AppendEntriesReply{.term = leader.solo.raft.term(),
                                                                .match_index = {},
                                                                .conflict_term = {},
                                                                .conflict_index = before.next(),
                                                                .round = heartbeat[0].round,
                                                                .wall = {}});
  const auto probe = sent<AppendEntries>(out, 1);
  REQUIRE(probe.size() == 1);
  CHECK(probe[0].prev_log_index == before);
  CHECK(probe[0].entries.size() == 3);
}

TEST_CASE(
    "a repeated probe carries nothing, and its answer is no proof that the first one's entries "
    "came") {
  Leader leader;
  leader.solo.disconnect(1);
  leader.propose(2, 100);
  const Effects first = leader.solo.connect(1);
  CHECK(Leader::entries_in(first, 1) == 2);  // lost
  const auto again = sent<AppendEntries>(leader.solo.pass(100ms), 1);
  REQUIRE(again.size() == 1);
  CHECK(again[0].entries.empty());
  const Effects out =
      leader.solo.receive(1, leader.solo.acknowledgement(again[0].prev_log_index, again[0].round));
  CHECK(Leader::entries_in(out, 1) == 2);
}

TEST_CASE("an answer to an earlier probe does not move a later one") {
  Leader leader;
  leader.solo.disconnect(1);
  leader.propose(1, 100);
  const auto first = sent<AppendEntries>(leader.solo.connect(1), 1);
  REQUIRE(first.size() == 1);
  const auto second =
      sent<AppendEntries>(leader.solo.connect(1), 1);  // another connection took its place
  REQUIRE(second.size() == 1);
  CHECK(second[0].round > first[0].round);
  const Effects out = leader.solo.receive(1, AppendEntriesReply{.term = leader.solo.raft.term(),
                                                                .match_index = {},
                                                                .conflict_term = {},
                                                                .conflict_index = {1},
                                                                .round = first[0].round,
                                                                .wall = {}});
  CHECK(sent<AppendEntries>(out, 1).empty());
  CHECK(leader.solo.raft.members(leader.solo.clock())[1].counted);
}

TEST_CASE("the commit index goes out at once when nothing else does, and no answer is asked for") {
  Leader leader;
  leader.propose(1, 100);
  leader.solo.sync();
  const Effects out = leader.solo.acknowledge_all(1);
  const auto news = sent<AppendEntries>(out, 2);
  REQUIRE(news.size() == 1);
  CHECK(news[0].entries.empty());
  CHECK(news[0].round == 0);
  CHECK(news[0].leader_commit == leader.solo.raft.commit_index());
  CHECK(sent<AppendEntries>(leader.solo.acknowledge_all(2), 2).empty());  // it knows
}

TEST_CASE("an uncounted directory is served, and confirms no read") {
  Leader leader;
  leader.solo.connect(1, Origin{999});
  Effects out = leader.solo.step(
      [&](Effects& effects) { leader.solo.raft.read(leader.solo.clock(), 1, effects); });
  const std::uint64_t round = sent<AppendEntries>(out, 2).back().round;
  CHECK(leader.solo.acknowledge_all(1, round).reads.empty());
  CHECK(leader.solo.acknowledge_all(2, round).reads.size() == 1);
}

// ---- entries that are only on disk

TEST_CASE(
    "a follower that is far behind is served from disk: one request at a time, then from memory") {
  Leader leader;
  leader.propose(5, 100);
  const LogView before = leader.solo.raft.log();  // still holds all but the past
  leader.apply_all();
  REQUIRE(leader.solo.raft.log().first_cached() > LogIndex{6});
  const auto on_disk = [&](std::uint64_t index) { return *before.find({index}); };

  Effects out = leader.meet_stranger_that_ends_at_5();
  REQUIRE(out.fetches.size() == 1);
  CHECK(out.fetches[0].from == LogIndex{5});
  CHECK(leader.solo.step([](Effects&) {}).fetches.empty());
  out = leader.solo.step([&](Effects& effects) {
    leader.solo.raft.fetched(leader.solo.clock(), 1, {5}, {on_disk(5)}, effects);
  });
  const auto found = sent<AppendEntries>(out, 1);
  REQUIRE(found.size() == 1);
  CHECK(found[0].prev_log_index == LogIndex{5});
  CHECK(found[0].prev_log_hash == on_disk(5).hash);
  out = leader.solo.receive(1, leader.solo.acknowledgement({5}, found[0].round));
  REQUIRE(out.fetches.size() == 1);
  CHECK(out.fetches[0].from == LogIndex{6});
  out = leader.solo.step([&](Effects& effects) {
    leader.solo.raft.fetched(leader.solo.clock(), 1, {6}, {on_disk(6), on_disk(7)}, effects);
  });
  CHECK(Leader::entries_in(out, 1) == 2);
}

TEST_CASE(
    "a read from disk that failed is asked again at a heartbeat; one that brought other bytes is "
    "reported") {
  Leader leader;
  leader.propose(5, 100);
  const LogView before = leader.solo.raft.log();
  leader.apply_all();
  leader.meet_stranger_that_ends_at_5();
  Effects out = leader.solo.step([&](Effects& effects) {
    leader.solo.raft.fetched(leader.solo.clock(), 1, {5}, {}, effects);
  });
  CHECK(out.fetches.empty());
  leader.solo.acknowledge_all(2);
  CHECK(leader.solo.pass(100ms).fetches.size() == 1);
  Entry damaged = *before.find({6});
  damaged.payload = Blob::copy_of("damaged");
  out = leader.solo.step([&](Effects& effects) {
    leader.solo.raft.fetched(leader.solo.clock(), 1, {5}, {*before.find({5}), damaged}, effects);
  });
  CHECK(out.corrupt.find("from 5") != std::string::npos);
  CHECK(Leader::entries_in(out, 1) == 0);
}

// Whoever answered a read round before it is known what it remembers would be counted though it may
// be an old copy (design 3.3).
TEST_CASE("a read round goes to a follower whose log is not known yet with the probe") {
  Leader leader;
  leader.propose(5, 100);
  const LogView before = leader.solo.raft.log();
  leader.apply_all();
  leader.meet_stranger_that_ends_at_5();
  Effects out = leader.solo.step(
      [&](Effects& effects) { leader.solo.raft.read(leader.solo.clock(), 1, effects); });
  const auto round = sent<AppendEntries>(out, 2);
  REQUIRE(round.size() == 1);
  CHECK(sent<AppendEntries>(out, 1).empty());
  out = leader.solo.step([&](Effects& effects) {
    leader.solo.raft.fetched(leader.solo.clock(), 1, {5}, {*before.find({5})}, effects);
  });
  const auto found = sent<AppendEntries>(out, 1);
  REQUIRE(found.size() == 1);
  CHECK(found[0].prev_log_index == LogIndex{5});
  CHECK(found[0].round > round[0].round);
}

TEST_CASE("the search for a common past goes back by terms, not by entries") {
  Recovered past;
  Chain chain;
  past.log.append(chain.add({1}, all_bound()));
  for (const std::uint64_t term : {2u, 3u, 4u}) {
    for (int i = 0; i < 100; ++i) past.log.append(chain.add({term}));
  }
  past.hard_state = {.term = {9}, .voted_for = {}, .voted_origin = {}};
  Solo leader(std::move(past));
  leader.become_leader();
  // The follower went another way after term 2: entries 102..401 are of terms 5 and 6.
  Recovered other;
  Chain others;
  other.log.append(others.add({1}, all_bound()));
  for (const std::uint64_t term : {2u, 5u, 6u}) {
    for (int i = 0; i < (term == 2 ? 100 : 150); ++i) other.log.append(others.add({term}));
  }
  other.hard_state = {.term = {10}, .voted_for = {}, .voted_origin = {}};
  Solo follower(std::move(other));
  int exchanges = 0;
  Effects out = leader.pass(100ms);
  while (follower.raft.log().last() != leader.raft.log().last() && exchanges < 20) {
    ++exchanges;
    bool answered = false;
    for (const AppendEntries& append : sent<AppendEntries>(out, 1)) {
      Effects answers = follower.receive(1, append);
      const Effects synced = follower.sync();
      answers.messages.insert(answers.messages.end(), synced.messages.begin(),
                              synced.messages.end());
      for (const AppendEntriesReply& reply : sent<AppendEntriesReply>(answers, 1)) {
        out = leader.receive(1, reply);
        answered = true;
      }
    }
    if (!answered) out = leader.pass(100ms);
  }
  CHECK(follower.raft.log().last() == leader.raft.log().last());
  CHECK(exchanges < 8);
}

}  // namespace causeway::consensus::testing
