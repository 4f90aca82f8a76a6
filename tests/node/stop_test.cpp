// A graceful end: waiting calls are answered with what is known of them, leadership is handed over,
// nothing taken is lost.
#include <doctest/doctest.h>

#include "node/calls.hpp"
#include "support/virtual_cluster.hpp"

using namespace causeway;
using causeway::testing::Calls;
using causeway::testing::get_call;
using causeway::testing::set_call;
using causeway::testing::VirtualCluster;
using std::chrono::milliseconds;

TEST_CASE("a stopped leader hands its office over: the next write waits no election timeout") {
  VirtualCluster cluster({.seed = 5});
  cluster.start_all();
  const std::string leader = cluster.wait_for_leader();
  cluster.settle();
  const Instant stopped = cluster.time().now();
  cluster.stop(leader);
  CHECK_FALSE(cluster.ended_by_itself.at(leader));  // without an error
  const std::string other = leader == "1" ? "2" : "1";
  CHECK(cluster.set(other, "k", "v").valid);
  CHECK(cluster.time().now() - stopped < milliseconds(200));  // the election timeout is 1000
}

TEST_CASE("calls that wait are answered when the node stops: withdrawn, or in doubt") {
  VirtualCluster cluster({.seed = 5});
  cluster.start_all();
  const std::string leader = cluster.wait_for_leader();
  cluster.settle();
  const std::string node = leader == "3" ? "2" : "3";
  Calls calls(cluster);
  bool sent = false;
  cluster.lets_pass = [&](const std::string& from, const std::string&,
                          const consensus::Message& message) {
    if (from != node || !std::holds_alternative<consensus::Forward>(message)) return true;
    sent = true;
    return false;
  };
  const auto maybe = calls.begin(node, 1, set_call("maybe", "v", true));
  REQUIRE(cluster.run_until([&] { return sent; }));
  cluster.partition({{node}});
  cluster.run_for(milliseconds(5000));
  const auto never_left = calls.begin(node, 1, set_call("never", "v", true));
  const auto read = calls.begin(node, 1, get_call("k", true));
  const auto offline = calls.begin(node, 1, set_call("offline", "v", false));
  cluster.run_for(milliseconds(1));
  const auto await = calls.begin(
      node, 1,
      wire::AwaitCall{
          .token = std::get<Response>(std::get<wire::Answer>(*calls.reply(offline))).token,
          .timeout_ms = {}});
  cluster.run_for(milliseconds(1));
  const Instant asked = cluster.time().now();
  cluster.stop(node);
  CHECK(cluster.time().now() - asked <= milliseconds(1100));  // at most an election timeout
  CHECK(calls.refusal(maybe) == Errc::in_doubt);
  CHECK(calls.refusal(never_left) == Errc::unavailable);
  CHECK(calls.refusal(read) == Errc::unavailable);
  CHECK(calls.refusal(await) == Errc::unavailable);

  cluster.lets_pass = {};
  cluster.start(node);
  cluster.heal();
  cluster.settle();
  CHECK_FALSE(cluster.get(node, "maybe").valid);
  CHECK_FALSE(cluster.get(node, "never").valid);
  CHECK(cluster.get("1", "offline").value == "v");
}

TEST_CASE("with a leader at hand a stopping follower's writes are certain: done, or withdrawn") {
  VirtualCluster cluster({.seed = 5});
  cluster.start_all();
  const std::string leader = cluster.wait_for_leader();
  cluster.settle();
  const std::string node = leader == "3" ? "2" : "3";
  Calls calls(cluster);
  std::vector<node::CallHandle> handles;
  for (int i = 0; i < 20; ++i) {
    handles.push_back(calls.begin(node, 1, set_call("k" + std::to_string(i), "v", true)));
    if (i % 5 == 0) cluster.run_for(std::chrono::microseconds(300));
  }
  cluster.stop(node);
  for (int i = 0; i < 20; ++i) {
    CAPTURE(i);
    const wire::Reply* reply = calls.reply(handles[static_cast<std::size_t>(i)]);
    REQUIRE(reply != nullptr);
    const bool done = std::holds_alternative<wire::Answer>(*reply);
    if (!done) CHECK(std::get<wire::CallError>(*reply).error.code == Errc::unavailable);
    CHECK(cluster.get(leader, "k" + std::to_string(i)).valid == done);
  }
}

TEST_CASE("a node that is stopping or starting takes no call") {
  VirtualCluster cluster({.seed = 5});
  cluster.start("1");
  Calls calls(cluster);
  cluster.node("1").give(node::StopAsked{});
  CHECK(calls.refusal("1", 1, get_call("k", false)) == Errc::unavailable);
  cluster.run_for(milliseconds(2000));
  REQUIRE(cluster.try_start("1"));
  CHECK(calls.refusal("1", 1, get_call("k", false)) == Errc::unavailable);  // not ready yet
}
