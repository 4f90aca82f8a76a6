#include "simcli/plans.hpp"

#include "sim/network.hpp"

namespace causeway::simcli {
namespace {

/// Drops the drawn faults that cannot be with the nodes that were asked for.
void drop_impossible_faults(sim::Plan& plan) {
  if (sim::unusable(plan).empty()) return;
  for (std::size_t kind = 0; kind < sim::kFaultKinds; ++kind) {
    sim::Plan alone = plan;
    alone.faults = {};
    alone.faults[kind] = plan.faults[kind];
    if (!sim::unusable(alone).empty()) plan.faults[kind] = 0;
  }
}

Result<void> set_faults(sim::Plan& plan, const Overrides& overrides) {
  for (;; ++plan.nodes) {
    sim::Plan with = plan;
    with.faults = {};
    auto set = sim::set_faults(with, *overrides.faults);
    std::string why = set ? sim::unusable(with) : set.error().detail;
    if (why.empty()) {
      plan = with;
      return success();
    }
    const bool more_may_help = !overrides.nodes && plan.nodes < sim::kMachinesMax;
    if (!more_may_help) return Error{Errc::invalid, std::move(why)};
  }
}

}  // namespace

Result<sim::Plan> plan_of(std::uint64_t seed, const Overrides& overrides) {
  sim::Plan plan = sim::draw_plan(seed);
  if (overrides.nodes) plan.nodes = *overrides.nodes;
  if (overrides.clients) plan.clients = *overrides.clients;
  if (overrides.keys) plan.keys = *overrides.keys;
  if (overrides.seconds) plan.length = std::chrono::seconds(*overrides.seconds);
  if (overrides.rate) plan.operations_per_s = *overrides.rate;
  if (overrides.faults) {
    CAUSEWAY_TRY(set_faults(plan, overrides));
  } else {
    drop_impossible_faults(plan);
  }
  if (std::string why = sim::unusable(plan); !why.empty()) {
    return Error{Errc::invalid, std::move(why)};
  }
  return plan;
}

Overrides overrides_of(const sim::Plan& plan) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(plan.length).count();
  return {.nodes = plan.nodes,
          .clients = plan.clients,
          .keys = plan.keys,
          .seconds = static_cast<std::uint64_t>(seconds),
          .rate = plan.operations_per_s,
          .faults = sim::faults_text(plan)};
}

std::string replay_command(std::uint64_t seed, const Overrides& overrides) {
  std::string command = "causeway-sim --seed " + std::to_string(seed);
  const auto add = [&](const char* flag, const std::optional<std::uint64_t>& value) {
    if (value) command += std::string(" ") + flag + " " + std::to_string(*value);
  };
  add("--nodes", overrides.nodes);
  add("--clients", overrides.clients);
  add("--keys", overrides.keys);
  add("--seconds", overrides.seconds);
  add("--rate", overrides.rate);
  if (overrides.faults) command += " --faults " + *overrides.faults;
  return command;
}

}  // namespace causeway::simcli
