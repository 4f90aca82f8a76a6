// Log time: which clock dates the log, and how little one that lies can do (design 3.1).
#include "consensus/log_clock.hpp"

#include <memory>

#include <doctest/doctest.h>

#include "cluster.hpp"
#include "solo.hpp"

namespace causeway::consensus::testing {
namespace {

constexpr std::uint64_t kBuild = 1'700'000'000'000;
constexpr std::uint64_t kHonest = 1'760'000'000'000;
constexpr std::uint64_t k1970 = 1'000;
constexpr std::uint64_t k2046 = 2'400'000'000'000;

Instant after(Duration duration) { return {duration}; }

std::uint64_t committed_ms(const Cluster& cluster, std::size_t position) {
  return cluster.committed().at(position).log_time.wall_ms();
}

/// A cluster of three with these wall clocks; its first leader is n1.
std::unique_ptr<Cluster> with_clocks(std::uint64_t n1, std::uint64_t n2, std::uint64_t n3) {
  for (std::uint64_t seed = 1;; ++seed) {
    auto cluster = std::make_unique<Cluster>(3, seed);
    cluster->set_wall(0, n1);
    cluster->set_wall(1, n2);
    cluster->set_wall(2, n3);
    if (cluster->settle() && cluster->leader() == Peer{0}) return cluster;
  }
}

}  // namespace

TEST_CASE("the clock counts from the last entry by what passed here") {
  LogClock clock;
  CHECK(clock.read(after(5s)) == Stamp{});
  clock.follow(Stamp::from_wall_ms(1000), after(10s));
  CHECK(clock.read(after(10s)).wall_ms() == 1000);
  CHECK(clock.read(after(12s)).wall_ms() == 3000);
  CHECK(clock.read(after(9s)).wall_ms() == 1000);
}

TEST_CASE("it is pulled forward to the median, never past it and never back") {
  LogClock clock;
  clock.follow(Stamp::from_wall_ms(1000), after(0s));
  clock.pull_forward({500}, after(0s));
  CHECK(clock.read(after(0s)).wall_ms() == 1000);
  clock.pull_forward({5000}, after(1s));
  CHECK(clock.read(after(1s)).wall_ms() == 5000);
  CHECK(clock.read(after(2s)).wall_ms() == 6000);
  clock.pull_forward({5500}, after(2s));
  CHECK(clock.read(after(2s)).wall_ms() == 6000);
}

TEST_CASE("stamps rise, and log time does not stand still under load") {
  LogClock clock;
  clock.follow(Stamp::from_wall_ms(1000), after(0s));
  Stamp last = Stamp::from_wall_ms(1000);
  for (int i = 1; i <= 100'000; ++i) {  // ten entries a millisecond
    const Stamp next = clock.stamp_behind(last, after(i * 100us));
    REQUIRE(next > last);
    last = next;
  }
  CHECK(last.wall_ms() == 11'000);
}

TEST_CASE("a full counter carries into the milliseconds, and the clock goes on from there") {
  LogClock clock;
  clock.follow(Stamp::from_wall_ms(1000), after(0s));
  const Stamp full{Stamp::from_wall_ms(1000).value + 0xffff};
  const Stamp next = clock.stamp_behind(full, after(0s));
  CHECK(next == Stamp::from_wall_ms(1001));
  CHECK(clock.read(after(0s)).wall_ms() == 1001);
}

TEST_CASE(
    "the first entry takes the median of the voters' clocks, or the build's date if that is "
    "later") {
  struct Row {
    const char* why;
    std::uint64_t clocks[3];
    std::uint64_t at_least, at_most;
  };
  const Row rows[] = {
      {"all honest", {kHonest, kHonest, kHonest}, kHonest, kHonest + 60'000},
      {"the leader's clock says 2046", {k2046, kHonest, kHonest}, kHonest, kHonest + 60'000},
      {"the leader's clock says 1970: no report",
       {k1970, kHonest, kHonest},
       kBuild,
       kHonest + 60'000},
      {"all say 1970", {k1970, k1970, k1970}, kBuild, kBuild + 60'000},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto owner = with_clocks(row.clocks[0], row.clocks[1], row.clocks[2]);
    Cluster& cluster = *owner;
    CHECK(committed_ms(cluster, 0) >= row.at_least);
    CHECK(committed_ms(cluster, 0) <= row.at_most);
  }
}

TEST_CASE("no single clock moves the log's time: a leader at 2046, or a follower") {
  for (const Peer liar : {0u, 1u}) {
    CAPTURE(liar);
    const auto owner =
        with_clocks(liar == 0 ? k2046 : kHonest, liar == 1 ? k2046 : kHonest, kHonest);
    Cluster& cluster = *owner;
    for (int i = 0; i < 20; ++i) {
      cluster.propose(0);
      cluster.run_for(100ms);
    }
    REQUIRE(cluster.settle());
    CHECK(cluster.committed().back().log_time.wall_ms() < kHonest + 120'000);
    CHECK(cluster.violation() == "");
  }
}

TEST_CASE("a leader's clock that jumps moves nothing; log time goes on by what passes") {
  const auto owner = with_clocks(kHonest, kHonest, kHonest);
  Cluster& cluster = *owner;
  const std::uint64_t before = cluster.committed().back().log_time.wall_ms();
  cluster.set_wall(0, k2046);
  cluster.run_for(10s);
  cluster.propose(0);
  REQUIRE(cluster.settle());
  const std::uint64_t after_it = cluster.committed().back().log_time.wall_ms();
  CHECK(after_it >= before + 10'000);
  CHECK(after_it <= before + 12'000);
}

TEST_CASE("after an outage the clock is pulled forward, once a majority says how late it is") {
  const auto owner = with_clocks(kHonest, kHonest, kHonest);
  Cluster& cluster = *owner;
  for (Peer node = 0; node < 3; ++node) cluster.set_wall(node, kHonest + 86'400'000);
  cluster.run_for(1s);
  cluster.propose(0);
  REQUIRE(cluster.settle());
  CHECK(cluster.committed().back().log_time.wall_ms() >= kHonest + 86'400'000);
}

TEST_CASE("a single voter's log follows its own clock forward, and not back") {
  Cluster cluster(1, 1);
  REQUIRE(cluster.settle());
  cluster.set_wall(0, k2046);
  cluster.propose(0);
  REQUIRE(cluster.settle());
  CHECK(cluster.committed().back().log_time.wall_ms() >= k2046);
  cluster.set_wall(0, kHonest);
  cluster.propose(0);
  REQUIRE(cluster.settle());
  CHECK(cluster.committed().back().log_time.wall_ms() >= k2046);
}

TEST_CASE("what a follower knows of log time is the leader's last word and what passed since") {
  Solo solo;
  CHECK_FALSE(solo.raft.log_time_now(solo.clock()).has_value());
  AppendEntries heartbeat = solo.heartbeat();
  heartbeat.log_time_now = Stamp::from_wall_ms(kHonest);
  solo.receive(1, heartbeat);
  CHECK(solo.raft.log_time_now(solo.clock()) == Stamp::from_wall_ms(kHonest));
  solo.at += 3s;
  CHECK(solo.raft.log_time_now(solo.clock()) == Stamp::from_wall_ms(kHonest + 3000));
}

TEST_CASE(
    "reports older than an election timeout, before the build or beyond all honest clocks are "
    "none") {
  struct Row {
    const char* why;
    std::uint64_t reported;
    Duration later;
    bool pulls;
  };
  const Row rows[] = {
      {"fresh", kHonest + 5'000'000, 0ms, true},
      {"old", kHonest + 5'000'000, 1100ms, false},
      {"before the build: a majority is missing", k1970, 0ms, false},
      {"absurd", std::uint64_t{1} << 60, 0ms, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Solo solo;
    solo.become_leader();
    solo.pass(900ms);  // the reports of the votes are about to expire
    AppendEntriesReply reply = solo.acknowledgement(solo.raft.log().last().index);
    solo.acknowledge_all(2);
    solo.pass(900ms);
    reply.wall = {row.reported};
    solo.receive(1, reply);
    solo.wall_ms = kHonest + 9'000'000;
    solo.at += row.later;
    const Stamp before = *solo.raft.log_time_now(solo.clock());
    const Effects out = solo.step([](Effects&) {});
    const Effects beat = solo.pass(100ms);
    const bool pulled =
        solo.raft.log_time_now(solo.clock())->wall_ms() > before.wall_ms() + 1'000'000;
    CHECK(pulled == row.pulls);
  }
}

}  // namespace causeway::consensus::testing
