// Finds a shorter run that breaks the same rule: fewer faults, nodes, clients, keys, less time.
//
// Greedy delta debugging (Zeller and Hildebrandt 2002) over plans. Harder than shrinking a list of
// inputs: a plan is a distribution, not a history. Every change of it draws other delays, so a
// smaller plan may pass by luck alone; each is therefore tried under a few seeds.
#pragma once

#include <cstddef>
#include <functional>

#include "sim/plan.hpp"
#include "sim/simulation.hpp"

namespace causeway::sim {

struct ShrinkLimits {
  std::size_t runs_max = 300;
  std::size_t seeds_each = 3;  ///< the failing one, and those that follow it
};

struct Shrunk {
  Plan plan;      ///< breaks the same invariant; at worst the one that was given
  Report report;  ///< of that plan
  std::size_t runs = 0;
  bool smallest = false;  ///< no plan that is one step smaller failed; else the runs were used up
};

/// `report`   of `failing`; has a failure
/// `run`      the same answer for the same plan; called at most runs_max times
[[nodiscard]] Shrunk shrink(const Plan& failing, const Report& report,
                            const std::function<Report(const Plan&)>& run,
                            const ShrinkLimits& limits = {});

}  // namespace causeway::sim
