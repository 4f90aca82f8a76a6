// What a leader sends to one follower: probes, batches of entries, heartbeats (see progress.hpp).
#pragma once

#include "consensus/raft_state.hpp"

namespace causeway::consensus {

/// Entries as far as the bytes in flight allow, else news of commit index or read round, else
/// nothing.
void send_what_is_due(RaftState& state, Effects& out, Peer peer);
/// Asks for an answer and finds lost messages: names the position behind everything sent.
void send_heartbeat(RaftState& state, Effects& out, Peer peer);

}  // namespace causeway::consensus
