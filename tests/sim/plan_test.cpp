// What a seed draws, and how a person says what to draw instead.
#include "sim/plan.hpp"

#include <set>
#include <string>

#include <doctest/doctest.h>

using namespace causeway;
using namespace causeway::sim;
using std::chrono::hours;
using std::chrono::seconds;

namespace {

constexpr std::uint64_t kSeeds = 2000;

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("the same seed draws the same plan, and each plan can be run") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    CAPTURE(seed);
    const Plan plan = draw_plan(seed);
    CHECK(plan == draw_plan(seed));
    CHECK(plan.seed == seed);
    CHECK(unusable(plan) == "");
  }
}

TEST_CASE("over many seeds all sizes, lengths and mixes of faults come up") {
  std::set<std::size_t> nodes;
  std::array<std::uint64_t, kFaultKinds> on{};
  std::array<std::set<int>, kFaultKinds> levels;
  std::uint64_t usual_sizes = 0;
  std::uint64_t none = 0;
  std::uint64_t all = 0;
  std::uint64_t long_runs = 0;
  std::uint64_t hours_long = 0;
  std::uint64_t crowded = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Plan plan = draw_plan(seed);
    nodes.insert(plan.nodes);
    if (plan.nodes == 3 || plan.nodes == 5) ++usual_sizes;
    if (plan.length > seconds(60)) ++long_runs;
    if (plan.length >= hours(2)) ++hours_long;
    if (plan.clients >= 20) ++crowded;
    std::size_t kinds = 0;
    for (std::size_t kind = 0; kind < kFaultKinds; ++kind) {
      if (plan.faults[kind] == 0) continue;
      ++kinds;
      ++on[kind];
      levels[kind].insert(plan.faults[kind]);
    }
    if (kinds == 0) ++none;
    if (kinds == kFaultKinds) ++all;
  }
  CHECK(nodes.size() == 7);
  CHECK(usual_sizes > kSeeds / 2);
  CHECK(none > kSeeds / 100);
  CHECK(all > kSeeds / 100);
  CHECK(long_runs > kSeeds / 50);
  CHECK(long_runs < kSeeds / 10);
  CHECK(hours_long > 0);
  CHECK(hours_long < kSeeds / 200);
  CHECK(crowded > kSeeds / 50);
  CHECK(crowded < kSeeds / 10);
  for (std::size_t kind = 0; kind < kFaultKinds; ++kind) {
    CAPTURE(name_of(static_cast<FaultKind>(kind)));
    CHECK(on[kind] > kSeeds / 3);
    CHECK(on[kind] < 2 * kSeeds / 3);
    CHECK(levels[kind].size() == 3);
  }
}

TEST_CASE("the faults of a plan in words give the same plan again") {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Plan plan = draw_plan(seed);
    const std::string text = faults_text(plan);
    CAPTURE(text);
    Plan again = plan;
    again.faults.fill(3);
    REQUIRE(set_faults(again, text));
    CHECK(again == plan);
  }
}

TEST_CASE("faults as a person writes them") {
  struct Row {
    const char* why;
    std::size_t nodes;
    const char* text;
    const char* want;
  };
  const Row rows[] = {
      {"nothing at all", 3, "none", "none"},
      {"one", 3, "kill=2", "kill=2"},
      {"in the order of the catalogue, not of the text", 3, "kill=2,loss=1", "loss=1,kill=2"},
      {"off is not named", 3, "kill=0,loss=1", "loss=1"},
      {"only off", 3, "kill=0", "none"},
      {"a single node can lose messages to nobody", 1, "loss=3", "loss=3"},
      {"off is always possible", 1, "wipe=0", "none"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Plan plan{.nodes = row.nodes};
    REQUIRE(set_faults(plan, row.text));
    CHECK(faults_text(plan) == row.want);
  }

  Plan plan{.nodes = 3};
  REQUIRE(set_faults(plan, "all"));
  for (const std::uint8_t level : plan.faults) CHECK(level == 2);
  REQUIRE(set_faults(plan, "all,wipe=0,kill=3"));
  CHECK(plan.level(FaultKind::wipe) == 0);
  CHECK(plan.level(FaultKind::kill) == 3);
  CHECK(plan.level(FaultKind::loss) == 2);

  Plan small{.nodes = 2};
  REQUIRE(set_faults(small, "all"));
  CHECK(small.level(FaultKind::wipe) == 0);
  CHECK(small.level(FaultKind::kill) == 2);
}

TEST_CASE("an impossible mix of faults is refused, says what is wrong, and changes nothing") {
  struct Row {
    const char* why;
    std::size_t nodes;
    const char* text;
    const char* says;
  };
  const Row rows[] = {
      {"nothing", 3, "", "known are"},
      {"an unknown kind", 3, "kil=1", "\"kil\""},
      {"what is known is listed", 3, "kil=1", "misdirected_read"},
      {"an unknown kind behind a known one", 3, "kill=1,fire=1", "\"fire\""},
      {"an empty item", 3, "kill=1,", "\"\""},
      {"a space", 3, "kill=1, loss=1", "\" loss\""},
      {"no level", 3, "kill", "level from 0 to 3"},
      {"an empty level", 3, "kill=", "level from 0 to 3"},
      {"a level too high", 3, "kill=4", "\"kill=4\""},
      {"a level below none", 3, "kill=-1", "\"kill=-1\""},
      {"a level of two digits", 3, "kill=10", "\"kill=10\""},
      {"no number", 3, "kill=x", "\"kill=x\""},
      {"twice", 3, "kill=1,kill=2", "twice"},
      {"all behind others", 3, "kill=1,all", "must stand first"},
      {"none behind others", 3, "kill=1,none", "must stand first"},
      {"all with a level", 3, "all=2", "\"all\""},
      {"a directory that two nodes cannot spare", 2, "wipe=1", "at least 3"},
      {"nor one", 1, "kill=1,bit_flip=1", "1 node cannot spare"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Plan plan{.nodes = row.nodes};
    plan.faults[3] = 1;
    const Plan before = plan;
    const auto set = set_faults(plan, row.text);
    REQUIRE_FALSE(set);
    CHECK(set.error().code == Errc::invalid);
    CAPTURE(set.error().detail);
    CHECK(has(set.error().detail, row.says));
    CHECK_FALSE(has(set.error().detail, "\n"));
    CHECK(plan == before);
  }
}

TEST_CASE("a plan beyond its bounds is unusable, and the field is named") {
  struct Row {
    const char* field;
    Plan plan;
  };
  Plan level{};
  level.faults[static_cast<std::size_t>(FaultKind::pause)] = 4;
  Plan wipe{.nodes = 2};
  wipe.faults[static_cast<std::size_t>(FaultKind::wipe)] = 1;
  const Row rows[] = {
      {"nodes", {.nodes = 0}},
      {"nodes", {.nodes = 8}},
      {"clients", {.clients = 0}},
      {"clients", {.clients = 1u << 20}},
      {"keys", {.keys = 0}},
      {"keys", {.keys = 1u << 30}},
      {"operations", {.operations_per_s = 0}},
      {"operations", {.operations_per_s = 1u << 30}},
      {"length", {.length = seconds(0)}},
      {"length", {.length = seconds(-1)}},
      {"length", {.length = hours(25)}},
      {"pause", level},
      {"wipe", wipe},
  };
  for (const Row& row : rows) {
    CAPTURE(row.field);
    const std::string why = unusable(row.plan);
    CAPTURE(why);
    CHECK(has(why, row.field));
  }
  CHECK(unusable(Plan{}) == "");
}
