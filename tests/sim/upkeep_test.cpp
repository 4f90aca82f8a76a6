// What is judged of nodes whose disk refused a write: told by hand, while their disks are well.
#include "sim/upkeep.hpp"

#include <optional>
#include <string>

#include <doctest/doctest.h>

#include "sim/broken_by.hpp"

using namespace causeway;
using namespace causeway::sim;
using std::chrono::seconds;

namespace {

/// One node. At each of its starts its disk may be said to refuse a write.
class World : public Observer {
 public:
  World() {
    cluster.observe(*this);
    REQUIRE(cluster.try_start("1"));
    cluster.run_for(seconds(5));
  }
  void starting(Peer peer) override {
    if (refused_at_start) upkeep.disk_failed(peer, {.final = *refused_at_start});
  }
  std::string run(Duration time) {
    return testing::broken_by([&] { cluster.run_for(time); });
  }

  Cluster cluster{{.nodes = 1}};
  FaultWorld faults{cluster, {.nodes = 1}, *this};
  Upkeep upkeep{faults};
  std::optional<bool> refused_at_start;  ///< and whether that is final
};

}  // namespace

TEST_CASE("a process whose disk refused a write or a sync ends") {
  World world;
  SUBCASE("it goes on") {
    world.upkeep.disk_failed(0, {});
    CHECK(world.run(seconds(60)) == "failed-write-is-final");
  }
  SUBCASE("it goes on after a read that failed, as it may") {
    world.upkeep.disk_failed(0, {.final = false});
    CHECK(world.run(seconds(60)) == "");
  }
  SUBCASE("it ends, and another begins") {
    world.upkeep.disk_failed(0, {});
    world.upkeep.kill(0, 0, seconds(1));
    CHECK(world.run(seconds(60)) == "");
    CHECK(world.cluster.node("1").running());
  }
  SUBCASE("it stands still, and then goes on") {
    world.upkeep.disk_failed(0, {});
    world.cluster.node("1").pause();
    CHECK(world.run(seconds(60)) == "");
    world.cluster.node("1").resume();
    CHECK(world.run(seconds(60)) == "failed-write-is-final");
  }
}

TEST_CASE("a start during which the disk refused a write or a sync fails") {
  World world;
  world.upkeep.kill(0, 0, seconds(1));
  SUBCASE("it was a read") {
    world.refused_at_start = false;
    CHECK(world.run(seconds(60)) == "");
  }
  SUBCASE("it was a write") {
    world.refused_at_start = true;
    CHECK(world.run(seconds(60)) == "failed-write-is-final");
  }
}
