// The whole main job in virtual time: a cluster that goes on working alone.
#include <doctest/doctest.h>

#include "support/virtual_cluster.hpp"

using namespace causeway;
using causeway::testing::VirtualCluster;

TEST_CASE(
    "a cluster loses its majority, one node goes on alone, and what it wrote becomes consistent "
    "when the others return") {
  VirtualCluster cluster({.seed = 7});
  cluster.start_all();
  cluster.wait_for_leader();

  CHECK(cluster.set("1", "door", "closed").valid);
  CHECK(cluster.get("2", "door").value == "closed");
  CHECK(cluster.swap("3", "door", "ajar", "closed").valid);
  const Response refused = cluster.swap("3", "door", "wide", "closed");
  CHECK_FALSE(refused.valid);
  CHECK(refused.value == "ajar");

  cluster.kill("1");
  cluster.kill("2");
  const Response timed_out = cluster.get("3", "door", true, 2000);
  CHECK(timed_out.timeout);
  CHECK(cluster.get("3", "door", false).value == "ajar");

  const Response offline = cluster.set("3", "door", "open", false);
  CHECK(offline.valid);
  const Response other = cluster.set("3", "lamp", "on", false);
  CHECK(cluster.get("3", "door", false).value == "open");
  CHECK(cluster.get("3", "door", false).pending);
  CHECK(cluster.pending("3").items.size() == 2);

  cluster.kill("3");
  cluster.start("3");
  CHECK(cluster.get("3", "door", false).value == "open");
  CHECK(cluster.pending("3").items.size() == 2);

  // The others commit a rival write while the one that wrote alone is away.
  cluster.kill("3");
  cluster.run_for(std::chrono::seconds(2));
  cluster.start("1");
  cluster.start("2");
  cluster.wait_for_leader();
  CHECK(cluster.set("1", "door", "locked").valid);

  cluster.start("3");
  CHECK(cluster.await("3", offline.token).state == AwaitResult::State::superseded);
  CHECK(cluster.await("3", other.token).state == AwaitResult::State::won);
  for (const std::string& name : cluster.names()) {
    CAPTURE(name);
    CHECK(cluster.get(name, "door").value == "locked");
    CHECK(cluster.get(name, "lamp").value == "on");
  }
  const ConflictPage conflicts = cluster.conflicts("2");
  REQUIRE(conflicts.items.size() == 1);
  CHECK(conflicts.items[0].key == "door");
  CHECK(conflicts.items[0].lost.value == "open");
  CHECK(conflicts.items[0].won.value == "locked");
  cluster.settle();
  CHECK(cluster.status("3").pending == 0);
}

TEST_CASE("a majority that came and went is served soon once it stays, with short timeouts, too") {
  using std::chrono::milliseconds;
  constexpr milliseconds kElectionTimeout{300};
  VirtualCluster cluster(
      {.seed = 7, .election_timeout = kElectionTimeout, .heartbeat_interval = milliseconds(50)});
  cluster.start_all();
  cluster.wait_for_leader();
  cluster.run_for(milliseconds(1000));
  std::string follower;
  for (const std::string& name : cluster.names()) {
    if (cluster.status(name).role == "follower") follower = name;
  }
  for (int i = 0; i < 12; ++i) {
    cluster.partition({{follower}});
    cluster.run_for(milliseconds(1000));
    cluster.heal();
    cluster.run_for(milliseconds(3000));
  }
  cluster.partition({{follower}});
  cluster.run_for(milliseconds(1000));
  const Response pending = cluster.set(follower, "door", "open", false);
  cluster.heal();
  const auto call = cluster.call(follower, causeway::wire::GetCall{.key = "door"});
  CHECK(cluster.run_until([&] { return cluster.reply(call) != nullptr; }, 10 * kElectionTimeout));
  CHECK(cluster.await(follower, pending.token).state == AwaitResult::State::won);
}
