#include "sim/disk_faults.hpp"

#include <algorithm>
#include <utility>

#include "sim/proven_parts.hpp"

namespace causeway::sim {
namespace {

using std::chrono::milliseconds;

}  // namespace

void DiskFaults::begin() {
  const auto often = [this](FaultKind kind, void (DiskFaults::*strike)(Random&)) {
    world_.often(kind, [this, strike](Random& random) { (this->*strike)(random); });
  };
  often(FaultKind::slow_disk, &DiskFaults::slow_disk);
  often(FaultKind::slow_applier, &DiskFaults::slow_applier);
  often(FaultKind::full_disk, &DiskFaults::full_disk);
  often(FaultKind::write_error, &DiskFaults::write_error);
  often(FaultKind::sync_error, &DiskFaults::sync_error);
  often(FaultKind::bit_flip, &DiskFaults::bit_flip);
  often(FaultKind::misdirected_read, &DiskFaults::misdirected_read);
}

void DiskFaults::end() {
  for (Peer peer = 0; peer < world_.nodes(); ++peer) {
    Machine& machine = world_.machine(peer);
    machine.slow_raft_log = machine.slow_journal = machine.slow_applier = Duration(0);
    machine.late_reports = Duration(0);
    world_.ills[peer].slow = 0;
    for (const Which which : {Which::raft_log, Which::journal}) {
      disk(peer, which).disarm();
      make_room(peer, which, full_[peer][static_cast<std::size_t>(which)]);
    }
  }
  world_.changed();
}

MemDisk& DiskFaults::disk(Peer peer, Which which) {
  DataDirectory& directory = world_.machine(peer).directory();
  return which == Which::raft_log ? directory.raft_log : directory.journal;
}

std::string DiskFaults::where(Peer peer, Which which) const {
  return world_.name(peer) + (which == Which::raft_log ? " in its Raft log" : " in its journal");
}

DiskFaults::Which DiskFaults::draw_which(Random& random) {
  return random.below(3) == 0 ? Which::journal : Which::raft_log;
}

Duration DiskFaults::draw_down(Random& random) const { return world_.some(random, 50, 2000); }

// ---- slow and full

// A disk that takes its time, and threads that are not woken at once.
void DiskFaults::slow_disk(Random& random) {
  const Peer peer = world_.victim(random);
  const Which which = draw_which(random);
  const bool threads = random.below(4) == 0;
  const auto by = milliseconds(random.between(1, 200 * world_.plan.level(FaultKind::slow_disk)));
  const Duration lasts = world_.some(random, 500, 5000);
  if (threads) {
    slow(FaultKind::slow_disk, peer, &Machine::late_reports, by / 10 + milliseconds(1), lasts,
         world_.name(peer) + " in its threads");
  } else {
    slow(FaultKind::slow_disk, peer,
         which == Which::raft_log ? &Machine::slow_raft_log : &Machine::slow_journal, by, lasts,
         where(peer, which));
  }
}

void DiskFaults::slow_applier(Random& random) {
  const Peer peer = world_.victim(random);
  const auto by = milliseconds(random.between(1, 200 * world_.plan.level(FaultKind::slow_applier)));
  const Duration lasts = world_.some(random, 500, 5000);
  slow(FaultKind::slow_applier, peer, &Machine::slow_applier, by, lasts, world_.name(peer));
}

void DiskFaults::slow(FaultKind kind, Peer peer, Duration Machine::*what, Duration by,
                      Duration lasts, const std::string& where) {
  Duration& how = world_.machine(peer).*what;
  if (how != Duration(0)) return;  // one at a time
  how = by;
  ++world_.ills[peer].slow;
  world_.struck(kind, where + " by " + std::to_string(by.count() / 1'000'000) + " ms");
  world_.changed();
  world_.later(lasts, [this, kind, peer, what, where] {
    Duration& now = world_.machine(peer).*what;
    if (now == Duration(0)) return;
    now = Duration(0);
    --world_.ills[peer].slow;
    world_.ended(kind, where);
    world_.changed();
  });
}

// Shows when a segment begins, or in the middle of one whose reserve a torn tail cost.
void DiskFaults::full_disk(Random& random) {
  const Peer peer = world_.victim(random);
  const Which which = draw_which(random);
  const std::uint64_t left = random.below(3) == 0 ? random.below(100'000) : random.below(2000);
  const Duration lasts = world_.some(random, 500, 5000);
  MemDisk& disk = this->disk(peer, which);
  if (disk.capacity() != UINT64_MAX) return;
  disk.set_capacity(disk.bytes() + left);
  world_.ills[peer].full = true;
  const std::uint64_t number = full_[peer][static_cast<std::size_t>(which)] = ++fulls_;
  world_.struck(FaultKind::full_disk,
                where(peer, which) + " but for " + std::to_string(left) + " bytes");
  world_.changed();
  world_.later(lasts, [this, peer, which, number] { make_room(peer, which, number); });
  // More is given to it before the node hears that something was refused.
  if (random.below(2) == 0) {
    slow(FaultKind::full_disk, peer, &Machine::late_reports, milliseconds(random.between(1, 20)),
         lasts, world_.name(peer) + " in its threads");
  }
}

void DiskFaults::make_room(Peer peer, Which which, std::uint64_t number) {
  MemDisk& disk = this->disk(peer, which);
  if (disk.capacity() == UINT64_MAX || full_[peer][static_cast<std::size_t>(which)] != number)
    return;
  disk.set_capacity(UINT64_MAX);
  const Which other = which == Which::raft_log ? Which::journal : Which::raft_log;
  world_.ills[peer].full = this->disk(peer, other).capacity() != UINT64_MAX;
  world_.ended(FaultKind::full_disk, where(peer, which));
  world_.changed();
}

// ---- operations that fail

void DiskFaults::arm(Peer peer, Which which, MemDisk::Strike strike, Armed armed) {
  armed_[peer][static_cast<std::size_t>(which)][static_cast<std::size_t>(strike)] =
      std::move(armed);
  // A directory that was replaced has a disk that knows nothing of us.
  disk(peer, which).on_struck = [this, peer, which](MemDisk::Strike what) {
    struck(peer, which, what);
  };
}

void DiskFaults::struck(Peer peer, Which which, MemDisk::Strike strike) {
  auto& armed = armed_[peer][static_cast<std::size_t>(which)][static_cast<std::size_t>(strike)];
  if (!armed) return;
  world_.struck(armed->kind, armed->where);
  upkeep_.disk_failed(peer, std::exchange(armed, std::nullopt)->error);
}

// EIO, after some of the bytes. What was written before it stands in the page cache.
void DiskFaults::write_error(Random& random) {
  const Peer peer = world_.victim(random);
  const Which which = draw_which(random);
  const std::uint64_t nth = random.between(1, 8);
  const std::size_t part = random.below(2) == 0 ? random.below(600) : 0;
  const bool power = random.below(2) == 0;
  const Duration down = draw_down(random);
  arm(peer, which, MemDisk::Strike::write,
      {FaultKind::write_error, where(peer, which), {.final = true, .power = power, .down = down}});
  disk(peer, which).fail_write(nth, Errc::io, part);
}

// What was not synced may have reached the disk in part. When only the process starts again, it
// reads all of it from the page cache, as if nothing had happened; when the machine does, it is
// gone.
void DiskFaults::sync_error(Random& random) {
  const Peer peer = world_.victim(random);
  const Which which = draw_which(random);
  const std::uint64_t nth = random.between(1, 8);
  const bool of_names = random.below(8) == 0;
  const std::uint64_t seed = random.below(2) == 0 ? 0 : random.id();
  const bool power = random.below(2) == 0;
  const Duration down = draw_down(random);
  arm(peer, which, MemDisk::Strike::sync,
      {FaultKind::sync_error, where(peer, which), {.final = true, .power = power, .down = down}});
  disk(peer, which).fail_sync(of_names ? 0 : nth, Errc::io, seed);  // in place of an earlier one
  disk(peer, which).fail_sync_directory(of_names ? 1 : 0);
}

// ---- bytes that are not what was written

// At rest, in the part that cannot be taken for a torn tail. It costs the directory as soon as it
// is read; so a minority of the names at most may have it, together with those that are wiped.
void DiskFaults::bit_flip(Random& random) {
  const Peer peer = world_.victim(random);
  const Which which = draw_which(random);
  const std::uint64_t place = random.next();
  const int bit = static_cast<int>(random.below(8));
  const bool die = random.below(2) == 0;  // else it is found later, or never
  const Duration down = draw_down(random);
  if (!upkeep_.may_replace(peer)) return;
  const auto parts = proven_parts(disk(peer, which), which == Which::raft_log ? "raft" : "journal");
  if (parts.empty()) return;
  const ProvenPart& part = parts[place % parts.size()];
  const std::uint64_t offset = place / parts.size() % part.end;
  disk(peer, which).flip_bit(part.file, offset, bit);
  upkeep_.damaged(peer);
  world_.struck(FaultKind::bit_flip,
                world_.name(peer) + " in " + part.file + " at " + std::to_string(offset));
  if (die && world_.machine(peer).running()) upkeep_.kill(peer, 0, down);
}

// One read that goes astray, mostly in recovery, which reads most. Anywhere in the file: recovery
// looks twice before it takes anything for a tail. Nothing on the disk is wrong, so the next start
// succeeds, and there is no bound on how many nodes it befalls.
void DiskFaults::misdirected_read(Random& random) {
  const Peer peer = world_.victim(random);
  const Which which = draw_which(random);
  const bool die = random.below(4) != 0;
  const std::uint64_t nth = random.between(1, 8);
  const std::uint64_t distance = 512 * random.between(1, 128);
  const Duration down = draw_down(random);
  arm(peer, which, MemDisk::Strike::read,
      {FaultKind::misdirected_read, where(peer, which), {.final = false}});
  disk(peer, which).misdirect_read(nth, distance);
  if (die && world_.machine(peer).running()) upkeep_.kill(peer, 0, down);
}

}  // namespace causeway::sim
