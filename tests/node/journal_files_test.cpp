// The journal's files: rewriting keeps them small however often one key is written, and loses
// nothing at whatever moment the node dies.
#include <doctest/doctest.h>

#include "node/calls.hpp"
#include "support/virtual_cluster.hpp"

using namespace causeway;
using causeway::testing::Calls;
using causeway::testing::set_call;
using causeway::testing::VirtualCluster;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t kValueBytes = 8000;

testing::ClusterSettings settings(std::uint64_t seed) {
  return {.seed = seed, .journal_segment_bytes = 128u << 10};
}

std::string value_of(int number) { return std::to_string(number) + std::string(kValueBytes, '.'); }

}  // namespace

TEST_CASE("a hot key written again and again alone keeps the journal's files bounded") {
  VirtualCluster cluster(settings(1));
  cluster.start("1");
  const std::string kept = cluster.set("1", "kept", "first", false).token;
  std::uint64_t most = 0;
  constexpr int kWrites = 2000;  // 16 MB of records, of which two are live
  for (int i = 1; i <= kWrites; ++i) {
    REQUIRE(cluster.set("1", "hot", value_of(i), false).valid);
    most = std::max(most, cluster.node("1").directory().journal.bytes());
  }
  MESSAGE("largest: ", most >> 10, " KiB");
  CHECK(most < (3u << 20));
  cluster.run_for(milliseconds(100));
  CHECK(cluster.node("1").directory().journal.bytes() < (2u << 20));
  CHECK(cluster.pending("1").items.size() == 2);
  cluster.kill("1");
  cluster.start("1");
  CHECK(cluster.get("1", "hot", false).value == value_of(kWrites));
  CHECK(cluster.get("1", "kept", false).value == "first");
  CHECK(cluster.await("1", kept, 0).state == AwaitResult::State::pending);
}

TEST_CASE("a disk that was full a moment ago does not let the journal's files grow") {
  VirtualCluster cluster(settings(3));
  cluster.start("1");
  Calls calls(cluster);
  sim::MemDisk& disk = cluster.node("1").directory().journal;
  std::uint64_t most = 0;
  std::size_t refused = 0;
  for (int i = 1; i <= 2000; ++i) {
    if (i % 200 == 0) disk.set_capacity(0);  // until what is reserved is used up
    if (calls.refusal("1", 1, set_call("hot", value_of(i), false))) {
      ++refused;
      disk.set_capacity(UINT64_MAX);
    }
    most = std::max(most, disk.bytes());
  }
  MESSAGE("largest: ", most >> 10, " KiB");
  CHECK(most < (3u << 20));
  CHECK(refused > 5);
}

TEST_CASE("a node that dies at any moment of the rewriting has every acknowledged write") {
  std::size_t rewritten = 0;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    VirtualCluster cluster(settings(seed));
    cluster.node("1").on_effects = [&](const node::Effects& out) {
      for (const storage::LogInput& input : out.journal)
        rewritten += std::holds_alternative<storage::DropSegment>(input);
    };
    cluster.start("1");
    std::map<std::string, std::string> written;
    for (int i = 0; i < 60; ++i) {  // live records that a rewriting must carry
      const std::string key = "live" + std::to_string(i);
      written[key] = value_of(i);
      REQUIRE(cluster.set("1", key, written[key], false).valid);
    }
    for (int death = 0; death < 6; ++death) {
      const std::uint64_t writes = 40 + random.below(60);
      for (std::uint64_t i = 0; i < writes; ++i) {
        const std::string key = random.below(4) == 0 ? "live" + std::to_string(random.below(60))
                                                     : "hot" + std::to_string(random.below(3));
        const std::string value = value_of(static_cast<int>(1000 * death + static_cast<int>(i)));
        REQUIRE(cluster.set("1", key, value, false).valid);
        written[key] = value;
      }
      cluster.run_for(std::chrono::microseconds(random.below(600)));
      random.below(2) == 0 ? cluster.kill("1") : cluster.lose_power("1");
      cluster.start("1");
      for (const auto& [key, value] : written) {
        CAPTURE(key);
        REQUIRE(cluster.get("1", key, false).value == value);
      }
    }
    cluster.start("2");
    cluster.start("3");
    cluster.wait_for_leader();
    cluster.settle();
    for (const auto& [key, value] : written) REQUIRE(cluster.get("2", key).value == value);
  }
  CHECK(rewritten > 8);  // it did happen
}

TEST_CASE("what settled leaves the files too") {
  VirtualCluster cluster(settings(2));
  cluster.start_all();
  cluster.wait_for_leader();
  for (int i = 0; i < 400; ++i)
    REQUIRE(cluster.set("1", "k" + std::to_string(i), value_of(i), false).valid);
  cluster.settle();
  cluster.run_for(milliseconds(2000));
  CHECK(cluster.node("1").directory().journal.bytes() < (2u << 20));
  cluster.kill("1");
  cluster.start("1");
  CHECK(cluster.pending("1").items.empty());
  CHECK(cluster.await("1", cluster.set("1", "last", "v", false).token).state ==
        AwaitResult::State::won);
}
