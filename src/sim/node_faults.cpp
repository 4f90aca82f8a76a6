#include "sim/node_faults.hpp"

#include <utility>

namespace causeway::sim {
namespace {

using std::chrono::milliseconds;

/// So many of RocksDB's unflushed batches may have been flushed when a process dies.
constexpr std::uint64_t kTableKeptMax = 5;

}  // namespace

NodeFaults::NodeFaults(FaultWorld& world, Upkeep& upkeep) : world_(world), upkeep_(upkeep) {
  for (Peer peer = 0; peer < world.nodes(); ++peer)
    world.machine(peer).on_power_off = [this, peer] { died_midway(peer); };
}

void NodeFaults::begin() {
  world_.often(FaultKind::kill, [this](Random& random) { kill(random); });
  world_.often(FaultKind::kill_midway, [this](Random& random) { kill_midway(random); });
  world_.often(FaultKind::power, [this](Random& random) { power(random); });
  world_.often(FaultKind::blackout, [this](Random& random) { blackout(random); });
  world_.often(FaultKind::rolling, [this](Random& random) { rolling(random); });
  world_.often(FaultKind::stop, [this](Random& random) { stop(random); });
  for (const FaultKind kind : {FaultKind::pause, FaultKind::suspend})
    world_.often(kind, [this, kind](Random& random) { pause(kind, random); });
  world_.often(FaultKind::wipe, [this](Random& random) { wipe(random); });
}

void NodeFaults::end() {
  for (Peer peer = 0; peer < world_.nodes(); ++peer) {
    if (world_.machine(peer).paused()) {
      world_.tell(world_.name(peer) + " goes on");
      world_.machine(peer).resume();
    }
    DataDirectory& directory = world_.machine(peer).directory();
    for (MemDisk* disk : {&directory.raft_log, &directory.journal}) disk->power_off(0);
  }
  world_.changed();
}

// Mostly as a supervisor does it, at once; at times somebody has to go there.
Duration NodeFaults::draw_down(Random& random) const {
  const bool soon = random.below(2) == 0;
  const Duration at_once = milliseconds(random.between(1, 200));
  const Duration later = world_.some(random, 200, 3000);
  return soon ? at_once : later;
}

void NodeFaults::kill(Random& random) {
  const Peer peer = world_.victim(random);
  const std::size_t table_kept = random.below(kTableKeptMax);
  const Duration down = draw_down(random);
  if (!world_.machine(peer).running()) return;
  world_.struck(FaultKind::kill, world_.name(peer));
  upkeep_.kill(peer, table_kept, down);
}

// The process, or the machine, goes between two operations of a disk, or with one. In some cases
// while it recovers from another death.
void NodeFaults::kill_midway(Random& random) {
  const Peer peer = world_.victim(random);
  const bool in_journal = random.below(3) == 0;
  const bool in_recovery = random.below(3) == 0;
  const std::uint64_t nth = in_recovery ? random.between(1, 6) : random.between(1, 12);
  const bool power = random.below(2) == 0;
  const std::size_t table_kept = random.below(kTableKeptMax);
  const Duration down = draw_down(random);
  Machine& machine = world_.machine(peer);
  if (!machine.running()) return;
  if (in_recovery) upkeep_.kill(peer, table_kept, down);
  midway_[peer] = {power, table_kept, down, in_journal ? " in its journal" : " in its Raft log"};
  MemDisk& disk = in_journal ? machine.directory().journal : machine.directory().raft_log;
  disk.power_off(nth);
}

void NodeFaults::died_midway(Peer peer) {
  const Midway how = std::exchange(midway_[peer], Midway{});
  world_.struck(FaultKind::kill_midway, world_.name(peer) + how.where);
  if (how.power) return upkeep_.lose_power(peer, how.down);
  upkeep_.kill(peer, how.table_kept, how.down);
}

void NodeFaults::power(Random& random) {
  const Peer peer = world_.victim(random);
  const Duration down = draw_down(random);
  if (!world_.machine(peer).running()) return;
  world_.struck(FaultKind::power, world_.name(peer));
  upkeep_.lose_power(peer, down);
}

// Everywhere at once; it comes back at once, or one by one.
void NodeFaults::blackout(Random& random) {
  const bool one_by_one = random.below(2) == 0;
  const Duration dark = world_.some(random, 10, 2000);
  world_.struck(FaultKind::blackout, "");
  for (Peer peer = 0; peer < world_.nodes(); ++peer) {
    const Duration more = world_.some(random, 0, 3000);
    if (world_.machine(peer).running()) upkeep_.lose_power(peer, one_by_one ? dark + more : dark);
  }
}

// As for an upgrade, by people in a hurry: the next is not waited for.
void NodeFaults::rolling(Random& random) {
  const Duration step = world_.some(random, 100, 2000);
  const Duration down = milliseconds(random.between(1, 500));
  const bool by_kill = random.below(2) == 0;
  world_.struck(FaultKind::rolling, by_kill ? "by kill" : "by stop");
  for (Peer peer = 0; peer < world_.nodes(); ++peer) {
    world_.later(peer * step, [this, peer, down, by_kill] {
      if (world_.over || !world_.usable(peer)) return;
      by_kill ? upkeep_.kill(peer, 0, down) : upkeep_.stop(peer, down);
    });
  }
}

void NodeFaults::stop(Random& random) {
  const Peer peer = world_.victim(random);
  const Duration down = draw_down(random);
  if (!world_.usable(peer)) return;
  world_.struck(FaultKind::stop, world_.name(peer));
  upkeep_.stop(peer, down);
}

void NodeFaults::pause(FaultKind kind, Random& random) {
  const Peer peer = world_.victim(random);
  const bool brief = random.below(2) == 0;
  const Duration moment = milliseconds(random.between(20, 800));
  const Duration long_time = world_.some(random, 500, 4000);
  if (!world_.usable(peer)) return;
  world_.struck(kind, world_.name(peer));
  const std::uint64_t number = pause_[peer] = ++pauses_;
  Machine& machine = world_.machine(peer);
  kind == FaultKind::suspend ? machine.suspend() : machine.pause();
  world_.changed();
  world_.later(brief ? moment : long_time,
               [this, kind, peer, number] { resume(kind, peer, number); });
}

void NodeFaults::resume(FaultKind kind, Peer peer, std::uint64_t number) {
  // It may have died meanwhile, and be paused again.
  if (pause_[peer] != number || !world_.machine(peer).paused()) return;
  world_.ended(kind, world_.name(peer));
  world_.machine(peer).resume();
  world_.changed();
}

void NodeFaults::wipe(Random& random) {
  const Peer peer = world_.victim(random);
  const Duration down = draw_down(random);
  if (!upkeep_.may_replace(peer)) return;
  world_.struck(FaultKind::wipe, world_.name(peer));
  upkeep_.wipe(peer, down);
}

}  // namespace causeway::sim
