// What many runs came to.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "simcli/plans.hpp"
#include "simcli/worker.hpp"

namespace causeway::simcli {

struct FailedSeed {
  std::uint64_t seed = 0;
  sim::Failure failure;
  std::string command;  ///< that replays it
};

struct Summary {
  std::uint64_t first = 0;
  std::uint64_t seeds = 0;  ///< from `first` on
  std::size_t jobs = 1;
  bool stopped = false;                  ///< by a signal, before all that was asked for had run
  std::chrono::nanoseconds real{0};      ///< of all of it
  std::chrono::nanoseconds run_real{0};  ///< of the runs, added up
  std::chrono::nanoseconds run_virtual{0};
  std::uint64_t events = 0;
  std::uint64_t operations = 0;
  std::uint64_t offline_writes = 0;
  std::uint64_t trace_hash = 0;  ///< of all, in any order
  std::array<std::uint64_t, sim::kFaultKinds> struck{};
  std::vector<FailedSeed> failures;

  void add(const Outcome& outcome);
};

[[nodiscard]] std::string text_of(const Summary& summary);
[[nodiscard]] std::string json_of(const Summary& summary);

}  // namespace causeway::simcli
