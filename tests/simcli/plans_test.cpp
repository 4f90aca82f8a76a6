#include "simcli/plans.hpp"

#include <doctest/doctest.h>

using namespace causeway;
using namespace causeway::simcli;
using sim::FaultKind;

TEST_CASE("without overrides a seed stands for the plan that it draws") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const auto plan = plan_of(seed, {});
    REQUIRE(plan.has_value());
    CHECK(plan.value() == sim::draw_plan(seed));
  }
}

TEST_CASE("an override stands for every seed, the rest is drawn") {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const auto plan = plan_of(seed, {.nodes = 4, .seconds = 11, .rate = 7}).value();
    const sim::Plan drawn = sim::draw_plan(seed);
    CHECK(plan.nodes == 4);
    CHECK(plan.length == std::chrono::seconds(11));
    CHECK(plan.operations_per_s == 7);
    CHECK(plan.clients == drawn.clients);
    CHECK(plan.keys == drawn.keys);
  }
}

TEST_CASE("where a fault and the number of nodes exclude each other, what was drawn gives way") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    const auto wiped = plan_of(seed, {.faults = "wipe=1"});
    REQUIRE(wiped.has_value());
    CHECK(wiped.value().level(FaultKind::wipe) == 1);
    CHECK(sim::unusable(wiped.value()).empty());
    const auto alone = plan_of(seed, {.nodes = 1});
    REQUIRE(alone.has_value());
    CHECK(alone.value().nodes == 1);
    CHECK(sim::unusable(alone.value()).empty());
  }
  CHECK_FALSE(plan_of(1, {.nodes = 2, .faults = "wipe=1"}).has_value());
}

TEST_CASE("the faults that are named are the only ones") {
  const sim::Plan plan = plan_of(5, {.nodes = 3, .faults = "kill=2,loss=1"}).value();
  for (std::size_t kind = 0; kind < sim::kFaultKinds; ++kind) {
    const bool named = kind == static_cast<std::size_t>(FaultKind::kill) ||
                       kind == static_cast<std::size_t>(FaultKind::loss);
    CHECK((plan.faults[kind] != 0) == named);
  }
  CHECK(plan_of(5, {.faults = "none"}).value().faults == sim::Plan{}.faults);
}

TEST_CASE("the replay command is the one that does it again") {
  CHECK(replay_command(17, {}) == "causeway-sim --seed 17");
  CHECK(replay_command(17, {.nodes = 3, .faults = "kill=2"}) ==
        "causeway-sim --seed 17 --nodes 3 --faults kill=2");
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const sim::Plan plan = sim::draw_plan(seed);
    if (plan.length % std::chrono::seconds(1) != Duration(0)) continue;
    CHECK(plan_of(seed, overrides_of(plan)).value() == plan);
  }
}
