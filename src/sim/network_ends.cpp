// How connections end: at both ends, or at one, which the other learns of in its own time.
#include <algorithm>
#include <utility>

#include "sim/network.hpp"
#include "wire/peer.hpp"

namespace causeway::sim {

void Network::reckon(Peer from, Peer to) {
  Pair& pair = pairs_[from][to];
  const bool believes = pair.link != 0;
  const bool dead = believes && (!pair.accepted || pair.forgotten || pair.ill);
  const bool sound = !dead && !pair.unreached;
  if (std::exchange(pair.sound, sound) != sound && on_soundness) on_soundness();
}

bool Network::settled() const {
  const auto sound = [](const Pair& pair) { return pair.sound; };
  return orphans_.empty() && std::all_of(pairs_.begin(), pairs_.end(), [&](const auto& row) {
           return std::all_of(row.begin(), row.end(), sound);
         });
}

void Network::lose(Peer from, Peer to) { end_dialled(from, to, true); }

/// `from` closes its end, or finds it dead.
void Network::dialler_ends(Peer from, Peer to) { end_dialled(from, to, whole(from, to)); }

void Network::end_dialled(Peer from, Peer to, bool both_hear) {
  Pair& pair = pairs_[from][to];
  const std::uint64_t link = std::exchange(pair.link, 0);
  if (link == 0) return;
  ends_.give(from, node::PeerLost{to});
  if (pair.accepted) both_hear ? close_accepted(from, to, link) : adopt(from, to, link);
  reckon(from, to);
  pause_then_dial(from, to);
}

/// `to` does.
void Network::accepter_ends(Peer from, Peer to) {
  Pair& pair = pairs_[from][to];
  if (whole(from, to) && pair.link != 0) return lose(from, to);
  if (pair.link == 0 || !pair.accepted) return;
  close_accepted(from, to, pair.link);
  tell(from, to, Fate::half_open);
  watch(from, to);
  reckon(from, to);
}

// What its kernel has taken is read before the end is seen. That of a machine that sleeps has taken
// nothing.
void Network::close_accepted(Peer from, Peer to, std::uint64_t link) {
  Pair& pair = pairs_[from][to];
  std::size_t taken = 0;
  pair.accepted = false;
  for (const Blob& frame : std::exchange(pair.unread, {})) {
    taken += frame.size();
    auto message = message_of(frame);
    if (!ends_.awake(to) || taken > limits.receive_bytes || !message) {
      tell(from, to, Fate::stale);
      break;
    }
    tell(from, to, Fate::delivered, &*message);
    ends_.give(to, node::LinkMessage{link, std::move(*message)});
  }
  forget_frames(pair);
  ends_.give(to, node::LinkLost{link});
}

void Network::drop_link(std::uint64_t link) {
  const Peer from = dialler_of(link);
  const Peer to = accepter_of(link);
  if (pairs_[from][to].link == link) return accepter_ends(from, to);
  if (orphans_.erase(link) != 0) ends_.give(to, node::LinkLost{link});
}

void Network::left(Peer peer) {
  abandon_attempts(peer);
  for (Peer other = 0; other < machines_; ++other) {
    dialler_ends(peer, other);
    accepter_ends(other, peer);
  }
}

void Network::vanished(Peer peer) {
  abandon_attempts(peer);
  for (Peer other = 0; other < machines_; ++other) {
    Pair& own = pairs_[peer][other];
    const std::uint64_t link = std::exchange(own.link, 0);
    if (link != 0 && own.accepted) adopt(peer, other, link);
    reckon(peer, other);
    Pair& others = pairs_[other][peer];
    if (others.link == 0) continue;
    if (std::exchange(others.accepted, false)) tell(other, peer, Fate::half_open);
    forget_frames(others);
    watch(other, peer);
    reckon(other, peer);
  }
}

void Network::abandon_attempts(Peer peer) {
  for (Peer other = 0; other < machines_; ++other) {
    Pair& own = pairs_[peer][other];
    ++own.attempt;
    own.dialling = own.connected = own.unreached = false;
    own.backoff = Duration(0);
    reckon(peer, other);
    if (!pairs_[other][peer].connected) continue;
    const Duration wait = ends_.awake(peer) ? Duration(0) : limits.silence_max;
    after(wait, other, peer, &Network::failed);
  }
  std::erase_if(orphans_, [peer](const auto& each) { return accepter_of(each.first) == peer; });
}

bool Network::forget(Peer from, Peer to, bool resets) {
  Pair& pair = pairs_[from][to];
  if (pair.link == 0 || !pair.accepted || pair.forgotten) return false;
  pair.forgotten = true;
  pair.resets = resets;
  watch(from, to);
  reckon(from, to);
  return true;
}

// ---- half-open: only who dialled believes in it

/// Something passes no more. Who dialled notices when nothing acknowledges what it sends, or its
/// probes, for too long; or when a reset answers them.
void Network::watch(Peer from, Peer to) {
  Pair& pair = pairs_[from][to];
  if (pair.link == 0 || pair.watch != 0) return;
  pair.watch = ++watches_;
  pair.quiet_since = schedule_.now();
  schedule_.after(limits.dialler_idle, [=, this, number = pair.watch] { look(from, to, number); });
}

void Network::look(Peer from, Peer to, std::uint64_t watch) {
  Pair& pair = pairs_[from][to];
  if (pair.link == 0 || pair.watch != watch) return;
  if (whole(from, to)) {
    pair.watch = 0;
    return;
  }
  if (!ends_.awake(from))  // its timers stand still
    pair.quiet_since = pair.quiet_since + limits.dialler_interval;
  const bool refuted = refutes(from, to);
  if (refuted || schedule_.now() - pair.quiet_since >= limits.silence_max) {
    tell(from, to, refuted ? Fate::reset : Fate::silent);
    return dialler_ends(from, to);
  }
  schedule_.after(limits.dialler_interval, [=, this] { look(from, to, watch); });
}

// ---- half-open: only who was dialled believes in it

void Network::adopt(Peer from, Peer to, std::uint64_t link) {
  Pair& pair = pairs_[from][to];
  tell(from, to, Fate::orphaned);
  const Instant since = pair.watch != 0 ? pair.quiet_since : schedule_.now();
  orphans_[link] = {.quiet_since = since, .forgotten = pair.forgotten};
  forget_frames(pair);
  pair.accepted = false;
  schedule_.at(std::max(since + limits.accepter_idle, schedule_.now()),
               [this, link] { ask_orphan(link); });
}

void Network::ask_orphan(std::uint64_t link) {
  const auto found = orphans_.find(link);
  if (found == orphans_.end()) return;
  Orphan& orphan = found->second;
  const Peer from = dialler_of(link);
  const Peer to = accepter_of(link);
  if (!ends_.awake(to)) orphan.quiet_since = orphan.quiet_since + limits.accepter_interval;
  const bool reset = passes(from, to) && !orphan.forgotten;
  if (reset || schedule_.now() - orphan.quiet_since >= limits.accepter_silence_max) {
    orphans_.erase(found);
    tell(from, to, Fate::let_go);
    return ends_.give(to, node::LinkLost{link});
  }
  schedule_.after(limits.accepter_interval, [this, link] { ask_orphan(link); });
}

/// Who dialled sleeps, and its time-outs with it.
void Network::watch_accepted(Peer from, Peer to) {
  const Pair& pair = pairs_[from][to];
  if (pair.link == 0 || !pair.accepted) return;
  schedule_.after(limits.accepter_idle, [=, this, link = pair.link, since = schedule_.now()] {
    ask_dialler(from, to, link, since);
  });
}

void Network::ask_dialler(Peer from, Peer to, std::uint64_t link, Instant quiet_since) {
  const Pair& pair = pairs_[from][to];
  if (pair.link != link || !pair.accepted || ends_.awake(from)) return;
  if (schedule_.now() - quiet_since >= limits.accepter_silence_max) {
    tell(from, to, Fate::let_go);
    return accepter_ends(from, to);
  }
  schedule_.after(limits.accepter_interval,
                  [=, this] { ask_dialler(from, to, link, quiet_since); });
}

}  // namespace causeway::sim
