// Leader election (Raft section 5.2 and 5.4.1) with PreVote and CheckQuorum (dissertation 9.6,
// 6.2).
//
// Without PreVote a node back from a partition deposes a working leader with its high term. PreVote
// asks first: who has heard a leader lately says no, and nobody's term or vote changes. That alone
// would lock out a node whose term is higher for another reason (it campaigned, its messages were
// lost): it accepts nothing from the leader, and nobody elects it. So a leader that learns of a
// higher term asks for a term above that itself; a follower protects its leader from others, not
// from itself. The office changes its term, not its holder. If meanwhile another majority follows
// another leader, nobody grants, and the old one follows.
#pragma once

#include "consensus/raft_state.hpp"

namespace causeway::consensus {

/// Starts an election when none was decided in time.
void election_tick(RaftState& state, Effects& out);
[[nodiscard]] Instant election_deadline(const RaftState& state);
/// Sends the request that the present phase asks for; nothing when it asks for none.
void request_vote(RaftState& state, Effects& out, Peer to);
/// The own term and vote became durable: the own vote counts.
void own_vote_durable(RaftState& state, Effects& out);
/// Goes on to the next phase with a majority of votes, back with a majority of refusals.
void count_votes(RaftState& state, Effects& out);
/// An answer said that there is a higher term.
void higher_term_seen(RaftState& state, Effects& out, Term term);

void receive(RaftState& state, Effects& out, Peer from, const RequestVote& request);
void receive(RaftState& state, Effects& out, Peer from, const RequestVoteReply& reply);
void receive(RaftState& state, Effects& out, Peer from, const TimeoutNow& message);

}  // namespace causeway::consensus
