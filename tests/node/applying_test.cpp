// How far the applier may lag behind what it was given: whoever reads at a node waits for that.
#include <algorithm>
#include <cstdint>
#include <string>

#include <doctest/doctest.h>

#include "support/virtual_cluster.hpp"

using namespace causeway;
using causeway::testing::VirtualCluster;

namespace {

class Lag : public sim::Observer {
 public:
  void turn(sim::Peer, const node::Effects& out) override {
    for (const kv::Input& input : out.applier) {
      const auto* apply = std::get_if<kv::Apply>(&input);
      if (apply == nullptr) continue;
      if (given.value == 0) applied_index = LogIndex{apply->entries.front().index.value - 1};
      given = apply->entries.back().index;
      largest = std::max(largest, apply->entries.size());
    }
    most = std::max(most, given.value - applied_index.value);
  }
  void applied(sim::Peer, const kv::Applied& news) override { applied_index = news.position.index; }

  LogIndex given;
  LogIndex applied_index;
  std::uint64_t most = 0;   ///< that it had in hand
  std::size_t largest = 0;  ///< batch
};

}  // namespace

TEST_CASE("the applier has a bounded number of entries in hand, however small they are") {
  constexpr std::uint64_t kEntries = 5;
  node::Limits limits;
  limits.apply_entries_max = kEntries;
  VirtualCluster cluster({.seed = 3, .nodes = 1, .limits = limits});
  Lag lag;
  cluster.observe(lag);
  cluster.start("1");
  cluster.wait_for_leader();
  for (int i = 0; i < 200; ++i)
    static_cast<void>(cluster.begin_set("1", "k" + std::to_string(i), "v"));
  REQUIRE(cluster.set("1", "last", "v").valid);
  CHECK(lag.most == kEntries);
  CHECK(lag.applied_index == lag.given);
  CHECK(lag.largest == (kEntries + 1) / 2);  // another stands ready behind it

  INFO("also where a restart finds them in the log, of which memory holds but the end");
  for (int i = 0; i < 60; ++i) REQUIRE(cluster.set("1", "long", std::string(200'000, 'v')).valid);
  cluster.kill("1", 0);
  lag = {};
  cluster.start("1");
  CHECK(cluster.get("1", "k199").value == "v");
  CHECK(lag.most == kEntries);
}
