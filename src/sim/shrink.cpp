#include "sim/shrink.hpp"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "base/check.hpp"

namespace causeway::sim {
namespace {

using std::chrono::seconds;

/// Plans smaller than `plan`, the boldest step of each sort first.
using Steps = std::vector<Plan>;

template <class Change>
void add(Steps& steps, const Plan& plan, Change&& change) {
  Plan smaller = plan;
  std::forward<Change>(change)(smaller);
  if (smaller != plan) steps.push_back(smaller);
}

/// `least`, the half, and one less of a number.
template <class Number>
void add_numbers(Steps& steps, const Plan& plan, Number Plan::*field, Number least) {
  const Number now = plan.*field;
  for (const Number next : {least, static_cast<Number>(now / 2), static_cast<Number>(now - 1)}) {
    if (next >= least && next < now) {
      add(steps, plan, [&](Plan& smaller) { smaller.*field = next; });
    }
  }
}

std::vector<std::size_t> kinds_of(const Plan& plan) {
  std::vector<std::size_t> kinds;
  for (std::size_t kind = 0; kind < kFaultKinds; ++kind) {
    if (plan.faults[kind] != 0) kinds.push_back(kind);
  }
  return kinds;
}

/// Without all kinds, halves of them, quarters, ..., single ones.
void add_fewer_kinds(Steps& steps, const Plan& plan) {
  const std::vector<std::size_t> kinds = kinds_of(plan);
  for (std::size_t size = kinds.size(); size != 0; size /= 2) {
    for (std::size_t first = 0; first < kinds.size(); first += size) {
      add(steps, plan, [&](Plan& smaller) {
        for (std::size_t i = first; i < std::min(first + size, kinds.size()); ++i)
          smaller.faults[kinds[i]] = 0;
      });
    }
  }
}

void add_lower_levels(Steps& steps, const Plan& plan) {
  add(steps, plan, [](Plan& smaller) {
    for (std::uint8_t& level : smaller.faults) level = std::min<std::uint8_t>(level, 1);
  });
  for (const std::size_t kind : kinds_of(plan)) {
    for (std::uint8_t level = 1; level < plan.faults[kind]; ++level) {
      add(steps, plan, [&](Plan& smaller) { smaller.faults[kind] = level; });
    }
  }
}

/// Whole seconds, so that --seconds can say it. `failed_at`: more than that is for nothing.
void add_less_time(Steps& steps, const Plan& plan, Duration failed_at) {
  const seconds now = std::chrono::ceil<seconds>(plan.length);
  const seconds until_then = std::chrono::ceil<seconds>(failed_at);
  for (const seconds next :
       {seconds(1), now / 4, now / 2, now * 3 / 4, until_then, now - seconds(1)}) {
    if (next >= seconds(1) && next < plan.length) {
      add(steps, plan, [&](Plan& smaller) { smaller.length = next; });
    }
  }
}

Steps steps_of(const Plan& plan, Duration failed_at) {
  Steps steps;
  add_fewer_kinds(steps, plan);
  add_less_time(steps, plan, failed_at);
  add_numbers<std::size_t>(steps, plan, &Plan::nodes, 1);
  add_numbers<std::size_t>(steps, plan, &Plan::clients, 1);
  add_numbers<std::size_t>(steps, plan, &Plan::keys, 1);
  add_numbers<std::uint64_t>(steps, plan, &Plan::operations_per_s, 1);
  add_lower_levels(steps, plan);
  return steps;
}

/// The plan in an order of some kind, to know it again.
auto key_of(const Plan& plan) {
  return std::tuple(plan.seed, plan.nodes, plan.clients, plan.keys, plan.operations_per_s,
                    plan.length, plan.faults);
}

class Shrinking {
 public:
  Shrinking(const Plan& failing, const Report& report,
            const std::function<Report(const Plan&)>& run, const ShrinkLimits& limits)
      : first_seed_(failing.seed),
        run_(run),
        limits_(limits),
        best_{.plan = failing, .report = report} {
    tried_.insert(key_of(failing));
  }

  Shrunk search() {
    while (one_step()) {
    }
    best_.smallest = !used_up_;
    return std::move(best_);
  }

 private:
  /// Takes the first smaller plan that fails. Each is smaller than the one before, so this ends.
  bool one_step() {
    for (const Plan& step : steps_of(best_.plan, best_.report.virtual_time)) {
      if (!unusable(step).empty()) continue;
      for (std::size_t i = 0; i < limits_.seeds_each; ++i) {
        Plan plan = step;
        plan.seed = first_seed_ + i;
        if (!tried_.insert(key_of(plan)).second) continue;
        if (best_.runs == limits_.runs_max) {
          used_up_ = true;
          return false;
        }
        if (fails_alike(plan)) return true;
      }
    }
    return false;
  }

  bool fails_alike(const Plan& plan) {
    ++best_.runs;
    Report report = run_(plan);
    if (!report.failure || report.failure->invariant != best_.report.failure->invariant)
      return false;
    best_.plan = plan;
    best_.report = std::move(report);
    return true;
  }

  std::uint64_t first_seed_;
  const std::function<Report(const Plan&)>& run_;
  ShrinkLimits limits_;
  Shrunk best_;
  std::set<decltype(key_of(std::declval<Plan>()))> tried_;
  bool used_up_ = false;
};

}  // namespace

Shrunk shrink(const Plan& failing, const Report& report,
              const std::function<Report(const Plan&)>& run, const ShrinkLimits& limits) {
  CAUSEWAY_CHECK(report.failure.has_value());
  return Shrinking(failing, report, run, limits).search();
}

}  // namespace causeway::sim
