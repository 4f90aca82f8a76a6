#include "consensus/transfer.hpp"

#include "consensus/forwarding.hpp"

namespace causeway::consensus {
namespace {

bool can_take_over(const RaftState& state, Peer peer) {
  if (peer == state.self || !state.links[peer].up || !is_counted(state, peer)) return false;
  const Progress& progress = state.leading.progress[peer];
  if (!progress.last_word) return false;
  return state.now.mono - *progress.last_word < state.options.election_timeout;
}

}  // namespace

bool start_transfer(RaftState& state) {
  if (state.phase != Phase::leader) return false;
  if (state.leading.transfer) return true;
  std::optional<Peer> best;
  for (Peer peer = 0; peer < state.links.size(); ++peer) {
    if (!can_take_over(state, peer)) continue;
    const auto& progress = state.leading.progress;
    if (!best || progress[peer].match > progress[*best].match) best = peer;
  }
  if (!best) return false;
  state.leading.transfer =
      Leading::Transfer{.to = *best, .give_up_at = state.now.mono + state.options.election_timeout};
  return true;
}

void transfer_tick(RaftState& state) {
  if (!state.leading.transfer || state.now.mono < state.leading.transfer->give_up_at) return;
  state.leading.transfer.reset();
  invite_forwards(state);  // what came meanwhile was not taken
}

void advance_transfer(RaftState& state, Effects& out) {
  auto& transfer = state.leading.transfer;
  if (!transfer || transfer->asked) return;
  if (state.leading.progress[transfer->to].match != state.log.last().index) return;
  transfer->asked = true;
  send(state, out, transfer->to, TimeoutNow{state.hard.term});
}

}  // namespace causeway::consensus
