// One Raft object whose peers, disk and clock are played by the test: for what a single message
// does.
//
// Three members n1, n2, n3, all bound; the object under test is n1 (peer 0) unless said otherwise.
// Its log holds three entries: the opening configuration (term 1), two commands (terms 2 and 4).
// Nothing is durable before `sync`.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "consensus/raft.hpp"

namespace causeway::consensus::testing {

using namespace std::chrono_literals;

inline constexpr Origin kOrigins[] = {{101}, {102}, {103}, {104}, {105}};
inline constexpr std::uint64_t kCluster = 77;

/// Entries that chain, as a leader would make them.
class Chain {
 public:
  Chain() = default;
  explicit Chain(LogPosition behind) : last_(behind) {}

  Entry add(Term term, Blob payload = Blob::copy_of("x"), EntryKind kind = EntryKind::command) {
    Entry entry{.index = last_.index.next(),
                .term = term,
                .log_time = {last_.log_time.value + 1000},
                .kind = kind,
                .payload = std::move(payload)};
    entry.hash = running_hash(last_.hash, entry);
    last_ = {entry.index, entry.term, entry.log_time, entry.hash};
    return entry;
  }
  Entry add(Term term, const Configuration& configuration) {
    return add(term, Blob::copy_of(configuration.encode()), EntryKind::configuration);
  }
  [[nodiscard]] LogPosition last() const { return last_; }

 private:
  LogPosition last_;
};

inline Configuration all_bound(std::size_t members = 3) {
  Configuration configuration{.cluster = kCluster, .members = {}};
  for (std::size_t i = 0; i < members; ++i) {
    configuration.members.push_back({.name = "n" + std::to_string(i + 1), .origin = kOrigins[i]});
  }
  return configuration;
}

/// The usual past: terms 1, 2, 4 and hard state of term 5 without a vote.
inline Recovered usual_past(const Configuration& configuration = all_bound()) {
  Recovered past;
  Chain chain;
  past.log.append(chain.add({1}, configuration));
  past.log.append(chain.add({2}));
  past.log.append(chain.add({4}));
  past.hard_state = {.term = {5}, .voted_for = {}, .voted_origin = {}};
  past.commit_index = {1};
  return past;
}

class Solo {
 public:
  explicit Solo(Recovered past = usual_past(), std::size_t members = 3, Origin own = kOrigins[0])
      : raft(options(members, own), std::move(past), Random(1), clock()) {
    for (Peer peer = 1; peer < members; ++peer) connect(peer);
  }

  static Options options(std::size_t members, Origin own) {
    Options options;
    options.name = "n1";
    options.origin = own;
    options.incarnation = {1001};
    for (std::size_t i = 0; i < members; ++i) options.voters.push_back("n" + std::to_string(i + 1));
    options.election_timeout = 1000ms;
    options.heartbeat_interval = 100ms;
    options.build_date = {1'700'000'000'000};
    return options;
  }

  [[nodiscard]] Now clock() const {
    return {.mono = {at}, .wall = {wall_ms + static_cast<std::uint64_t>(at / 1ms)}, .boot = {at}};
  }

  /// Everything below returns the effects of the one call and the flush behind it.
  template <class Call>
  Effects step(Call&& call) {
    Effects out;
    call(out);
    raft.flush(clock(), out);
    if (out.ticket != 0) newest_ticket = out.ticket;
    for (const Record& record : out.records)
      if (std::holds_alternative<HardState>(record)) hard_state_ticket = out.ticket;
    for (Send& send : out.after_sync) held.push_back(std::move(send));
    return out;
  }
  Effects connect(Peer peer, std::optional<Origin> origin = {}, Incarnation incarnation = {2000}) {
    return step([&](Effects& out) {
      raft.peer_up(clock(), peer, origin.value_or(kOrigins[peer]), incarnation, out);
    });
  }
  Effects disconnect(Peer peer) {
    return step([&](Effects& out) { raft.peer_down(clock(), peer, out); });
  }
  Effects receive(Peer from, Message message) {
    return step([&](Effects& out) { raft.receive(clock(), from, std::move(message), out); });
  }
  /// Moves the clock by `duration` and ticks once at its end.
  Effects pass(Duration duration) {
    at += duration;
    return step([&](Effects& out) { raft.tick(clock(), out); });
  }
  /// All that was written is durable; what waited for it is among the messages.
  Effects sync() {
    return release(step([&](Effects& effects) { raft.durable(clock(), newest_ticket, effects); }));
  }
  /// Term and vote are, and no entry that was not before.
  Effects sync_hard_state() {
    return release(step(
        [&](Effects& effects) { raft.hard_state_durable(clock(), hard_state_ticket, effects); }));
  }

  // ---- into a role, in term 5 (follower) or the next

  void follow(Peer leader = 1) { receive(leader, heartbeat()); }
  [[nodiscard]] AppendEntries heartbeat(Term term = {5}) const {
    const LogPosition last = raft.log().last();
    return {.term = term,
            .prev_log_index = last.index,
            .prev_log_term = last.term,
            .prev_log_hash = last.hash,
            .leader_commit = {},
            .round = 1,
            .log_time_now = last.log_time,
            .entries = {}};
  }
  void become_pre_candidate() { pass(2000ms); }
  void become_candidate() {
    become_pre_candidate();
    receive(1, RequestVoteReply{
                   .term = raft.term().next(), .pre = true, .granted = true, .wall = wall()});
  }
  /// With the vote of `voter`; its opening entry is durable here, and nobody else has it.
  void become_leader(Peer voter = 1) {
    become_candidate();
    sync();
    receive(voter, RequestVoteReply{.term = raft.term(), .granted = true, .wall = wall()});
    sync();
  }
  [[nodiscard]] WallTime wall() const { return clock().wall; }
  /// The follower has all of the leader's log.
  Effects acknowledge_all(Peer from, std::uint64_t round = 0) {
    return receive(from, acknowledgement(raft.log().last().index, round));
  }
  [[nodiscard]] AppendEntriesReply acknowledgement(LogIndex match, std::uint64_t round = 0) const {
    return {.term = raft.term(),
            .accepted = true,
            .match_index = match,
            .conflict_term = {},
            .conflict_index = {},
            .round = round,
            .wall = wall()};
  }

  Duration at = 1h;
  std::uint64_t wall_ms = 1'760'000'000'000;
  std::uint64_t newest_ticket = 0;
  std::uint64_t hard_state_ticket = 0;
  std::vector<Send> held;
  Raft raft;

 private:
  Effects release(Effects out) {
    out.messages.insert(out.messages.begin(), held.begin(), held.end());
    held.clear();
    return out;
  }
};

/// The messages of type M in `out` to `to`.
template <class M>
std::vector<M> sent(const Effects& out, Peer to) {
  std::vector<M> found;
  for (const Send& send : out.messages) {
    if (const M* message = std::get_if<M>(&send.message); message != nullptr && send.to == to) {
      found.push_back(*message);
    }
  }
  return found;
}

}  // namespace causeway::consensus::testing
