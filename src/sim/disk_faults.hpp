// Disks that are slow, full, refuse, and forget.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "sim/fault_world.hpp"
#include "sim/upkeep.hpp"

namespace causeway::sim {

class DiskFaults {
 public:
  DiskFaults(FaultWorld& world, Upkeep& upkeep) : world_(world), upkeep_(upkeep) {}

  void begin();
  void end();

 private:
  enum class Which : std::uint8_t { raft_log, journal };
  /// What was asked of a disk and has not happened yet.
  struct Armed {
    FaultKind kind = FaultKind::write_error;
    std::string where;
    Upkeep::DiskError error;
  };
  /// One for each MemDisk::Strike.
  using AllArmed = std::array<std::optional<Armed>, 4>;

  void slow_disk(Random& random);
  void slow_applier(Random& random);
  void full_disk(Random& random);
  void write_error(Random& random);
  void sync_error(Random& random);
  void bit_flip(Random& random);
  void misdirected_read(Random& random);

  void slow(FaultKind kind, Peer peer, Duration Machine::*what, Duration by, Duration lasts,
            const std::string& where);
  void make_room(Peer peer, Which which, std::uint64_t number);
  void arm(Peer peer, Which which, MemDisk::Strike strike, Armed armed);
  void struck(Peer peer, Which which, MemDisk::Strike strike);
  [[nodiscard]] MemDisk& disk(Peer peer, Which which);
  [[nodiscard]] std::string where(Peer peer, Which which) const;
  [[nodiscard]] static Which draw_which(Random& random);
  [[nodiscard]] Duration draw_down(Random& random) const;

  FaultWorld& world_;
  Upkeep& upkeep_;
  std::array<std::array<AllArmed, 2>, kMachinesMax> armed_;
  std::array<std::array<std::uint64_t, 2>, kMachinesMax> full_{};  ///< number of the fault
  std::uint64_t fulls_ = 0;
};

}  // namespace causeway::sim
