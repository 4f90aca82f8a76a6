#include "sim/calm.hpp"

#include "base/check.hpp"

namespace causeway::sim {

Calm::Calm(std::size_t nodes) : nodes_(nodes), since_(std::size_t{1} << nodes, Instant::never()) {
  CAUSEWAY_CHECK(nodes <= kMachinesMax);
}

void Calm::note(Instant now, const Standing& standing) {
  for (std::uint32_t peers = 0; peers < since_.size(); ++peers) {
    if (!calm(peers, standing)) {
      since_[peers] = Instant::never();
    } else if (since_[peers] == Instant::never()) {
      since_[peers] = now;
    }
  }
}

// The nodes outside matter in one way. A leader that reaches only a part of the set may keep its
// majority and leave the rest without one: Raft promises these nothing. So each outside must reach
// all of the set, or none of it; and be reached by all, or none. One that is heard and hears
// nothing asks for votes for ever, and must get none.
bool Calm::calm(std::uint32_t peers, const Standing& standing) const {
  if ((peers & ~standing.healthy) != 0) return false;
  for (Peer peer = 0; peer < nodes_; ++peer) {
    const std::uint32_t self = std::uint32_t{1} << peer;
    if ((peers & self) != 0) {
      if ((peers & ~self & ~standing.clear[peer]) != 0) return false;
      continue;
    }
    if ((standing.runs & self) == 0) continue;
    const bool reaches_all = (peers & ~standing.clear[peer]) == 0;
    const bool reaches_none = (peers & ~standing.closed[peer]) == 0;
    bool hears_all = true;
    bool hears_none = true;
    for (Peer member = 0; member < nodes_; ++member) {
      if (((peers >> member) & 1) == 0) continue;
      if ((standing.clear[member] & self) == 0) hears_all = false;
      if ((standing.closed[member] & self) == 0) hears_none = false;
    }
    if (!(reaches_all || reaches_none) || !(hears_all || hears_none)) return false;
  }
  return true;
}

}  // namespace causeway::sim
