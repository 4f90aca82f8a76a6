// Tying the members' names to the directories behind them, by configuration entries (design 3.5).
//
// Each leader's term opens with one, which is the no-op of Raft at the same time. It binds what is
// unbound: this node, the directories that voted for it, and those that are connected. Who connects
// later is bound by one more entry, and one more bars a directory that turns out to be an old copy:
// what it forgot it forgot for every later leader, too.
#pragma once

#include "consensus/raft_state.hpp"

namespace causeway::consensus {

void append_opening_configuration(RaftState& state, Effects& out);
/// Binds connected, unbound names, if there are any. Once for each flush of a leader.
void bind_new_contacts(RaftState& state, Effects& out);
/// The bound directory behind the connection is not to be counted again, by this leader or any.
void bar(RaftState& state, Effects& out, Peer peer);

}  // namespace causeway::consensus
