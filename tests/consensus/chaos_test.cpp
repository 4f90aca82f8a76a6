// Thousands of small worlds, each drawn from its seed: first everything breaks while the referee
// watches (safety), then all heals and the cluster must come to rest with every proposal and every
// read decided (liveness).
//
// A failure names its seed; CAUSEWAY_SEED=n runs that one alone, CAUSEWAY_SEEDS=n so many.
#include <cstdlib>
#include <string>

#include <doctest/doctest.h>

#include "cluster.hpp"

namespace causeway::consensus::testing {
namespace {

Weather draw_weather(Random& random) {
  Weather weather;
  if (random.below(3) == 0) weather.loss = random.below(30);
  if (random.below(3) == 0) weather.duplicates = random.below(30);
  weather.reorder = random.below(2) == 0;
  if (random.below(3) == 0) weather.delay_max = 60ms;
  if (random.below(3) == 0) weather.sync_max = 50ms;
  return weather;
}

void use(Cluster& cluster, Random& random, Peer node) {
  switch (random.below(6)) {
    case 0: cluster.read(node); break;
    case 1: {
      if (cluster.proposals().empty()) break;
      const auto newest = cluster.proposals().size();
      cluster.withdraw(newest - 1 - random.below(std::min<std::size_t>(newest, 20)));
      break;
    }
    case 2: cluster.propose(node, Duration(random.below(300'000'000)), random.below(400)); break;
    case 3:
      for (int i = 0; i < 20; ++i) cluster.propose(node, std::nullopt, random.below(200));
      break;
    default: cluster.propose(node); break;
  }
}

void disturb(Cluster& cluster, Random& random, Peer node) {
  const Peer other = static_cast<Peer>(random.below(cluster.size()));
  switch (random.below(11)) {
    case 0: cluster.crash(node); break;
    case 1: cluster.restart(node); break;
    case 2: cluster.isolate(node, random.below(2) == 0); break;
    case 3:
      if (node != other) cluster.cut(node, other, random.below(2) == 0);
      break;
    case 4:
    case 5: cluster.heal(); break;
    case 6: cluster.stall_disk(node, random.below(2) == 0); break;
    case 7: cluster.transfer(node); break;
    case 8: cluster.weather = draw_weather(random); break;
    case 9: cluster.set_wall(node, random.below(2) == 0 ? 1'000 : 2'400'000'000'000); break;
    case 10: cluster.fill_disk(node, random.below(2) == 0); break;
  }
}

void calm(Cluster& cluster) {
  cluster.weather = {};
  cluster.heal();
  for (Peer node = 0; node < cluster.size(); ++node) {
    cluster.stall_disk(node, false);
    cluster.fill_disk(node, false);
    if (!cluster.running(node)) cluster.restart(node);
  }
  cluster.run_for(200ms);  // a handover that waited for a disk takes place now or never
}

struct Totals {
  std::uint64_t committed = 0, resolved = 0, lost = 0, withdrawn = 0, exhausted = 0, reads = 0;
  Cluster::Counters counters;
};

std::string run(std::uint64_t seed, Totals& totals) {
  Random random(seed);
  const std::size_t nodes = 1 + random.below(5);
  Cluster cluster(nodes, random.next());
  cluster.weather = draw_weather(random);
  const std::uint64_t trouble = random.below(30);
  for (int action = 0; action < 150 && cluster.violation().empty(); ++action) {
    const Peer node = static_cast<Peer>(random.below(nodes));
    if (random.below(100) < trouble) disturb(cluster, random, node);
    if (cluster.running(node)) use(cluster, random, node);
    cluster.run_for(Duration(random.below(40'000'000)));
  }
  calm(cluster);
  const bool settled = cluster.settle();
  if (!cluster.violation().empty()) return cluster.violation();
  for (Peer node = 0; node < nodes; ++node) {
    if (!cluster.corrupt(node).empty()) return "honest nodes disagree: " + cluster.corrupt(node);
  }
  if (!settled) return "did not come to rest after everything healed";
  for (const MemberStatus& member : cluster.raft(*cluster.leader()).members(cluster.now(0))) {
    if (!member.counted) return "an honest member is not counted";
  }
  const std::size_t length = cluster.committed().size();
  const Term term = cluster.raft(0).term();
  cluster.run_for(3s);
  if (cluster.raft(0).log().last().index.value != length)
    return "an idle cluster appended something";
  if (cluster.raft(0).term() != term) return "an idle cluster changed its term";
  for (std::size_t i = 0; i < cluster.proposals().size(); ++i) {
    const Fate fate = cluster.proposals()[i].fate;
    const std::size_t times = cluster.times_committed(i);
    if (fate == Fate::resolved && times != 1) return "a resolved proposal is not committed";
    if (fate != Fate::resolved && fate != Fate::forgotten && times != 0)
      return "a dropped proposal is committed";
    totals.resolved += fate == Fate::resolved;
    totals.lost += fate == Fate::lost;
    totals.withdrawn += fate == Fate::withdrawn;
    totals.exhausted += fate == Fate::exhausted;
  }
  totals.committed += length;
  totals.reads += cluster.answered_reads();
  const Cluster::Counters& counters = cluster.counters();
  totals.counters.messages += counters.messages;
  totals.counters.lost += counters.lost;
  totals.counters.crashes += counters.crashes;
  totals.counters.lost_records += counters.lost_records;
  totals.counters.fetches += counters.fetches;
  totals.counters.truncations += counters.truncations;
  totals.counters.elections += counters.elections;
  totals.counters.hard_states_ahead += counters.hard_states_ahead;
  return {};
}

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* given = std::getenv(name);
  return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
}

}  // namespace

TEST_CASE("whatever breaks, no two nodes disagree, and after healing everything is decided") {
  Totals totals;
  const std::uint64_t alone = from_environment("CAUSEWAY_SEED", 0);
  const std::uint64_t seeds = from_environment("CAUSEWAY_SEEDS", 2000);
  int failures = 0;
  for (std::uint64_t seed = alone != 0 ? alone : 1; seed <= (alone != 0 ? alone : seeds); ++seed) {
    CAPTURE(seed);
    const std::string problem = run(seed, totals);
    CHECK(problem == "");
    if (!problem.empty() && ++failures == 5) break;
  }
  if (alone != 0) return;
  // The faults really happened, and something was done all the same.
  CHECK(totals.counters.lost > seeds);
  CHECK(totals.counters.crashes > seeds);
  CHECK(totals.counters.lost_records > seeds / 4);
  CHECK(totals.counters.fetches > seeds / 4);
  CHECK(totals.counters.truncations > seeds / 20);
  CHECK(totals.counters.hard_states_ahead > seeds / 20);
  CHECK(totals.counters.elections > 2 * seeds);
  CHECK(totals.resolved > 50 * seeds);
  CHECK(totals.lost > seeds / 20);
  CHECK(totals.withdrawn > seeds / 4);
  CHECK(totals.exhausted > seeds / 20);
  CHECK(totals.reads > seeds);
  MESSAGE("committed " << totals.committed << ", resolved " << totals.resolved << ", lost "
                       << totals.lost << ", withdrawn " << totals.withdrawn << ", exhausted "
                       << totals.exhausted << ", reads " << totals.reads << ", messages "
                       << totals.counters.messages << ", crashes " << totals.counters.crashes
                       << ", lost records " << totals.counters.lost_records << ", fetches "
                       << totals.counters.fetches << ", truncations " << totals.counters.truncations
                       << ", elections " << totals.counters.elections);
}

TEST_CASE("the same seed gives the same run") {
  const auto trace = [](std::uint64_t seed) {
    Cluster cluster(3, seed);
    cluster.weather = {.loss = 10, .duplicates = 10, .reorder = true};
    for (int i = 0; i < 50; ++i) {
      cluster.propose(static_cast<Peer>(i % 3));
      cluster.run_for(10ms);
    }
    return cluster.trace();
  };
  CHECK(trace(7) == trace(7));
  CHECK(trace(7) != trace(8));
}

}  // namespace causeway::consensus::testing
