// What a run does: everything that is drawn from its seed before it begins.
//
// Each seed draws which kinds of faults there are and how hard ("swarm testing", Groce et al.
// 2012): a fault that is always there hides what happens without it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include <causeway/result.hpp>

namespace causeway::sim {

enum class FaultKind : std::uint8_t {
  // network
  loss,
  duplication,
  reordering,
  late,        ///< delays with a heavy tail
  corruption,  ///< a bit of a frame flips
  one_way,     ///< cut in one direction
  partition,   ///< into groups
  bridge,      ///< two groups that only one node reaches
  flapping,    ///< a line that comes and goes
  absence,     ///< a node unreachable for a long time
  slow_line,
  lost_kind,  ///< one kind of message is lost on a line
  // nodes
  kill,         ///< between two steps
  kill_midway,  ///< between two operations of a disk
  power,
  blackout,  ///< power of all at once
  rolling,   ///< one after the other is killed and started
  stop,      ///< with handover
  pause,
  suspend,
  wipe,  ///< only where the rules allow it
  // disks
  slow_disk,
  slow_applier,
  full_disk,
  write_error,
  sync_error,
  bit_flip,          ///< at rest, before the tail
  misdirected_read,  ///< before the tail
  // clocks
  clock_offset,  ///< years, from the beginning
  clock_drift,
  clock_jump,
  clock_stuck,
  clock_1970,  ///< at boot
  // load
  huge_values,
  bursts,
  full_journal,
  retries,  ///< through other nodes, by clients that die
  // network; they stand here because a kind's place decides its stream
  half_open,   ///< connections die, and nobody is told
  handshakes,  ///< steps of them are lost, damaged or late
};
inline constexpr std::size_t kFaultKinds = static_cast<std::size_t>(FaultKind::handshakes) + 1;
[[nodiscard]] std::string_view name_of(FaultKind kind);

/// How far a plan may go; kMachinesMax nodes.
inline constexpr std::size_t kClientsMax = 256;
inline constexpr std::size_t kKeysMax = 10'000;
inline constexpr std::uint64_t kOperationsMax = 100'000;
inline constexpr Duration kLengthMin = std::chrono::seconds(1);
inline constexpr Duration kLengthMax = std::chrono::hours(24);

struct Plan {
  std::uint64_t seed = 1;
  std::size_t nodes = 5;  ///< 1..7
  std::size_t clients = 8;
  std::size_t keys = 4;
  std::uint64_t operations_per_s = 20;         ///< of all clients together
  Duration length = std::chrono::seconds(30);  ///< with faults; the calm at the end is beyond it
  /// 0: none; 1..3: how often and how hard.
  std::array<std::uint8_t, kFaultKinds> faults{};

  [[nodiscard]] std::uint8_t level(FaultKind kind) const {
    return faults[static_cast<std::size_t>(kind)];
  }
  friend bool operator==(const Plan&, const Plan&) = default;
};

/// All of it drawn from the seed.
[[nodiscard]] Plan draw_plan(std::uint64_t seed);
/// The run's keys are those of 0 to plan.keys - 1.
[[nodiscard]] std::string key_at(std::size_t number);
/// What a node's journal may hold: little where it is to be full.
[[nodiscard]] std::uint64_t journal_bytes_max(const Plan& plan);
/// As `--faults` takes it: "kill=2,loss=1", "none".
[[nodiscard]] std::string faults_text(const Plan& plan);
/// text     a list of name=level; what is not named is off. Before it may stand "all" (level 2
///          each, of what so many nodes can have), from which it then differs: "all,wipe=0"
/// errors   invalid: names what it does not know, or a mix that cannot be (a wipe with fewer than
///          three nodes); the plan is as before
[[nodiscard]] Result<void> set_faults(Plan& plan, std::string_view text);
/// Empty, or why this cannot be run: the field and its bounds.
[[nodiscard]] std::string unusable(const Plan& plan);

}  // namespace causeway::sim
