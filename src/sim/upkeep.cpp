#include "sim/upkeep.hpp"

#include <algorithm>
#include <utility>

#include "sim/violation.hpp"

namespace causeway::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// An operator's script tries again after so long.
constexpr Duration kRetry = milliseconds(200);
/// A node that met an error which is final must be gone by then: more than any disk is slow.
constexpr Duration kEndsWithin = seconds(20);
/// What all nodes know of each other's names is durable everywhere when so much time has passed
/// without a death or an ill disk.
constexpr Duration kFormedAfter = seconds(2);
constexpr Duration kLooks = milliseconds(200);

bool is_damage(const Error& error) { return error.code == Errc::corrupt || error.code == Errc::io; }

}  // namespace

Upkeep::Upkeep(FaultWorld& world) : world_(world) {
  world_.cluster.on_ended = [this](const FaultWorld::Name& name,
                                   const std::optional<Error>& error) {
    ended(world_.cluster.peer_of(name), error);
  };
  world_.cluster.on_ready = [this](const FaultWorld::Name&) { world_.changed(); };
}

void Upkeep::begin() { watch_forming(); }

void Upkeep::end() {
  for (Peer peer = 0; peer < world_.nodes(); ++peer) {
    give_room(peer);
    start(peer);
  }
}

// ---- deaths

void Upkeep::kill(Peer peer, std::size_t table_kept, Duration down) {
  world_.cluster.kill(world_.name(peer), table_kept);
  start_after(peer, down);
}

void Upkeep::lose_power(Peer peer, Duration down) {
  world_.cluster.lose_power(world_.name(peer));
  start_after(peer, down);
}

void Upkeep::wipe(Peer peer, Duration down) {
  world_.cluster.wipe(world_.name(peer));
  nodes_[peer].spent = true;
  nodes_[peer].damaged = false;
  nodes_[peer].replaced = true;
  world_.ills[peer].full = false;  // the new disks have room
  start_after(peer, down);
}

void Upkeep::stop(Peer peer, Duration down) {
  world_.ills[peer].stopping = true;
  nodes_[peer].down = down;
  world_.machine(peer).give(node::StopAsked{});
  world_.changed();
}

void Upkeep::disk_failed(Peer peer, DiskError error) {
  Node& node = nodes_[peer];
  if (!node.met || error.final) node.met = error;
  if (!error.final) return;
  world_.later(kEndsWithin, [this, peer, life = node.life] { must_have_ended(peer, life); });
}

void Upkeep::must_have_ended(Peer peer, std::uint64_t life) {
  if (nodes_[peer].life != life || !world_.machine(peer).running()) return;
  if (world_.machine(peer).paused()) {
    world_.later(kEndsWithin, [this, peer, life] { must_have_ended(peer, life); });
    return;
  }
  throw Violation("failed-write-is-final", "node " + world_.name(peer) +
                                               " goes on after its disk refused a write or a sync");
}

void Upkeep::ended(Peer peer, const std::optional<Error>& error) {
  Node& node = nodes_[peer];
  ++node.life;
  const bool asked = std::exchange(world_.ills[peer].stopping, false);
  const std::optional<DiskError> met = std::exchange(node.met, std::nullopt);
  Duration down = asked ? node.down : kRetry;
  if (error) {
    const bool excused = met || (node.damaged && is_damage(*error));
    if (!excused) {
      throw Violation("no-unexpected-end",
                      "node " + world_.name(peer) + " ended by itself: " + error->detail);
    }
    if (met) down = met->down;
    world_.tell(world_.name(peer) + " ended: " + error->detail);
    if (met && met->power) world_.cluster.lose_power(world_.name(peer));
  } else if (!asked && !world_.cluster.put_back.contains(world_.name(peer))) {
    // Only one that was put back ends so, to start again under a new origin (design 3.2).
    throw Violation("no-unexpected-end",
                    "node " + world_.name(peer) + " ended without having been asked to");
  }
  start_after(peer, down);
}

// ---- starts

void Upkeep::start_after(Peer peer, Duration down) {
  world_.ills[peer].stopping = false;
  nodes_[peer].met.reset();
  const std::uint64_t life = ++nodes_[peer].life;
  serving_since_ = Instant::never();
  world_.changed();
  world_.later(world_.over ? kRetry : down, [this, peer, life] {
    if (nodes_[peer].life == life) start(peer);
  });
}

void Upkeep::start(Peer peer) {
  if (world_.machine(peer).running()) return;
  ++nodes_[peer].life;
  nodes_[peer].met.reset();
  const Result<void> started = world_.cluster.try_start(world_.name(peer));
  if (!started) return refused(peer, started.error());
  const std::optional<DiskError>& met = nodes_[peer].met;
  if (met && met->final) {
    throw Violation(
        "failed-write-is-final",
        "node " + world_.name(peer) + " started although its disk refused a write or a sync");
  }
  world_.tell(world_.name(peer) + " starts");
  world_.changed();
}

void Upkeep::refused(Peer peer, const Error& error) {
  const DataDirectory& directory = world_.machine(peer).directory();
  world_.tell(world_.name(peer) + " does not start: " + error.detail);
  if (directory.raft_log.power_is_off() || directory.journal.power_is_off())
    return world_.machine(peer).on_power_off();
  if (const auto met = nodes_[peer].met) {
    if (met->power) return lose_power(peer, kRetry);
    return start_after(peer, kRetry);
  }
  if (error.code == Errc::disk_full && give_room(peer)) return start(peer);
  if (nodes_[peer].damaged && is_damage(error)) return wipe(peer, kRetry);
  throw Violation("starts-again", "node " + world_.name(peer) + " does not start: " + error.detail);
}

// False: there was room.
bool Upkeep::give_room(Peer peer) {
  DataDirectory& directory = world_.machine(peer).directory();
  bool gave = false;
  for (MemDisk* disk : {&directory.raft_log, &directory.journal}) {
    if (disk->capacity() != UINT64_MAX) gave = true;
    disk->set_capacity(UINT64_MAX);
  }
  world_.ills[peer].full = false;
  world_.changed();
  return gave;
}

// ---- directories that are replaced

bool Upkeep::may_replace(Peer peer) const {
  const auto spent =
      std::count_if(nodes_.begin(), nodes_.end(), [](const Node& node) { return node.spent; });
  const auto minority = static_cast<std::ptrdiff_t>((world_.nodes() - 1) / 2);
  return formed_ && (nodes_[peer].spent || spent < minority);
}

void Upkeep::watch_forming() {
  const Instant now = world_.cluster.time().now();
  for (Peer peer = 0; peer < world_.nodes(); ++peer) {
    const auto status = world_.machine(peer).peek();
    const bool serves =
        world_.usable(peer) && !world_.ills[peer].full && status && status->state == "serving";
    if (!serves) serving_since_ = Instant::never();
    if (!serves) return world_.later(kLooks, [this] { watch_forming(); });
  }
  if (serving_since_ == Instant::never()) serving_since_ = now;
  formed_ = now - serving_since_ >= kFormedAfter;
  if (!formed_) world_.later(kLooks, [this] { watch_forming(); });
}

}  // namespace causeway::sim
