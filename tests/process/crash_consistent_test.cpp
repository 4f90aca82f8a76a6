// kill -9 at random moments of any node, while eight clients read, write and swap. After each
// round no acknowledged write is missing, and one order explains all that the clients saw so far.

#include <algorithm>
#include <set>
#include <tuple>

#include <doctest/doctest.h>

#include "cluster.hpp"
#include "load.hpp"
#include "sim/linearizability.hpp"
#include "trouble.hpp"

using namespace causeway;
using namespace causeway::test;

namespace {

struct ConsistentHistory {
  std::vector<Operation> operations;
  std::vector<Version> versions;  // beside operations
};

void add(ConsistentHistory& history, const std::vector<Seen>& all) {
  for (const Seen& seen : all) {
    history.operations.insert(history.operations.end(), seen.history.begin(), seen.history.end());
    history.versions.insert(history.versions.end(), seen.versions.begin(), seen.versions.end());
  }
}

// Every write has a revision of its own, and a write that was answered before another was called
// has the lower one.
void check_revisions(const ConsistentHistory& history) {
  std::vector<std::tuple<std::uint64_t, std::uint64_t, std::uint64_t>>
      writes;  // called, answered, revision
  std::set<std::uint64_t> revisions;
  for (std::size_t i = 0; i < history.operations.size(); ++i) {
    const Operation& operation = history.operations[i];
    if (operation.kind == Operation::Kind::get) continue;
    if (operation.kind == Operation::Kind::remove && operation.was_there == false) continue;
    if (operation.outcome != Operation::Outcome::done) continue;
    const std::uint64_t revision = history.versions[i].revision.value;
    CAPTURE(to_string(operation));
    CHECK(revision != 0);
    CHECK(revisions.insert(revision).second);
    writes.emplace_back(operation.called, operation.answered, revision);
  }
  std::sort(writes.begin(), writes.end(),
            [](const auto& a, const auto& b) { return std::get<2>(a) < std::get<2>(b); });
  std::uint64_t last_call = 0;  // of all with a lower revision
  std::uint64_t disordered = 0;
  for (const auto& [called, answered, revision] : writes) {
    last_call = std::max(last_call, called);
    if (answered < last_call) ++disordered;
  }
  CHECK(disordered == 0);
}

}  // namespace

TEST_CASE(
    "consistent: under kill -9 the history stays linearizable and loses no acknowledged write") {
  Cluster cluster(3);
  cluster.start_all();
  cluster.wait_for_leader();
  std::mt19937_64 random(seed());
  ConsistentHistory history;
  for (int round = 0; round < rounds(); ++round) {
    CAPTURE(round);
    LoadOptions options = load_options(cluster);
    options.operations_max = 150;
    Load load(options, static_cast<std::uint64_t>(round));
    trouble(cluster, random);
    const std::vector<Seen> all = load.finish();
    CHECK(surprises_of(all) == "");
    add(history, all);
    cluster.wait_for_leader();
    for (const Operation& get : read_everywhere(cluster, options.keys)) {
      history.operations.push_back(get);
      history.versions.emplace_back();
    }
    check_revisions(history);
    const HistoryVerdict verdict = check_linearizable(history.operations);
    CAPTURE(verdict.explanation);
    REQUIRE(verdict.kind == HistoryVerdict::Kind::linearizable);
  }

  std::size_t done = 0;
  std::size_t unknown = 0;
  for (const Operation& operation : history.operations) {
    done += operation.outcome == Operation::Outcome::done ? 1 : 0;
    unknown += operation.outcome == Operation::Outcome::unknown ? 1 : 0;
  }
  MESSAGE(history.operations.size(), " operations, ", done, " done, ", unknown, " in doubt");
  CHECK(done > 500);   // the load has really run
  CHECK(unknown > 0);  // and the faults have really hit it
}
