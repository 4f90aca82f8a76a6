// Whole runs: the seeds of seeds.txt, which are always the same, and fresh ones.
//
// CAUSEWAY_SEEDS says how many fresh ones (default 20). A crash here ends the test;
// causeway-sim runs each seed in a process of its own and says which one it was.

#include <array>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sim/simulation.hpp"

using namespace causeway::sim;

namespace {

Report run(std::uint64_t seed) {
  Trace trace;
  Report report = simulate(draw_plan(seed), trace);
  if (report.failure)
    FAIL_CHECK("seed ", seed, " breaks ", report.failure->invariant, ": ", report.failure->detail,
               "\nreplay: causeway-sim --seed ", seed, "\nthe last events:\n", trace.tail());
  return report;
}

}  // namespace

TEST_CASE("the seeds of seeds.txt break nothing, and every kind of fault and load strikes") {
  std::ifstream file(CAUSEWAY_SIM_DIR "/seeds.txt");
  REQUIRE(file.is_open());
  std::size_t count = 0;
  std::array<std::uint64_t, kFaultKinds> struck{};
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    for (std::uint64_t seed = 0; words >> seed; ++count) {
      const Report report = run(seed);
      for (std::size_t kind = 0; kind < kFaultKinds; ++kind) struck[kind] += report.struck[kind];
    }
    REQUIRE_MESSAGE(words.eof(), "seeds.txt: not a seed: ", line);
  }
  CHECK(count >= 50);
  for (std::size_t kind = 0; kind < kFaultKinds; ++kind) {
    CAPTURE(name_of(static_cast<FaultKind>(kind)));
    CHECK(struck[kind] > 0);
  }
}

TEST_CASE("fresh seeds break nothing") {
  const char* asked = std::getenv("CAUSEWAY_SEEDS");
  const std::uint64_t count = asked == nullptr ? 20 : std::strtoull(asked, nullptr, 10);
  const std::uint64_t first = std::random_device()();
  MESSAGE("seeds from ", first, " on, ", count, " of them");
  for (std::uint64_t seed = first; seed < first + count; ++seed) static_cast<void>(run(seed));
}
