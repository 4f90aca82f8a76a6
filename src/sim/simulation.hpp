// One run: a cluster, its clients, its faults, and everything that judges it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "sim/plan.hpp"
#include "sim/trace.hpp"

namespace causeway::sim {

struct Failure {
  std::string invariant;
  std::string detail;
};

struct Report {
  std::optional<Failure> failure;
  std::uint64_t trace_hash = 0;
  Duration virtual_time{0};
  std::uint64_t events = 0;
  std::uint64_t operations = 0;  ///< of clients, answered or not
  std::uint64_t offline_writes = 0;
  std::array<std::uint64_t, kFaultKinds> struck{};
};

struct Bounds {
  std::uint64_t events_max = 50'000'000;
  std::size_t history_max = 200'000;
};

/// Runs it to its end, or to the first broken rule. A bound that is hit is a failure ("bound").
/// Everything follows from `plan`: equal plans give equal reports and traces.
[[nodiscard]] Report simulate(const Plan& plan, Trace& trace, const Bounds& bounds = {});

}  // namespace causeway::sim
