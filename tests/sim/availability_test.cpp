// The checker of what a healthy majority owes itself: an office that changes hands for no reason is
// told, one that was given away is not, however short the reason.
#include "sim/availability.hpp"

#include <optional>
#include <string>

#include <doctest/doctest.h>

#include "sim/audience.hpp"
#include "sim/violation.hpp"

using namespace causeway;
using namespace causeway::sim;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Duration kElectionTimeout = milliseconds(1000);

/// A cluster without clients, and when faults last struck it.
class World : public Observer {
 public:
  explicit World(Plan plan) : plan_(plan) {
    audience_.add(*this);
    audience_.add(availability);
    cluster.observe(audience_);
    faults_.begin();
    for (const auto& name : cluster.names()) REQUIRE(cluster.try_start(name));
  }

  void fault(const std::string&) override { struck_at = cluster.time().now(); }

  struct Leader {
    Peer peer = 0;
    Term term;
  };
  std::optional<Leader> leader() {
    for (const auto& name : cluster.names()) {
      const auto status = cluster.node(name).peek();
      if (status && status->role == "leader") return Leader{cluster.peer_of(name), status->term};
    }
    return {};
  }
  /// So long after the last fault it is calm again, whatever that was.
  bool calm() { return cluster.time().now() - struck_at > 20 * kElectionTimeout; }

 private:
  const Plan plan_;
  Audience audience_;

 public:
  Cluster cluster{{.seed = plan_.seed, .nodes = plan_.nodes, .election_timeout = kElectionTimeout}};
  Instant struck_at;

 private:
  Faults faults_{cluster, plan_, *this};
  Workload workload_{cluster, faults_, plan_, 1000};

 public:
  Availability availability{cluster, faults_, workload_, plan_.nodes, kElectionTimeout};
};

}  // namespace

TEST_CASE("in calm nobody else begins to lead") {
  World world({.nodes = 3});
  for (int looks = 0; looks < 300; ++looks) {
    world.cluster.run_for(milliseconds(100));
    world.availability.look();
  }
  REQUIRE(world.leader());
  const Peer old = world.leader()->peer;
  const consensus::AppendEntries usurped{.term = world.leader()->term.next()};
  std::string broken;
  try {
    world.availability.sent((old + 1) % 3, old, usurped);
  } catch (const Violation& violation) {
    broken = violation.invariant;
  }
  CHECK(broken == "stable-leader");
}

TEST_CASE("a leader that was stopped and runs again before the next look gave its office away") {
  Plan plan{.nodes = 2, .length = seconds(3600)};
  REQUIRE(set_faults(plan, "stop=3"));
  int handed_over = 0;
  for (plan.seed = 1; plan.seed <= 5; ++plan.seed) {
    CAPTURE(plan.seed);
    World world(plan);
    Term term;
    for (int moments = 0; moments < 36'000; ++moments) {
      REQUIRE_NOTHROW(world.cluster.run_for(milliseconds(100)));
      const auto leader = world.leader();
      if (!world.calm() || !leader) continue;
      REQUIRE_NOTHROW(world.availability.look());
      if (term.value != 0 && leader->term > term) ++handed_over;
      term = leader->term;
    }
  }
  CHECK(handed_over > 10);
}
