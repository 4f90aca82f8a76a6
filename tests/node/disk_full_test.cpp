// Full disks under either log: refused or waited for, never lost, and over when there is space
// again (design 3.6).
#include <doctest/doctest.h>

#include "node/calls.hpp"
#include "support/virtual_cluster.hpp"

using namespace causeway;
using causeway::testing::Calls;
using causeway::testing::set_call;
using causeway::testing::VirtualCluster;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr std::size_t kBig = 20'000;

testing::ClusterSettings small_segments(std::uint64_t seed) {
  return {.seed = seed, .raft_segment_bytes = 100u << 10, .journal_segment_bytes = 100u << 10};
}

void fill(sim::MemDisk& disk) { disk.set_capacity(disk.bytes()); }
void free_again(sim::MemDisk& disk) { disk.set_capacity(UINT64_MAX); }

}  // namespace

TEST_CASE("a full disk under the journal refuses offline writes, and each answer is the truth") {
  VirtualCluster cluster(small_segments(1));
  cluster.start("1");
  Calls calls(cluster);
  std::map<std::string, std::string> taken;
  sim::MemDisk& disk = cluster.node("1").directory().journal;
  std::size_t refused = 0;
  for (int round = 0; round < 30; ++round) {
    if (round % 10 == 3) fill(disk);
    if (round % 10 == 8) free_again(disk);
    std::vector<std::pair<node::CallHandle, wire::WriteCall>> asked;
    for (int i = 0; i < 8; ++i) {  // several at once: some of a step fit, those behind do not
      wire::WriteCall call =
          set_call("k" + std::to_string((round * 3 + i) % 11),
                   std::to_string(round * 8 + i) + std::string(i % 2 == 0 ? kBig : 10, '.'), false);
      asked.emplace_back(calls.begin("1", 1, call), call);
    }
    cluster.run_for(milliseconds(20));
    for (auto& [handle, call] : asked) {
      const wire::Reply* reply = calls.reply(handle);
      REQUIRE(reply != nullptr);
      if (const auto* error = std::get_if<wire::CallError>(reply)) {
        CHECK(error->error.code == Errc::disk_full);
        ++refused;
      } else {
        taken[call.key] = std::string(call.value.view());
      }
    }
    for (const auto& [key, value] : taken) {
      CAPTURE(key);
      REQUIRE(cluster.get("1", key, false).value == value);
    }
    if (round % 7 == 6) {
      cluster.kill("1");
      cluster.start("1");
    }
  }
  CHECK(refused > 20);
  free_again(disk);
  cluster.start("2");
  cluster.start("3");
  cluster.wait_for_leader();
  cluster.settle();
  for (const auto& [key, value] : taken) CHECK(cluster.get("2", key).value == value);
}

TEST_CASE("full disks under the Raft logs of a majority make writes wait; with space all happens") {
  VirtualCluster cluster(small_segments(2));
  cluster.start_all();
  const std::string leader = cluster.wait_for_leader();
  cluster.settle();
  for (const std::string& name : cluster.names())
    if (name != leader) fill(cluster.node(name).directory().raft_log);
  std::vector<std::uint64_t> calls;
  for (int i = 0; i < 10; ++i)
    calls.push_back(
        cluster.begin_set(leader, "k" + std::to_string(i), std::string(kBig, 'v'), true));
  cluster.run_for(seconds(10));
  std::size_t answered = 0;
  for (const auto call : calls) answered += cluster.reply(call) != nullptr;
  CHECK(answered < calls.size());  // what fits into the segments in use is done
  CHECK(cluster.set(leader, "offline", "v", false).valid);  // local work goes on
  CHECK(cluster.get(leader, "offline", false).value == "v");

  for (const std::string& name : cluster.names())
    free_again(cluster.node(name).directory().raft_log);
  for (const auto call : calls) {
    const auto& reply = std::get<Response>(std::get<wire::Answer>(cluster.wait(call)));
    CHECK(reply.valid);
  }
  cluster.settle();
  for (int i = 0; i < 10; ++i)
    CHECK(cluster.get("1", "k" + std::to_string(i)).value.size() == kBig);
  CHECK(cluster.get("2", "offline").value == "v");
}

// Not yet where entries that did not fit wait in front of the vote: the order is the log, so that
// voter is out until there is space.
TEST_CASE("a voter with a full disk can still give its vote") {
  VirtualCluster cluster(small_segments(3));
  cluster.start_all();
  const std::string leader = cluster.wait_for_leader();
  cluster.settle();
  const std::string full = leader == "3" ? "2" : "3";
  const std::string other = leader == "1" ? "2" : "1";
  // The segment in use is full but for what is kept for votes.
  REQUIRE(cluster.set(leader, "k", std::string(kBig, 'v')).valid);
  cluster.run_for(seconds(1));
  fill(cluster.node(full).directory().raft_log);
  cluster.kill(leader);
  CHECK(
      cluster.run_until([&] { return cluster.node(other).peek()->role == "leader"; }, seconds(20)));
}

TEST_CASE("kills and power losses while a Raft log is full lose nothing that was acknowledged") {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    VirtualCluster cluster(small_segments(seed));
    Random random(seed);
    cluster.start_all();
    cluster.wait_for_leader();
    std::map<std::string, std::string> done;
    for (int round = 0; round < 12; ++round) {
      const std::string name = cluster.names()[random.below(3)];
      sim::MemDisk& disk = cluster.node(name).directory().raft_log;
      random.below(2) == 0 ? fill(disk) : free_again(disk);
      const std::string key = "k" + std::to_string(round);
      const auto call = cluster.begin_set("1", key, std::string(kBig, 'v'), true);
      cluster.run_for(milliseconds(50 + random.below(3000)));
      if (const wire::Reply* reply = cluster.reply(call)) {
        CHECK(std::get<Response>(std::get<wire::Answer>(*reply)).valid);
        done[key] = "v";
      }
      const std::string victim = cluster.names()[1 + random.below(2)];
      random.below(2) == 0 ? cluster.kill(victim) : cluster.lose_power(victim);
      if (!cluster.try_start(victim)) {  // a full disk may not even take the repair
        free_again(cluster.node(victim).directory().raft_log);
        REQUIRE(cluster.try_start(victim));
      }
    }
    for (const std::string& name : cluster.names())
      free_again(cluster.node(name).directory().raft_log);
    cluster.run_for(seconds(2));
    cluster.settle();
    for (const auto& [key, value] : done) CHECK(cluster.get("2", key).valid);
  }
}
