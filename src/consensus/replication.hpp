// The leader's side of replication: sending, counting, committing (Raft section 5.3 and 5.4.2), and
// the rounds that confirm its leadership (CheckQuorum, dissertation 6.2; ReadIndex, 6.4).
#pragma once

#include "consensus/raft_state.hpp"

namespace causeway::consensus {

/// Heartbeats; steps down without word from a majority, or with a disk that confirms nothing.
void leader_tick(RaftState& state, Effects& out);
[[nodiscard]] Instant leader_deadline(const RaftState& state);
/// Sends each follower what it may be sent.
void replicate(RaftState& state, Effects& out);
/// Starts the round that waiting reads need.
void start_read_round(RaftState& state, Effects& out);
/// What a majority of voters stores durably is committed, if it is of this term.
void advance_commit(RaftState& state);
/// Answers the reads whose round a majority confirmed.
void confirm_reads(RaftState& state, Effects& out);

/// A connection was made: its follower is where it was, until it shows otherwise.
void meet_follower(RaftState& state, Peer peer);
void lose_follower(RaftState& state, Peer peer);

/// When a majority (this node included) was last heard from in this term.
[[nodiscard]] Instant word_of_majority(const RaftState& state);
/// Within the last election timeout.
[[nodiscard]] bool has_word_of_majority(const RaftState& state);

void receive(RaftState& state, Effects& out, Peer from, const AppendEntriesReply& reply);
void fetched(RaftState& state, Effects& out, Peer peer, LogIndex from,
             std::vector<Entry>&& entries);

}  // namespace causeway::consensus
