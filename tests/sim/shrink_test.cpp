// Shrinking, with a run function that fails where the test says so.

#include "sim/shrink.hpp"

#include <vector>

#include <doctest/doctest.h>

using namespace causeway;
using namespace causeway::sim;
using std::chrono::seconds;

namespace {

Plan large() {
  Plan plan{.seed = 40, .nodes = 7, .clients = 12, .keys = 9, .operations_per_s = 200};
  plan.length = seconds(60);
  for (const FaultKind kind : {FaultKind::loss, FaultKind::partition, FaultKind::kill,
                               FaultKind::power, FaultKind::clock_jump, FaultKind::bursts}) {
    plan.faults[static_cast<std::size_t>(kind)] = 3;
  }
  return plan;
}

Report failure(std::string invariant, Duration at = seconds(60)) {
  Report report;
  report.failure = Failure{std::move(invariant), "because"};
  report.virtual_time = at;
  return report;
}

/// Counts what is run, and that nothing is run twice.
struct Runs {
  std::function<Report(const Plan&)> judge;
  std::vector<Plan> all;

  std::function<Report(const Plan&)> function() {
    return [this](const Plan& plan) {
      for (const Plan& earlier : all) CHECK_FALSE(earlier == plan);
      all.push_back(plan);
      return judge(plan);
    };
  }
};

}  // namespace

TEST_CASE("all that the failure does not need goes") {
  Runs runs{.judge = [](const Plan& plan) {
    const bool fails = plan.nodes >= 3 && plan.clients >= 2 && plan.length >= seconds(7) &&
                       plan.level(FaultKind::kill) >= 2 && plan.level(FaultKind::partition) >= 1;
    return fails ? failure("lost-write", plan.length) : Report{};
  }};
  const Shrunk shrunk = shrink(large(), failure("lost-write"), runs.function());
  Plan least{.seed = 40, .nodes = 3, .clients = 2, .keys = 1, .operations_per_s = 1};
  least.length = seconds(7);
  least.faults[static_cast<std::size_t>(FaultKind::kill)] = 2;
  least.faults[static_cast<std::size_t>(FaultKind::partition)] = 1;
  CHECK(shrunk.plan == least);
  CHECK(shrunk.smallest);
  CHECK(shrunk.runs == runs.all.size());
  REQUIRE(shrunk.report.failure.has_value());
  CHECK(shrunk.report.failure->detail == "because");
  CHECK(shrunk.report.virtual_time == seconds(7));
}

TEST_CASE("another invariant is another failure") {
  Runs runs{.judge = [](const Plan& plan) {
    return plan.nodes == 7 ? failure("lost-write") : failure("election-safety");
  }};
  const Shrunk shrunk = shrink(large(), failure("lost-write"), runs.function());
  CHECK(shrunk.plan.nodes == 7);
  CHECK(shrunk.plan.clients == 1);
  CHECK(shrunk.report.failure->invariant == "lost-write");
}

TEST_CASE("what fails by luck is found under a seed that follows") {
  Runs runs{.judge = [](const Plan& plan) {
    const bool lucky = plan.nodes < 7 && plan.seed != 42;
    return lucky ? Report{} : failure("lost-write");
  }};
  const Shrunk shrunk = shrink(large(), failure("lost-write"), runs.function());
  CHECK(shrunk.plan.seed == 42);
  CHECK(shrunk.plan.nodes == 1);
}

TEST_CASE("where nothing smaller fails, the plan that was given comes back") {
  Runs runs{.judge = [](const Plan&) { return Report{}; }};
  const Shrunk shrunk =
      shrink(large(), failure("lost-write"), runs.function(), {.runs_max = 10'000});
  CHECK(shrunk.plan == large());
  CHECK(shrunk.smallest);
  CHECK(shrunk.report.failure->invariant == "lost-write");
}

TEST_CASE("it ends when the runs are used up, with the best so far") {
  for (const std::size_t most : {0u, 1u, 2u, 7u, 30u}) {
    Runs runs{.judge = [](const Plan& plan) {
      return plan.keys >= 2 ? failure("lost-write", plan.length) : Report{};
    }};
    const Shrunk shrunk =
        shrink(large(), failure("lost-write"), runs.function(), {.runs_max = most});
    CHECK(runs.all.size() <= most);
    CHECK(shrunk.runs == runs.all.size());
    CHECK(shrunk.smallest == (runs.all.size() < most));
    CHECK(shrunk.plan.keys >= 2);
  }
}

TEST_CASE("the same question has the same answer") {
  const auto judge = [](const Plan& plan) {
    return (plan.seed * 7 + plan.nodes * 5 + plan.clients * 3 + plan.keys) % 4 != 0
               ? failure("lost-write", plan.length)
               : Report{};
  };
  const Shrunk first = shrink(large(), failure("lost-write"), judge);
  const Shrunk second = shrink(large(), failure("lost-write"), judge);
  CHECK(first.plan == second.plan);
  CHECK(first.runs == second.runs);
}

TEST_CASE("only plans that can be are run") {
  Plan plan = large();
  plan.faults[static_cast<std::size_t>(FaultKind::wipe)] = 1;
  Runs runs{.judge = [](const Plan& tried) {
    CHECK(unusable(tried).empty());
    return tried.level(FaultKind::wipe) != 0 ? failure("lost-write") : Report{};
  }};
  const Shrunk shrunk = shrink(plan, failure("lost-write"), runs.function());
  CHECK(shrunk.plan.level(FaultKind::wipe) == 1);
  CHECK(unusable(shrunk.plan).empty());
}
