// What is owed at the end of a run, and a cluster that owes it still.
#include "sim/rest.hpp"

#include <functional>
#include <string>

#include <doctest/doctest.h>

#include "sim/broken_by.hpp"

using namespace causeway;
using namespace causeway::sim;
using std::chrono::seconds;

namespace {

/// Three nodes and no faults; what is written, a test writes by itself.
class World : private Observer {
 public:
  World() {
    cluster.observe(workload_);
    faults_.begin();
    for (const auto& name : cluster.names()) REQUIRE(cluster.try_start(name));
    cluster.run_for(seconds(10));
  }
  void set(const std::string& at, bool consistent) {
    cluster.call(
        at, wire::WriteCall{.key = "k", .value = Blob::copy_of("v"), .consistent = consistent});
    cluster.run_for(seconds(1));
  }
  std::string awaited() {
    return testing::broken_by([&] { rest_.await(); });
  }
  std::string compared() {
    return testing::broken_by([&] { rest_.compare_tables(); });
  }
  /// What is broken where a node does this while all shall be silent.
  std::string silent(std::function<void()> meanwhile) {
    meanwhile_ = std::move(meanwhile);
    return testing::broken_by([&] { rest_.stay_silent(); });
  }

 private:
  const Plan plan_{.nodes = 3};

 public:
  Cluster cluster{{.nodes = 3}};

 private:
  Faults faults_{cluster, plan_, *this};
  Workload workload_{cluster, faults_, plan_, 100};
  std::function<void()> meanwhile_ = [] {};
  Rest rest_{cluster, workload_, [this](Duration time) {
               meanwhile_();
               cluster.run_for(time);
             }};
};

}  // namespace

TEST_CASE("when the faults are over the cluster comes to rest") {
  World world;
  world.set("1", true);
  world.set("2", false);
  CHECK(world.awaited() == "");
  SUBCASE("a node never hears of the last write") {
    world.cluster.partition({{"1", "2"}, {"3"}});
    world.set("1", true);
    CHECK(world.awaited() == "convergence");
  }
  SUBCASE("a write stays pending") {
    world.cluster.lets_pass = [](const auto&, const auto&, const consensus::Message& message) {
      return !std::holds_alternative<consensus::Forward>(message);  // to who leads
    };
    for (const std::string& name : world.cluster.names()) world.set(name, false);
    CHECK(world.awaited() == "convergence");
  }
  SUBCASE("a node stands still") {
    world.cluster.node("3").pause();
    world.set("1", true);
    CHECK(world.awaited() == "convergence");
  }
}

TEST_CASE("at rest what is replicated is the same on every node") {
  World world;
  world.set("1", true);
  CHECK(world.compared() == "");
  SUBCASE("but for what is a node's own") {
    world.cluster.node("3").directory().table.overwrite("jk", "x");
    CHECK(world.compared() == "");
  }
  SUBCASE("a row differs") {
    world.cluster.node("3").directory().table.overwrite("dk", "x");
    CHECK(world.compared() == "equal-state");
  }
  SUBCASE("a row is too many") {
    world.cluster.node("1").directory().table.overwrite("dl", "x");
    CHECK(world.compared() == "equal-state");
  }
}

TEST_CASE("at rest nobody appends") {
  World world;
  CHECK(world.silent([] {}) == "");
  CHECK(world.silent([&] { (void)world.cluster.call("2", wire::GetCall{.key = "k"}); }) == "");
  CHECK(world.silent([&] { world.set("2", true); }) == "idle-silent");
}
