// What `await` and `outcome` say, over restarts too (promises 1 and 7).
#include <doctest/doctest.h>

#include "crdt/dot.hpp"
#include "node/calls.hpp"
#include "support/virtual_cluster.hpp"

using namespace causeway;
using causeway::testing::Calls;
using causeway::testing::set_call;
using causeway::testing::VirtualCluster;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Await = AwaitResult::State;
using Outcome = OutcomeResult::State;

namespace {

/// A cluster of three whose leader is node 1.
std::unique_ptr<VirtualCluster> cluster_led_by_1() {
  for (std::uint64_t seed = 1;; ++seed) {
    auto cluster = std::make_unique<VirtualCluster>(testing::ClusterSettings{.seed = seed});
    cluster->start_all();
    if (cluster->wait_for_leader() != "1") continue;
    cluster->settle();
    return cluster;
  }
}

/// A write at node 3 that the caller is told is in doubt. `arrives`: the leader got it all the
/// same.
std::string doubtful(VirtualCluster& cluster, wire::WriteCall call, bool arrives) {
  bool sent = false;
  cluster.lets_pass = [&](const std::string& from, const std::string&,
                          const consensus::Message& message) {
    if (from != "3" || !std::holds_alternative<consensus::Forward>(message)) return true;
    sent = true;
    return arrives;
  };
  call.timeout_ms = 300;
  call.in_doubt = InDoubt::report;
  const auto number = cluster.call("3", std::move(call));
  REQUIRE(cluster.run_until([&] { return sent; }));
  if (arrives) cluster.run_for(milliseconds(1));
  cluster.partition({{"1", "2"}, {"3"}});
  cluster.lets_pass = {};
  const auto* error = std::get_if<wire::CallError>(&cluster.wait(number));
  REQUIRE(error != nullptr);
  REQUIRE(error->error.code == Errc::in_doubt);
  return error->operation;
}

void start_again(VirtualCluster& cluster, const std::string& name) {
  cluster.kill(name);
  cluster.start(name);
}

}  // namespace

TEST_CASE("promise 7: await tells each fate of an offline write, before and after a restart") {
  const auto cluster = cluster_led_by_1();
  cluster->partition({{"1", "2"}, {"3"}});
  cluster->run_for(
      seconds(2));  // until then it might propose, and what it proposes is not replaced
  const std::string replaced = cluster->set("3", "twice", "1", false).token;
  const std::string won = cluster->set("3", "twice", "2", false).token;
  const std::string beaten = cluster->set("3", "k", "offline", false).token;
  CHECK(cluster->await("3", won, 0).state == Await::pending);
  CHECK(cluster->await("3", won, 200).state == Await::pending);
  CHECK(cluster->await("3", replaced, 0).state == Await::replaced);
  CHECK(cluster->status("3").verdicts.replaced >= 1);
  CHECK(cluster->await("3", replaced, 0).replaced_by == won);
  start_again(*cluster, "3");
  CHECK(cluster->await("3", won, 0).state == Await::pending);
  CHECK(cluster->await("3", replaced, 0).replaced_by == won);

  const LogIndex rival = cluster->set("1", "k", "later").version->revision;
  cluster->heal();
  for (const bool restarted : {false, true}) {
    CAPTURE(restarted);
    if (restarted) start_again(*cluster, "3");
    CHECK(cluster->await("3", won).state == Await::won);
    CHECK(cluster->await("3", won).winner->revision ==
          cluster->get("3", "twice").version->revision);
    CHECK(cluster->await("3", beaten).state == Await::superseded);
    CHECK(cluster->await("3", beaten).winner->revision == rival);
    CHECK(cluster->await("3", replaced).replaced_by == won);
  }
}

TEST_CASE("await says so when a token names no write of this node") {
  const auto cluster = cluster_led_by_1();
  Calls calls(*cluster);
  const std::string token = cluster->set("3", "k", "v", false).token;
  const Origin origin = cluster->node("3").directory().origin;
  const auto refused = [&](const std::string& name, const std::string& asked) {
    return calls.refusal(name, 1, wire::AwaitCall{.token = asked, .timeout_ms = 0});
  };
  CHECK(cluster->await("3", token).state == Await::won);
  CHECK(refused("2", token) == Errc::invalid);                           // another node's
  CHECK(refused("3", crdt::to_string({origin, {2}})) == Errc::invalid);  // never given
  CHECK(refused("3", token + "x") == Errc::invalid);
  CHECK(refused("3", "") == Errc::invalid);
}

TEST_CASE(
    "await says forgotten for what fell out of the bounded list, and pending while it waits") {
  const auto cluster = cluster_led_by_1();
  cluster->partition({{"1", "2"}, {"3"}});
  cluster->run_for(
      seconds(2));  // until then it might propose, and what it proposes is not replaced
  const std::string kept = cluster->set("3", "kept", "v", false).token;
  const std::string first = cluster->set("3", "hot", "0", false).token;
  CHECK(cluster->await("3", first, 0).state == Await::pending);
  for (int i = 1; i <= 5000; ++i) cluster->set("3", "hot", std::to_string(i), false);
  CHECK(cluster->await("3", first, 0).state == Await::forgotten);
  CHECK(cluster->await("3", kept, 0).state == Await::pending);  // older, and still there
  start_again(*cluster, "3");
  CHECK(cluster->await("3", first, 0).state == Await::forgotten);
  CHECK(cluster->await("3", kept, 0).state == Await::pending);
  cluster->heal();
  CHECK(cluster->await("3", kept).state == Await::won);
}

