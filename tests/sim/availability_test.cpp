// The checker of what a healthy majority owes itself: an office that changes hands for no reason is
// told, one that was given away is not, however short the reason.
#include "sim/availability.hpp"

#include <optional>
#include <string>

#include <doctest/doctest.h>

#include "sim/audience.hpp"
#include "sim/broken_by.hpp"

using namespace causeway;
using namespace causeway::sim;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Duration kElectionTimeout = milliseconds(1000);

/// A cluster without clients, and when faults last struck it.
class World : public Observer {
 public:
  explicit World(Plan plan) : World(plan, plan.nodes) {}
  /// The first `started` of them start.
  World(Plan plan, std::size_t started) : plan_(plan), audience_(*this, workload_, availability) {
    cluster.observe(audience_);
    faults_.begin();
    for (Peer peer = 0; peer < started; ++peer) REQUIRE(cluster.try_start(cluster.name_of(peer)));
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
  /// What is broken meanwhile, if anything.
  std::string run(Duration time) {
    for (const Instant end = cluster.time().now() + time; cluster.time().now() < end;) {
      cluster.run_for(milliseconds(100));
      std::string broken = testing::broken_by([this] { availability.look(); });
      if (!broken.empty()) return broken;
    }
    return {};
  }
  void begin_calls() { workload_.begin(); }
  /// So long after the last fault it is calm again, whatever that was.
  bool calm() { return cluster.time().now() - struck_at > 20 * kElectionTimeout; }

 private:
  const Plan plan_;
  Audience<Observer, Workload, Availability> audience_;

 public:
  Cluster cluster{{.seed = plan_.seed, .nodes = plan_.nodes, .election_timeout = kElectionTimeout}};
  Instant struck_at;

 private:
  Faults faults_{cluster, plan_, *this};
  Workload workload_{cluster, faults_, plan_, 100'000};

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
  CHECK(testing::broken_by([&] { world.availability.sent((old + 1) % 3, old, usurped); }) ==
        "stable-leader");
}

TEST_CASE("a majority that is well and answers no consistent call is told") {
  World world({.nodes = 3});
  world.begin_calls();
  CHECK(world.run(seconds(60)).empty());
  for (const std::string name : {"2", "3"}) world.cluster.node(name).slow_raft_log = seconds(3600);
  CHECK(world.run(seconds(60)) == "availability");
}

TEST_CASE("a name that no leader has met is no part of a majority") {
  World world({.nodes = 5}, 4);
  world.begin_calls();
  CHECK(world.run(seconds(60)).empty());
  for (const std::string name : {"3", "4"}) world.cluster.node(name).pause();
  REQUIRE(world.cluster.try_start("5"));
  CHECK(world.run(seconds(60)).empty());
  for (const std::string name : {"3", "4"}) world.cluster.node(name).resume();
  CHECK(world.run(seconds(60)).empty());  // it is bound now
  for (const std::string name : {"2", "3", "4"})
    world.cluster.node(name).slow_raft_log = seconds(3600);
  CHECK(world.run(seconds(60)) == "availability");
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
