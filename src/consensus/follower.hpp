// The follower's side of replication (Raft section 5.3): compare, truncate only at a real conflict,
// append, acknowledge.
//
// An acknowledgement promises that entries are durable here *and* equal to this leader's log; each
// alone is not enough. An entry of an older leader may be durable and conflict with what the
// present one will send next.
//
//   checked      1 2 3 4 5 . .      acknowledged = min(checked, durable)
//   durable      1 2 3 . .          commit      <= min(leader_commit, checked)
//
// What a peer sends is untrusted: nonsense is ignored, and a history that differs where it must not
// is reported once, in words, because taking part any longer would spread the damage.
#pragma once

#include "consensus/raft_state.hpp"

namespace causeway::consensus {

void receive(RaftState& state, Effects& out, Peer from, AppendEntries&& message);
/// Something became durable: one acknowledgement for all of it.
void acknowledge_durable(RaftState& state, Effects& out);

}  // namespace causeway::consensus