TEST_CASE("promise 1: a write of unknown fate is reported, or waited for, as the caller asked") {
  const auto cluster = cluster_led_by_1();
  cluster->lets_pass = [&](const std::string& from, const std::string&,
                           const consensus::Message& message) {
    return from != "3" || (!std::holds_alternative<consensus::Forward>(message) &&
                           !std::holds_alternative<consensus::Withdraw>(message));
  };
  const auto waits = cluster->begin_set("3", "a", "1", true, 300, InDoubt::wait);
  const auto reports = cluster->begin_set("3", "b", "1", true, 300, InDoubt::report);
  cluster->run_for(milliseconds(299));
  CHECK(cluster->reply(reports) == nullptr);
  cluster->run_for(milliseconds(200));  // the leader gets a heartbeat's time to refuse it
  REQUIRE(cluster->reply(reports) != nullptr);
  CHECK(std::get<wire::CallError>(*cluster->reply(reports)).error.code == Errc::in_doubt);
  cluster->run_for(seconds(20));
  CHECK(cluster->reply(waits) == nullptr);
  cluster->lets_pass = {};
  const auto& reply = std::get<Response>(std::get<wire::Answer>(cluster->wait(waits)));
  CHECK(reply.timeout != reply.valid);  // certain, one way or the other
  CHECK(cluster->get("1", "a").valid == reply.valid);
}

TEST_CASE("asked without waiting, outcome says what the state knows") {
  const auto cluster = cluster_led_by_1();
  const std::string operation = doubtful(*cluster, set_call("k", "v", true), true);
  cluster->heal();
  cluster->settle();
  CHECK(cluster->outcome("3", operation, 0).state == Outcome::done);
  start_again(*cluster, "3");
  cluster->settle();
  cluster->run_for(seconds(3));
  CHECK(cluster->outcome("3", operation, 0).state == Outcome::done);
}

TEST_CASE(
    "promise 1: outcome tells what became of a write in doubt, over restarts, while it is kept") {
  for (const bool arrives : {true, false}) {
    for (const int restarts : {0, 1, 3}) {
      CAPTURE(arrives);
      CAPTURE(restarts);
      const auto cluster = cluster_led_by_1();
      const std::string operation = doubtful(*cluster, set_call("k", "v", true), arrives);
      CHECK(cluster->outcome("3", operation, 0).state == Outcome::pending);
      for (int i = 0; i < restarts; ++i) start_again(*cluster, "3");
      CHECK(cluster->outcome("3", operation, 0).state == Outcome::pending);
      cluster->heal();
      const Outcome want = cluster->outcome("3", operation).state;
      // Within the same start what was lost on the way is sent again.
      if (arrives) CHECK(want == Outcome::done);
      if (!arrives && restarts != 0) CHECK(want == Outcome::did_not_happen);
      CHECK((want == Outcome::done || want == Outcome::did_not_happen));
      CHECK(cluster->get("1", "k").valid == (want == Outcome::done));
      CHECK(cluster->outcome("3", operation).state == want);  // for good
    }
  }
}

TEST_CASE("outcome: a mismatch, forgotten after too many starts, another node's, never given") {
  const auto cluster = cluster_led_by_1();
  Calls calls(*cluster);
  wire::WriteCall swap = set_call("k", "new", true);
  swap.op = wire::WriteOp::swap;
  swap.expected = "old";
  const std::string operation = doubtful(*cluster, swap, true);
  cluster->heal();
  CHECK(cluster->outcome("3", operation).state == Outcome::mismatch);
  const auto refused = [&](const std::string& name, const std::string& asked) {
    return calls.refusal(name, 1, wire::OutcomeCall{.operation = asked, .timeout_ms = 0});
  };
  CHECK(refused("2", operation) == Errc::invalid);
  CHECK(refused("3", operation.substr(1)) == Errc::invalid);
  const std::string never = operation.substr(0, operation.rfind('-') + 1) + "999999";
  CHECK(refused("3", never) == Errc::invalid);
  for (int i = 0; i < 6; ++i) {
    start_again(*cluster, "3");
    cluster->settle();
    cluster->run_for(seconds(2));
  }
  CHECK(cluster->outcome("3", operation).state == Outcome::forgotten);
}

TEST_CASE(
    "outcome: what was asked for under an origin that this directory had before is forgotten") {
  const auto cluster = cluster_led_by_1();
  Calls calls(*cluster);
  cluster->kill("3");
  cluster->node("3").directory().old_origins.push_back({0xabc});
  cluster->start("3");
  cluster->settle();
  const std::string before = "0000000000000abc-0000000000000001-1";
  CHECK(cluster->outcome("3", before, 0).state == Outcome::forgotten);
  CHECK(calls.refusal("2", 1, wire::OutcomeCall{.operation = before, .timeout_ms = 0}) ==
        Errc::invalid);
}
