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
/// Bars those that say of themselves that they have forgotten. Once for each flush of a leader.
void bar_confessed(RaftState& state, Effects& out);

/// Counts this start of the directory, and finds out what it may have forgotten: a start of this
/// origin numbered `known` is in the state already, or the log bars it.
void count_start(RaftState& state, Effects& out, std::uint64_t known);
/// This directory is an old copy of itself, a start of which with the number `known` was seen. It
/// never votes under this origin again: its own record says so, which nobody truncates.
void bar_self(RaftState& state, Effects& out, std::uint64_t known);
/// Does so when the log says it of this directory.
void heed_bar(RaftState& state, Effects& out);

}  // namespace causeway::consensus
