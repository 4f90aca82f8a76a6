#include "consensus/replication.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "consensus/binding.hpp"
#include "consensus/election.hpp"
#include "consensus/quorum.hpp"
#include "consensus/roles.hpp"
#include "consensus/sending.hpp"

namespace causeway::consensus {
namespace {

/// `value(peer)` of each voter, then the one that a majority has reached. This node's own is `own`.
template <class T, class Value>
T majority_has(const RaftState& state, T own, Value&& value) {
  const std::vector<Member>& members = configuration_of(state).members;
  std::array<T, kVotersMax> values;
  std::size_t count = 0;
  for (Peer peer = 0; peer < state.links.size(); ++peer) {
    if (members[peer].role != MemberRole::voter) continue;
    values[count++] = peer == state.self ? own : value(peer);
  }
  return reached_by_majority(std::span(values.data(), count));
}

// What the bound directory acknowledged counts also while it is away, or another one connects under
// its name: it never votes for a log without it.
LogIndex counted_match(const RaftState& state, Peer peer) {
  const Progress& progress = state.leading.progress[peer];
  return is_bound(state, peer, progress.acked_by) ? progress.acked : LogIndex{};
}

// A leader whose own disk confirms nothing serves nobody, and others could lead.
std::optional<Instant> disk_patience_ends(const RaftState& state) {
  const auto since = state.disk.waiting_since();
  if (!since || voters_of(state) == 1) return std::nullopt;
  return *since + 2 * state.options.election_timeout;
}

Instant quorum_patience_ends(const RaftState& state) {
  return word_of_majority(state) + state.options.election_timeout;
}

// Where to look next, given a refusal: past all of the follower's entries of the conflicting term
// unless this log has that term, too (Raft section 5.3, end).
LogIndex next_after(const RaftState& state, const AppendEntriesReply& reply) {
  if (reply.conflict_term.value == 0) return reply.conflict_index;
  const LogIndex ours = state.log.last_at_or_below(reply.conflict_term);
  if (state.log.term_of(ours) == reply.conflict_term) return ours.next();
  return std::min(ours.next(), reply.conflict_index);
}

// The follower showed less than it had acknowledged as durable before it was asked: what it holds
// is an old copy (design 3.3). It is served from where it is. (Less than it acknowledged *since*
// says nothing: answers may overtake each other.)
void found_forgetful(RaftState& state, Effects& out, Peer peer, LogIndex shown) {
  Progress& progress = state.leading.progress[peer];
  progress.match = shown;
  progress.acked = {};
  bar(state, out, peer);
}

void on_refused(RaftState& state, Effects& out, Peer from, const AppendEntriesReply& reply) {
  Progress& progress = state.leading.progress[from];
  const bool probing = progress.mode == Progress::Mode::probe;
  if (probing && (progress.probe_round == 0 || reply.round < progress.probe_round)) return;
  const LogIndex before = probing ? progress.next.previous() : state.log.last().index.next();
  const LogIndex next = std::max(LogIndex{1}, std::min(next_after(state, reply), before));
  if (probing && next <= progress.probe_match) {
    found_forgetful(state, out, from, next.previous());
  } else if (next <= progress.match && !probing) {
    return;  // said before it acknowledged more
  }
  progress.probe_from(std::max(next, progress.match.next()));
}

void on_accepted(RaftState& state, Effects& out, Peer from, const AppendEntriesReply& reply) {
  Progress& progress = state.leading.progress[from];
  const bool of_probe = progress.mode == Progress::Mode::probe && progress.probe_round != 0 &&
                        reply.round >= progress.probe_round;
  if (of_probe) {
    if (reply.match_index < progress.probe_match)
      found_forgetful(state, out, from, reply.match_index);
    // Only the first probe from here carried entries; a later one is no proof that they came. An
    // acknowledgement is.
    const bool first = reply.round == progress.probe_round;
    LogPosition end = first && progress.probe_end ? *progress.probe_end : *progress.before_next;
    const auto match = state.log.position(reply.match_index);
    if (match && match->index > end.index) end = *match;
    progress.stream_behind(end);
  }
  progress.acknowledged(state.links[from].origin, binding_of(state, from), reply.match_index);
}

}  // namespace

void leader_tick(RaftState& state, Effects& out) {
  const Instant now = state.now.mono;
  const auto disk = disk_patience_ends(state);
  if (now >= quorum_patience_ends(state) || (disk && now >= *disk)) {
    become_follower(state, out, state.hard.term, std::nullopt);
    return;
  }
  if (now < state.leading.heartbeat_at) return;
  state.leading.heartbeat_at = now + state.options.heartbeat_interval;
  for (Peer peer = 0; peer < state.links.size(); ++peer) {
    if (peer != state.self) send_heartbeat(state, out, peer);
  }
}

Instant leader_deadline(const RaftState& state) {
  if (state.links.size() == 1) return Instant::never();
  Instant due = std::min(state.leading.heartbeat_at, quorum_patience_ends(state));
  if (const auto disk = disk_patience_ends(state)) due = std::min(due, *disk);
  if (state.leading.transfer) due = std::min(due, state.leading.transfer->give_up_at);
  return due;
}

void replicate(RaftState& state, Effects& out) {
  for (Peer peer = 0; peer < state.links.size(); ++peer) {
    if (peer != state.self) send_what_is_due(state, out, peer);
  }
}

void start_read_round(RaftState& state, Effects& out) {
  if (state.commit_index < state.leading.first_own || !state.reads.wants_round()) return;
  state.leading.read_round = ++state.leading.round;
  state.reads.start_round(state.leading.round, state.commit_index);
  confirm_reads(state, out);  // alone, a voter is its own majority
}

void advance_commit(RaftState& state) {
  const LogIndex stored = majority_has(state, state.disk.durable_index(),
                                       [&](Peer peer) { return counted_match(state, peer); });
  if (stored <= state.commit_index || state.log.term_of(stored) != state.hard.term) return;
  while (state.commit_index < stored) {
    state.commit_index = state.commit_index.next();
    state.leading.uncommitted_bytes -= cost_of(*state.log.find(state.commit_index));
  }
}

void confirm_reads(RaftState& state, Effects& out) {
  if (!state.reads.round_open()) return;
  const std::uint64_t confirmed = majority_has(
      state, UINT64_MAX, [&](Peer peer) { return state.leading.progress[peer].confirmed_round; });
  state.reads.confirmed(confirmed, out, [&](Peer peer, std::uint64_t request, LogIndex index) {
    const ReadIndexReply reply{
        .term = state.hard.term, .id = request, .accepted = true, .index = index};
    send(state, out, peer, reply);
  });
}

void meet_follower(RaftState& state, Peer peer) {
  Progress& progress = state.leading.progress[peer];
  const Link& link = state.links[peer];
  progress.match = progress.acked_by == link.origin ? progress.acked : LogIndex{};
  const bool known = progress.match.value != 0;
  progress.probe_from(known ? progress.match.next() : state.log.last().index.next());
  // Request ids are fresh within an incarnation only: the answer to an earlier one's must not reach
  // this one. Who is the same asks again.
  state.reads.forget_remote(peer);
}

void lose_follower(RaftState& state, Peer peer) {
  Progress& progress = state.leading.progress[peer];
  progress.probe_from(std::max(LogIndex{1}, progress.match.next()));
  state.reads.forget_remote(peer);
}

Instant word_of_majority(const RaftState& state) {
  const Instant word = majority_has(state, state.now.mono, [&](Peer peer) {
    return state.leading.progress[peer].last_word.value_or(state.leading.since);
  });
  return std::max(word, state.leading.since);
}

bool has_word_of_majority(const RaftState& state) {
  return state.now.mono - word_of_majority(state) < state.options.election_timeout;
}

void receive(RaftState& state, Effects& out, Peer from, const AppendEntriesReply& reply) {
  if (!is_sane(reply.term)) return;
  if (reply.term > state.hard.term) return higher_term_seen(state, out, reply.term);
  if (reply.term < state.hard.term || state.phase != Phase::leader) return;
  if (reply.round > state.leading.round || reply.match_index > state.log.last().index) return;
  if (reply.accepted) {
    on_accepted(state, out, from, reply);
  } else {
    on_refused(state, out, from, reply);
  }
  if (!is_counted(state, from)) return;
  Progress& progress = state.leading.progress[from];
  progress.last_word = state.now.mono;
  progress.confirmed_round = std::max(progress.confirmed_round, reply.round);
  report_wall(state, from, reply.wall);
  advance_commit(state);
  confirm_reads(state, out);
}

}  // namespace causeway::consensus
