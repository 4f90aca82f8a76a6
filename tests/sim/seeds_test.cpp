// Whole runs: the seeds of seeds.txt, which are always the same, and fresh ones.
//
// CAUSEWAY_SEEDS says how many fresh ones (default 20). A crash here ends the test;
// causeway-sim runs each seed in a process of its own and says which one it was.

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

void run(std::uint64_t seed) {
  Trace trace;
  const Report report = simulate(draw_plan(seed), trace);
  if (!report.failure) return;
  FAIL_CHECK("seed ", seed, " breaks ", report.failure->invariant, ": ", report.failure->detail,
             "\nreplay: causeway-sim --seed ", seed, "\nthe last events:\n", trace.tail());
}

}  // namespace

TEST_CASE("the seeds of seeds.txt break nothing") {
  std::ifstream file(CAUSEWAY_SIM_DIR "/seeds.txt");
  REQUIRE(file.is_open());
  std::size_t count = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    for (std::uint64_t seed = 0; words >> seed; ++count) run(seed);
    REQUIRE_MESSAGE(words.eof(), "seeds.txt: not a seed: ", line);
  }
  CHECK(count >= 50);
}

TEST_CASE("fresh seeds break nothing") {
  const char* asked = std::getenv("CAUSEWAY_SEEDS");
  const std::uint64_t count = asked == nullptr ? 20 : std::strtoull(asked, nullptr, 10);
  const std::uint64_t first = std::random_device()();
  MESSAGE("seeds from ", first, " on, ", count, " of them");
  for (std::uint64_t seed = first; seed < first + count; ++seed) run(seed);
}
