// Handing over leadership (dissertation 3.10): wait until the best follower has everything, then
// ask it to campaign.
//
// Proposals wait meanwhile, or the follower would never catch up. If nothing came of it within an
// election timeout, the leader goes on.
#pragma once

#include "consensus/raft_state.hpp"

namespace causeway::consensus {

/// False: nobody to take it.
[[nodiscard]] bool start_transfer(RaftState& state);
/// Gives up when it took too long.
void transfer_tick(RaftState& state);
/// Asks the follower once it has everything.
void advance_transfer(RaftState& state, Effects& out);

}  // namespace causeway::consensus
