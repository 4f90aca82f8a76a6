// Entries that are no longer in memory are read back from the log: for a follower that was away,
// and for a node's own state after a restart.
#include <doctest/doctest.h>

#include "support/virtual_cluster.hpp"

using namespace causeway;
using causeway::testing::VirtualCluster;

namespace {

constexpr std::size_t kLargeValueBytes = 200'000;
constexpr int kWrites = 60;  // 12 MB, more than the 8 MB that stay in memory

void write_much(VirtualCluster& cluster, const std::string& name) {
  for (int i = 0; i < kWrites; ++i) {
    REQUIRE(
        cluster
            .set(name, "k" + std::to_string(i),
                 std::to_string(i) + std::string(kLargeValueBytes, static_cast<char>('a' + i % 26)))
            .valid);
  }
}

void check_all(VirtualCluster& cluster, const std::string& name) {
  for (int i = 0; i < kWrites; ++i) {
    const std::string value = cluster.get(name, "k" + std::to_string(i), false).value;
    CHECK(value ==
          std::to_string(i) + std::string(kLargeValueBytes, static_cast<char>('a' + i % 26)));
  }
}

}  // namespace

TEST_CASE("a follower that was away longer than the cache reaches gets the entries from the disk") {
  VirtualCluster cluster({.seed = 1});
  cluster.start_all();
  const std::string leader = cluster.wait_for_leader();
  const std::string away = leader == "3" ? "2" : "3";
  std::size_t fetches = 0;
  cluster.node(leader).on_effects = [&](const node::Effects& out) {
    for (const storage::LogInput& input : out.raft_log)
      fetches += std::holds_alternative<storage::Fetch>(input);
  };
  cluster.settle();
  cluster.kill(away);
  write_much(cluster, leader);
  CHECK(fetches == 0);
  cluster.start(away);
  cluster.settle();
  CHECK(fetches > 1);
  check_all(cluster, away);
}

TEST_CASE("a leader whose log was overwritten in the middle reads back what is current") {
  VirtualCluster cluster({.seed = 2});
  cluster.start_all();
  const std::string first = cluster.wait_for_leader();
  cluster.settle();
  cluster.partition({{first}});
  for (int i = 0; i < 5; ++i)  // a tail that is cut later; its records stay in the file
    static_cast<void>(cluster.begin_set(first, "k" + std::to_string(i),
                                        std::string(kLargeValueBytes, 'x'), true, 500));
  cluster.run_for(std::chrono::seconds(4));
  cluster.heal();
  cluster.wait_for_leader();
  const std::string away = first == "3" ? "2" : "3";
  cluster.settle();
  cluster.kill(away);
  write_much(cluster, first);
  const std::string leader = *cluster.leader();
  if (leader != first) {  // the one with the cut tail is to lead
    cluster.stop(leader);
    cluster.start(away);
    cluster.wait_for_leader();
    cluster.start(leader);
  } else {
    cluster.start(away);
  }
  cluster.settle();
  check_all(cluster, away);
}

TEST_CASE("a node that lost its table applies more than its memory holds, by itself") {
  VirtualCluster cluster({.seed = 3});
  cluster.start_all();
  const std::string leader = cluster.wait_for_leader();
  write_much(cluster, leader);
  cluster.settle();
  for (const std::string& name : cluster.names()) cluster.kill(name, 0);
  CHECK(cluster.node("2").directory().table.rows().empty());  // the fault
  cluster.start("2");
  check_all(cluster, "2");
}
