// Silence of weeks: 24.9 days are 2^31 ms, 49.7 are 2^32, and whoever counts time in less is young
// again behind them.
#include <chrono>
#include <string>

#include <doctest/doctest.h>

#include "support/virtual_cluster.hpp"

using namespace causeway;
using causeway::testing::VirtualCluster;
using std::chrono::hours;
using std::chrono::seconds;

TEST_CASE(
    "a leader that stood still for weeks leads nobody, works alone, and is one of all again") {
  for (const int days : {24, 25, 49, 50, 400}) {
    CAPTURE(days);
    VirtualCluster cluster({.seed = 5});
    cluster.start_all();
    const std::string old = cluster.wait_for_leader();
    REQUIRE(cluster.set(old, "door", "shut").valid);
    for (const std::string& name : cluster.names()) cluster.node(name).pause();
    cluster.run_for(hours(24) * days);

    cluster.node(old).resume();
    cluster.run_for(seconds(5));
    CHECK(cluster.status(old).role != "leader");
    CHECK(cluster.get(old, "door", true, 500).timeout);
    const Response alone = cluster.set(old, "door", "open", false);
    REQUIRE(alone.pending);
    CHECK(cluster.get(old, "door", false).value == "open");

    for (const std::string& name : cluster.names()) {
      if (name != old) cluster.node(name).resume();
    }
    CHECK(cluster.await(old, alone.token).state == AwaitResult::State::won);
    for (const std::string& name : cluster.names())
      CHECK(cluster.get(name, "door").value == "open");
  }
}

TEST_CASE("a voter that was silent for weeks is not counted, and gets what it missed") {
  for (const int days : {25, 50}) {
    CAPTURE(days);
    VirtualCluster cluster({.seed = 6});
    cluster.start_all();
    const std::string first = cluster.wait_for_leader();
    std::string away;
    for (const std::string& name : cluster.names()) {
      if (name != first) away = name;
    }
    cluster.node(away).pause();
    cluster.run_for(seconds(10));
    std::string other;
    for (const std::string& name : cluster.names()) {
      if (name != away) cluster.node(name).pause();
      if (name != away && name != first) other = name;
    }
    cluster.run_for(hours(24) * days);
    cluster.node(first).resume();
    CHECK(cluster.get(first, "door", true, 5000).timeout);
    cluster.node(other).resume();
    CHECK(cluster.set(first, "door", "open").valid);
    cluster.node(away).resume();
    CHECK(cluster.get(away, "door").value == "open");
  }
}
