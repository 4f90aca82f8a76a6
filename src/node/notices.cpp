#include "node/notices.hpp"

#include <string>
#include <utility>

namespace causeway::node {

void Notices::tell(Turn& turn) {
  tell_leader(turn);
  tell_quarantine(turn);
  tell_uncounted_peers(turn);
}

void Notices::tell_leader(Turn& turn) {
  if (turn.core.phase == Phase::stopping) return;  // it hands over: its own end is the news
  const consensus::Raft& raft = turn.core.raft;
  const auto leader = raft.leader();
  // Terms that pass without a leader are nobody's concern.
  if (leader == leader_ && (!leader || raft.term() == term_)) return;
  leader_ = leader;
  term_ = raft.term();
  if (!leader) return turn.log(LogLine::Level::info, "knows no leader any more");
  const std::string in_term = " in term " + std::to_string(term_.value);
  if (raft.role() == consensus::Role::leader)
    return turn.log(LogLine::Level::info, "became leader" + in_term);
  turn.log(LogLine::Level::info,
           "follows " + raft.configuration().members.at(*leader).name + in_term);
}

void Notices::tell_quarantine(Turn& turn) {
  if (std::exchange(quarantined_, turn.core.raft.quarantined()) || !quarantined_) return;
  turn.log(LogLine::Level::warn,
           "quarantined: this data directory is not, or not any more, what the cluster counts "
           "under this name (it was wiped, or is an old copy). It is served and settles its "
           "writes, but does not vote");
}

// The others of the cluster can do something about it, and look into the leader's log first.
void Notices::tell_uncounted_peers(Turn& turn) {
  const consensus::Raft& raft = turn.core.raft;
  const auto& members = raft.configuration().members;
  const bool leads = raft.role() == consensus::Role::leader;
  if (!leads && uncounted_ == 0) return;
  for (consensus::Peer peer = 0; peer < members.size(); ++peer) {
    const std::uint64_t bit = std::uint64_t{1} << peer;
    if (!raft.quarantined(peer)) {
      uncounted_ &= ~bit;
    } else if (leads && (uncounted_ & bit) == 0) {
      uncounted_ |= bit;
      turn.log(LogLine::Level::warn,
               members[peer].name +
                   " is served, but not counted: its data directory is not, or not any more, what "
                   "the cluster counts under that name (it was wiped, or is an old copy)");
    }
  }
}

}  // namespace causeway::node
