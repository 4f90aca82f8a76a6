// Which plan a seed stands for, given what the command line says in place of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sim/plan.hpp"
#include <causeway/result.hpp>

namespace causeway::simcli {

/// What the seed does not decide.
struct Overrides {
  std::optional<std::uint64_t> nodes;
  std::optional<std::uint64_t> clients;
  std::optional<std::uint64_t> keys;
  std::optional<std::uint64_t> seconds;  ///< of virtual time, with faults
  std::optional<std::uint64_t> rate;     ///< operations a second, of all clients together
  std::optional<std::string> faults;     ///< "kill=2,loss=1", "none": all others are off
  friend bool operator==(const Overrides&, const Overrides&) = default;
};

/// The same for the same arguments, so that a seed and its overrides replay a run.
/// Where the one does not fit the other (a wipe and the two nodes that the seed draws), what was
/// drawn gives way: more nodes, or without that fault.
/// errors   invalid: the overrides alone cannot be
[[nodiscard]] Result<sim::Plan> plan_of(std::uint64_t seed, const Overrides& overrides);

/// All of the plan but its seed.
[[nodiscard]] Overrides overrides_of(const sim::Plan& plan);

/// The one command that does it again.
[[nodiscard]] std::string replay_command(std::uint64_t seed, const Overrides& overrides);

}  // namespace causeway::simcli
