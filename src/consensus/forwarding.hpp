// Proposals on their way from any member into the leader's log (design 3.4): what joins
// ProposalQueue (the sender) and ForwardLedger (the leader) to the rest.
#pragma once

#include "consensus/raft_state.hpp"

namespace causeway::consensus {

/// Leader: appends this node's waiting proposals in their order.
void append_waiting_proposals(RaftState& state, Effects& out);
/// Leader: tells each peer what became of what it forwarded.
void answer_forwards(RaftState& state, Effects& out);
/// Leader: asks all peers to go on, after a transfer that did not happen.
void invite_forwards(RaftState& state);
/// Other members: sends proposals, withdrawals and reads to the leader.
void send_to_leader(RaftState& state, Effects& out);
/// What has no answer yet goes out again.
void retry_tick(RaftState& state);
void leader_connected(RaftState& state);

void receive(RaftState& state, Effects& out, Peer from, Forward&& forward);
void receive(RaftState& state, Effects& out, Peer from, const Withdraw& withdraw);
void receive(RaftState& state, Effects& out, Peer from, const ForwardReply& reply);
void receive(RaftState& state, Effects& out, Peer from, const ReadIndexRequest& request);
void receive(RaftState& state, Effects& out, Peer from, const ReadIndexReply& reply);

}  // namespace causeway::consensus
