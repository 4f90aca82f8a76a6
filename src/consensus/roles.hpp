// Moving between the roles: what begins and what ends.
#pragma once

#include "consensus/raft_state.hpp"

namespace causeway::consensus {

/// The last 2^32 terms are never adopted from a peer: one message with the highest would leave no
/// term to follow (scenario: hostile peer).
[[nodiscard]] bool is_sane(Term term);

/// Follows in `term`, which is not lower than the present one; `leader` is its leader, if known.
void become_follower(RaftState& state, Effects& out, Term term, std::optional<Peer> leader);
/// Asks whether an election would be won, before disturbing anybody with a new term (dissertation
/// 9.6).
void become_pre_candidate(RaftState& state, Effects& out);
/// Starts a term and votes for itself. Nothing leaves, and the own vote is not counted, before that
/// is durable.
void become_candidate(RaftState& state, Effects& out, bool transfer);
/// With the votes of a majority.
void become_leader(RaftState& state, Effects& out);

}  // namespace causeway::consensus
