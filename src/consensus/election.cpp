#include "consensus/election.hpp"

#include <tuple>
#include <utility>

#include "consensus/quorum.hpp"
#include "consensus/replication.hpp"
#include "consensus/roles.hpp"

namespace causeway::consensus {
namespace {

// CheckQuorum ends a leader that lost its majority, so a leader that was heard lately is worth
// protecting.
bool protects_leader_from(const RaftState& state, Peer candidate) {
  if (state.phase == Phase::leader) return true;
  if (!state.leader || *state.leader == candidate || !state.following.word) return false;
  return state.now.mono - *state.following.word < state.options.election_timeout;
}

// The only reasons to refuse for good (design 3.5): the candidate's name belongs to another
// directory or its own is barred, its log is of another cluster or behind this one.
bool may_lead(const RaftState& state, Peer candidate, const RequestVote& request) {
  if (is_impostor(state, candidate)) return false;
  const bool formed = state.commit_index.value != 0;
  if (formed && request.cluster != configuration_of(state).cluster) return false;
  const LogPosition last = state.log.last();
  return std::pair(request.last_log_term, request.last_log_index) >=
         std::pair(last.term, last.index);
}

void answer(RaftState& state, Effects& out, Peer to, const RequestVote& request, bool granted) {
  const Term term = request.pre && granted ? request.term : state.hard.term;
  const RequestVoteReply reply{
      .term = term, .pre = request.pre, .granted = granted, .wall = state.now.wall};
  if (request.pre) {
    send(state, out, to, reply);  // promises nothing
  } else {
    send_when_term_durable(state, out, to, reply);
  }
}

void answer_pre_vote(RaftState& state, Effects& out, Peer from, const RequestVote& request) {
  const bool granted = request.term > state.hard.term && !is_quarantined(state) &&
                       !protects_leader_from(state, from) && may_lead(state, from, request);
  answer(state, out, from, request, granted);
}

bool give_vote(RaftState& state, Effects& out, Peer from, const RequestVote& request) {
  if (request.term < state.hard.term || is_quarantined(state)) return false;
  if (!may_lead(state, from, request)) return false;
  const std::string& name = state.options.voters[from];
  const Origin origin = state.links[from].origin;
  const HardState& hard = state.hard;
  if (std::tie(hard.term, hard.voted_for, hard.voted_origin) ==
      std::tie(request.term, name, origin))
    return true;
  if (!state.hard.voted_for.empty() || state.leader) return false;
  // A pre-candidate has promised nothing yet. Candidate and leader have voted, for themselves.
  state.phase = Phase::follower;
  write_vote(state, out, request.term, name, origin);
  state.election_at = state.now.mono + draw_election_timeout(state);
  return true;
}

}  // namespace

void election_tick(RaftState& state, Effects& out) {
  if (state.phase == Phase::leader || state.now.mono < state.election_at) return;
  // A stuck disk may not confirm the vote either: each try would only raise the term. If it has
  // room for votes alone, this node would be a leader without a copy of its own. A candidate waits
  // for its own vote in the same way.
  if (is_quarantined(state) || disk_is_stuck(state) || !is_sane(state.hard.term.next())) {
    state.election_at = state.now.mono + draw_election_timeout(state);
    return;
  }
  become_pre_candidate(state, out);
}

Instant election_deadline(const RaftState& state) {
  return state.phase == Phase::leader ? Instant::never() : state.election_at;
}

void request_vote(RaftState& state, Effects& out, Peer to) {
  if (to == state.self || !is_voter(state, to)) return;
  const bool pre = state.phase == Phase::pre_candidate;
  if (!pre && state.phase != Phase::candidate) return;
  const LogPosition last = state.log.last();
  const RequestVote request{.term = pre ? state.hard.term.next() : state.hard.term,
                            .last_log_index = last.index,
                            .last_log_term = last.term,
                            .cluster = configuration_of(state).cluster,
                            .pre = pre,
                            .transfer = state.candidacy.transfer};
  if (pre) {
    send(state, out, to, request);
  } else {
    send_when_term_durable(state, out, to, request);
  }
}

void own_vote_durable(RaftState& state, Effects& out) {
  if (state.phase != Phase::candidate || !state.disk.hard_state_durable()) return;
  if (state.candidacy.granted[state.self] != Origin{}) return;
  state.candidacy.granted[state.self] = state.options.origin;
  count_votes(state, out);
}

void count_votes(RaftState& state, Effects& out) {
  std::size_t granted = 0;
  std::size_t refused = 0;
  for (Peer peer = 0; peer < state.links.size(); ++peer) {
    if (!is_voter(state, peer)) continue;
    if (state.candidacy.granted[peer] != Origin{}) ++granted;
    if (state.candidacy.refused[peer]) ++refused;
  }
  const std::size_t majority = majority_of(voters_of(state));
  if (granted >= majority) {
    if (state.phase == Phase::pre_candidate) {
      become_candidate(state, out, false);
    } else if (state.candidacy.granted[state.self] != Origin{}) {
      become_leader(state, out);
    }
  } else if (refused >= majority) {
    become_follower(state, out, state.hard.term, std::nullopt);
  }
}

void higher_term_seen(RaftState& state, Effects& out, Term term) {
  const bool led = state.phase == Phase::leader && has_word_of_majority(state);
  become_follower(state, out, term, std::nullopt);
  if (led && !is_quarantined(state)) become_pre_candidate(state, out);
}

void receive(RaftState& state, Effects& out, Peer from, const RequestVote& request) {
  if (!is_sane(request.term)) return;
  if (request.pre) return answer_pre_vote(state, out, from, request);
  // Who must not disturb does not: its term is not adopted either.
  const bool disturbs =
      is_impostor(state, from) || (!request.transfer && protects_leader_from(state, from));
  if (!disturbs && request.term > state.hard.term) {
    become_follower(state, out, request.term, std::nullopt);
  }
  answer(state, out, from, request, !disturbs && give_vote(state, out, from, request));
}

void receive(RaftState& state, Effects& out, Peer from, const RequestVoteReply& reply) {
  if (!is_sane(reply.term)) return;
  const Term term = state.hard.term;
  if (!reply.granted && reply.term > term) return higher_term_seen(state, out, reply.term);
  const bool pre = state.phase == Phase::pre_candidate;
  if (reply.pre != pre || (!pre && state.phase != Phase::candidate)) return;
  if (reply.granted ? reply.term != (pre ? term.next() : term) : reply.term > term) return;
  report_wall(state, from, reply.wall);
  if (reply.granted && vote_counts(state, from)) {
    state.candidacy.granted[from] = state.links[from].origin;
  } else if (!reply.granted) {
    state.candidacy.refused[from] = true;
  }
  count_votes(state, out);
}

void receive(RaftState& state, Effects& out, Peer from, const TimeoutNow& message) {
  if (message.term != state.hard.term || state.leader != from) return;
  if (state.phase != Phase::follower || is_quarantined(state)) return;
  become_candidate(state, out, true);
}

}  // namespace causeway::consensus
