#include "consensus/roles.hpp"

#include <utility>

#include "base/check.hpp"
#include "consensus/binding.hpp"
#include "consensus/election.hpp"
#include "consensus/replication.hpp"

namespace causeway::consensus {
namespace {

void leave_office(RaftState& state, Effects& out) {
  state.reads.leave_office([&](Peer peer, std::uint64_t request) {
    send(state, out, peer, ReadIndexReply{.term = state.hard.term, .id = request, .index = {}});
  });
  // What a leader last heard of its majority was a leader's word, too: nobody is to take it for
  // "never".
  state.following.word = word_of_majority(state);
  state.leading = {};
}

void clear_candidacy(RaftState& state) {
  state.candidacy.granted.assign(state.links.size(), Origin{});
  state.candidacy.refused.assign(state.links.size(), false);
  state.candidacy.transfer = false;
}

// A leader starts from what it can only guess: that everybody's log equals its own.
void meet_followers(RaftState& state) {
  state.leading.progress.resize(state.links.size());
  state.leading.ledgers.resize(state.links.size());
  for (Progress& progress : state.leading.progress) {
    progress.probe_from(state.log.last().index.next());
  }
}

// What stands uncommitted in the log counts against the limit, whoever appended it.
std::size_t uncommitted_bytes(const RaftState& state) {
  std::size_t bytes = 0;
  for (LogIndex i = state.commit_index.next(); i <= state.log.last().index; i = i.next()) {
    bytes += cost_of(*state.log.find(i));
  }
  return bytes;
}

}  // namespace

bool is_sane(Term term) { return term.value < UINT64_MAX - UINT32_MAX; }

void become_follower(RaftState& state, Effects& out, Term term, std::optional<Peer> leader) {
  CAUSEWAY_CHECK(term >= state.hard.term);
  const Phase before = state.phase;
  const bool new_term = term > state.hard.term;
  if (before == Phase::leader) leave_office(state, out);
  state.phase = Phase::follower;
  if (new_term) write_vote(state, out, term, {}, {});
  if (new_term || state.leader != leader) {
    state.following.checked = state.commit_index;
    state.following.fitted = {};
    state.following.acknowledged.reset();
    state.following.answer_due = false;
  }
  state.leader = leader;
  if (before != Phase::follower) state.election_at = state.now.mono + draw_election_timeout(state);
}

void become_pre_candidate(RaftState& state, Effects& out) {
  state.phase = Phase::pre_candidate;
  state.leader.reset();
  clear_candidacy(state);
  state.candidacy.granted[state.self] = state.options.origin;
  state.election_at = state.now.mono + draw_election_timeout(state);
  for (Peer peer = 0; peer < state.links.size(); ++peer) request_vote(state, out, peer);
  count_votes(state, out);
}

void become_candidate(RaftState& state, Effects& out, bool transfer) {
  state.phase = Phase::candidate;
  state.leader.reset();
  clear_candidacy(state);
  state.candidacy.transfer = transfer;
  write_vote(state, out, state.hard.term.next(), state.options.name, state.options.origin);
  state.election_at = state.now.mono + draw_election_timeout(state);
  for (Peer peer = 0; peer < state.links.size(); ++peer) request_vote(state, out, peer);
}

void become_leader(RaftState& state, Effects& out) {
  state.phase = Phase::leader;
  state.leader = state.self;
  state.leading = {};
  state.leading.since = state.now.mono;
  state.leading.uncommitted_bytes = uncommitted_bytes(state);
  meet_followers(state);
  state.leading.first_own = state.log.last().index.next();
  state.leading.heartbeat_at = state.now.mono + state.options.heartbeat_interval;
  state.reads.take_office();
  append_opening_configuration(state, out);
}

}  // namespace causeway::consensus
