// A peer's message is untrusted input: whatever it says, no check fires, no term or index runs
// away, and nothing that was promised is taken back.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "cluster.hpp"
#include "solo.hpp"

namespace causeway::consensus::testing {
namespace {

constexpr std::uint64_t kMax = UINT64_MAX;

AppendEntries append_of(const Solo& solo, std::vector<Entry> entries) {
  AppendEntries append = solo.heartbeat();
  append.entries = std::move(entries);
  return append;
}

Entry rehashed(const Solo& solo, Entry entry) {
  entry.hash = running_hash(solo.raft.log().last().hash, entry);
  return entry;
}

std::uint64_t odd(Random& random) {
  const std::uint64_t values[] = {
      0, 1, 2, 3, 4, 5, 6, 7, 1000, kMax / 2, kMax - UINT32_MAX, kMax - 1, kMax};
  return values[random.below(std::size(values))];
}

Message random_message(Random& random, const Solo& solo) {
  const Term term{random.below(3) == 0 ? odd(random) : solo.raft.term().value};
  switch (random.below(10)) {
    case 0:
      return RequestVote{.term = term,
                         .last_log_index = {odd(random)},
                         .last_log_term = {odd(random)},
                         .cluster = kCluster,
                         .pre = random.below(2) == 0,
                         .transfer = random.below(2) == 0};
    case 1:
      return RequestVoteReply{.term = term,
                              .pre = random.below(2) == 0,
                              .granted = random.below(2) == 0,
                              .wall = {odd(random)}};
    case 2:
    case 3: {
      AppendEntries append = solo.heartbeat(term);
      if (random.below(3) == 0) append.prev_log_index = {odd(random)};
      if (random.below(3) == 0) append.prev_log_term = {odd(random)};
      append.leader_commit = {odd(random)};
      append.round = odd(random);
      append.log_time_now = {odd(random)};
      for (std::uint64_t i = random.below(3); i > 0; --i) {
        Entry entry = Chain({append.prev_log_index, append.prev_log_term, {}, append.prev_log_hash})
                          .add({odd(random)});
        if (random.below(3) == 0) entry.index = {odd(random)};
        if (random.below(3) == 0) entry.log_time = {odd(random)};
        append.entries.push_back(entry);
      }
      return append;
    }
    case 4:
      return AppendEntriesReply{.term = term,
                                .accepted = random.below(2) == 0,
                                .match_index = {odd(random)},
                                .conflict_term = {odd(random)},
                                .conflict_index = {odd(random)},
                                .round = odd(random),
                                .wall = {odd(random)}};
    case 5: return TimeoutNow{term};
    case 6: {
      Forward forward{.term = term,
                      .incarnation = {2000},
                      .first_counter = odd(random),
                      .lowest_open = odd(random),
                      .items = {}};
      forward.items.resize(random.below(4));
      return forward;
    }
    case 7: return Withdraw{term, {2000}, odd(random)};
    case 8:
      return ForwardReply{.term = term,
                          .incarnation = {1001},
                          .next_counter = odd(random),
                          .refused = {odd(random), odd(random)},
                          .exhausted = true};
    default:
      if (random.below(2) == 0) return ReadIndexRequest{term, odd(random)};
      return ReadIndexReply{
          .term = term, .id = odd(random), .accepted = true, .index = {odd(random)}};
  }
}

}  // namespace

TEST_CASE("terms near the end of all terms are refused, not adopted") {
  for (const std::uint64_t value : {kMax, kMax - 1, kMax - UINT32_MAX}) {
    const Term term{value};
    const Message messages[] = {
        RequestVote{.term = term,
                    .last_log_index = {9},
                    .last_log_term = {9},
                    .cluster = kCluster,
                    .transfer = true},
        RequestVoteReply{.term = term, .wall = {}},
        Solo().heartbeat(term),
        AppendEntriesReply{
            .term = term, .match_index = {}, .conflict_term = {}, .conflict_index = {}, .wall = {}},
    };
    for (const Message& message : messages) {
      CAPTURE(message.index());
      Solo follower;
      follower.receive(1, message);
      CHECK(follower.raft.term() == Term{5});
      Solo leader;
      leader.become_leader();
      leader.receive(1, message);
      CHECK(leader.raft.term() == Term{6});
      CHECK(leader.raft.role() == Role::leader);
    }
  }
}

TEST_CASE(
    "entries that no leader would send are ignored whole, before the sender is taken for a "
    "leader") {
  const Solo pattern;
  Chain chain(pattern.raft.log().last());
  const Entry good = chain.add({5});
  const Entry next = chain.add({5});
  const auto changed = [&](auto change) {
    Entry entry = good;
    change(entry);
    return rehashed(pattern, entry);
  };
  Entry damaged = good;
  damaged.payload = Blob::copy_of("damaged");
  Configuration others = all_bound();
  others.members[2].name = "n4";
  struct Row {
    const char* why;
    std::vector<Entry> entries;
  };
  const Row rows[] = {
      {"a gap", {next}},
      {"twice the same", {good, good}},
      {"in the wrong order", {next, good}},
      {"a term above the leader's", {changed([](Entry& e) { e.term = {6}; })}},
      {"a term below the one before", {changed([](Entry& e) { e.term = {3}; })}},
      {"log time that leaves no room above it", {changed([](Entry& e) { e.log_time = {kMax}; })}},
      {"bytes that do not fit their hash", {damaged}},
      {"an unknown kind", {changed([](Entry& e) { e.kind = static_cast<EntryKind>(3); })}},
      {"a configuration that is none",
       {changed([](Entry& e) { e.kind = EntryKind::configuration; })}},
      {"a configuration of other members", {Chain(pattern.raft.log().last()).add({5}, others)}},
      {"an index near the end", {changed([](Entry& e) { e.index = {kMax}; })}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Solo solo;
    const Effects out = solo.receive(1, append_of(solo, row.entries));
    CHECK(out.records.empty());
    CHECK(out.messages.empty());
    CHECK(out.corrupt == "");
    CHECK_FALSE(solo.raft.leader().has_value());
  }
  Solo solo;
  CHECK(solo.receive(1, append_of(solo, {good, next})).records.size() == 2);
}

TEST_CASE("log time that does not rise is ignored, also where only this node's log shows it") {
  Solo solo;
  Entry entry = Chain(solo.raft.log().last()).add({5});
  entry.log_time = solo.raft.log().last().log_time;
  const Effects out = solo.receive(1, append_of(solo, {rehashed(solo, entry)}));
  CHECK(out.records.empty());
  CHECK(out.corrupt == "");
}

TEST_CASE("an acknowledgement of what does not exist, or of a round never started, is ignored") {
  Solo solo;
  solo.become_leader();
  solo.receive(1, solo.acknowledgement({kMax}));
  solo.receive(1, solo.acknowledgement({5}));
  CHECK(solo.raft.commit_index() == LogIndex{1});
  solo.acknowledge_all(1);
  solo.step([&](Effects& out) { solo.raft.read(solo.clock(), 1, out); });
  CHECK(solo.acknowledge_all(1, kMax).reads.empty());
}

TEST_CASE("a second leader in one term is ignored") {
  Solo solo;
  solo.follow(1);
  const Effects out = solo.receive(2, solo.heartbeat());
  CHECK(out.messages.empty());
  CHECK(solo.raft.leader() == Peer{1});
}

TEST_CASE("what a directory says that nobody introduced is ignored") {
  Solo solo(usual_past(), 3);
  Raft fresh(Solo::options(3, kOrigins[0]), usual_past(), Random(1), solo.clock());
  Effects out;
  fresh.receive(solo.clock(), 1, solo.heartbeat(), out);
  CHECK(out.messages.empty());
  CHECK_FALSE(fresh.leader().has_value());
}

TEST_CASE("random nonsense in every role fires no check and takes nothing back") {
  for (std::uint64_t seed = 1; seed <= 600; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    Solo solo;
    switch (random.below(4)) {
      case 0: solo.follow(); break;
      case 1: solo.become_candidate(); break;
      case 2: solo.become_leader(); break;
      default: break;
    }
    solo.step([&](Effects& out) {
      solo.raft.propose(solo.clock(), 1, Blob::copy_of("v"), std::nullopt, out);
      solo.raft.read(solo.clock(), 1, out);
    });
    for (int i = 0; i < 60; ++i) {
      const Term term = solo.raft.term();
      const LogIndex commit = solo.raft.commit_index();
      const LogPosition at_commit = *solo.raft.log().position(commit);
      const Effects out =
          solo.receive(static_cast<Peer>(1 + random.below(2)), random_message(random, solo));
      if (!out.corrupt.empty()) break;  // the node would stop
      CHECK(solo.raft.term() >= term);
      CHECK(solo.raft.term().value < kMax - UINT32_MAX);
      CHECK(solo.raft.commit_index() >= commit);
      CHECK(solo.raft.commit_index() <= solo.raft.log().last().index);
      CHECK(solo.raft.log().position(commit) == at_commit);
      if (random.below(4) == 0) solo.sync();
      if (random.below(8) == 0) solo.pass(Duration(random.below(1'500'000'000)));
    }
  }
}

}  // namespace causeway::consensus::testing
