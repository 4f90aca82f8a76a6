// What nobody can know yet: a write that stands in the log of a leader who cannot reach
// anybody. It is never called a timeout; an id is given, and `outcome` tells later, for good.

#include <csignal>
#include <future>

#include <doctest/doctest.h>

#include "cluster.hpp"

using namespace causeway;
using namespace causeway::test;
using std::chrono::milliseconds;

namespace {

using Number = Cluster::Number;

constexpr WriteOptions kReport{
    .blocking = false, .timeout = milliseconds(300), .in_doubt = InDoubt::report};

// A leader whose followers stand still: what it takes now it appends, and nobody answers.
struct Lonely {
  Cluster cluster{3};
  Number leader = 0;

  // Patient nodes: the leader is still one when the call comes, however slow this machine is.
  Lonely() {
    for (Number node = 1; node <= cluster.size(); ++node) {
      cluster.set_flags(node, {"--election-timeout", "3s"});
    }
    cluster.start_all();
    leader = cluster.wait_for_leader();
    take(cluster.client(leader)->set("k", "before", kPatientWrite));
    others([&](Number node) { cluster.pause(node); });
  }

  template <class Do>
  void others(Do what) {
    for (Number node = 1; node <= cluster.size(); ++node) {
      if (node != leader) what(node);
    }
  }
  void resume_others() {
    others([&](Number node) { cluster.resume(node); });
  }
};

// On a machine that stalls, the time may be over before the leader has appended it: then it did not
// happen, and is asked again.
template <class Ask>
Response in_doubt(Ask ask) {
  Response answer = ask();
  for (int again = 0; answer.timeout && again < 5; ++again) answer = ask();
  return answer;
}

// What the store says must be what the outcome said.
void check_agrees(const Cluster& cluster, OutcomeResult::State outcome,
                  const std::string& written) {
  const bool happened = outcome == OutcomeResult::State::done;
  CHECK((happened || outcome == OutcomeResult::State::did_not_happen));
  for (Number node = 1; node <= cluster.size(); ++node) {
    CHECK(take(cluster.client(node)->get("k", kPatient)).value == (happened ? written : "before"));
  }
}

}  // namespace

TEST_CASE(
    "a write that only its leader has is in doubt, not timed out; outcome tells when the others "
    "are back") {
  Lonely lonely;
  const auto client = lonely.cluster.client(lonely.leader);
  const Response answer = in_doubt([&] { return take(client->set("k", "after", kReport)); });
  CHECK_FALSE(answer.valid);
  CHECK_FALSE(answer.timeout);
  REQUIRE(answer.in_doubt);
  REQUIRE_FALSE(answer.operation.empty());
  CHECK(take(client->outcome(answer.operation, milliseconds(0))).state ==
        OutcomeResult::State::pending);
  // Nothing of it is shown meanwhile.
  CHECK(take(client->get("k", kLocal)).value == "before");

  lonely.resume_others();
  const OutcomeResult::State outcome = take(client->outcome(answer.operation, kGuard)).state;
  check_agrees(lonely.cluster, outcome, "after");
  // For good: asked again, and after its node was killed.
  lonely.cluster.kill({lonely.leader});
  lonely.cluster.start({lonely.leader});
  CHECK(take(lonely.cluster.client(lonely.leader)->outcome(answer.operation, kGuard)).state ==
        outcome);
  check_agrees(lonely.cluster, outcome, "after");
}

TEST_CASE(
    "the node that took it dies; the others go on without the write, and its outcome says so") {
  Lonely lonely;
  Cluster& cluster = lonely.cluster;
  // Dead, not paused: nothing waits in their sockets.
  lonely.others([&](Number node) { cluster.kill({node}); });
  const auto client_of_leader = cluster.client(lonely.leader);
  const Response answer =
      in_doubt([&] { return take(client_of_leader->set("k", "after", kReport)); });
  REQUIRE(answer.in_doubt);
  cluster.kill({lonely.leader});
  lonely.others([&](Number node) { cluster.start({node}); });
  const Number other = lonely.leader == 1 ? 2 : 1;
  // They form a majority whose logs cannot hold it.
  CHECK(take(cluster.client(other)->get("k", kPatient)).value == "before");
  REQUIRE(take(cluster.client(other)->set("other", "x", kPatientWrite)).valid);
  cluster.start({lonely.leader});
  const auto client = cluster.client(lonely.leader);
  CHECK(take(client->outcome(answer.operation, kGuard)).state ==
        OutcomeResult::State::did_not_happen);
  check_agrees(cluster, OutcomeResult::State::did_not_happen, "after");
}

TEST_CASE("in_doubt=wait, and blocking: the call goes on waiting, and then knows") {
  Lonely lonely;
  Cluster& cluster = lonely.cluster;
  const auto client = cluster.client(lonely.leader);
  std::promise<Response> waiting;
  std::promise<Response> blocking;
  client->set("waiting", "1", {.blocking = false, .timeout = milliseconds(200)},
              [&](Result<Response> result) {
                waiting.set_value(result.has_value() ? result.value() : Response{});
              });
  client->set("blocking", "2", {}, [&](Result<Response> result) {
    blocking.set_value(result.has_value() ? result.value() : Response{});
  });
  auto waited = waiting.get_future();
  auto blocked = blocking.get_future();
  CHECK(waited.wait_for(milliseconds(1000)) == std::future_status::timeout);
  CHECK(blocked.wait_for(milliseconds(0)) == std::future_status::timeout);
  lonely.resume_others();
  REQUIRE(waited.wait_for(kGuard) == std::future_status::ready);
  REQUIRE(blocked.wait_for(kGuard) == std::future_status::ready);
  const Response first = waited.get();
  CHECK(first.valid != first.timeout);
  const Response got = take(client->get("waiting", kPatient));
  CHECK(got.valid == first.valid);
  CHECK(blocked.get().valid);  // carried out sooner or later
  CHECK(take(client->get("blocking", kPatient)).value == "2");
}

TEST_CASE("a swap in doubt ends as done, as a mismatch, or not at all, and the value agrees") {
  Lonely lonely;
  Cluster& cluster = lonely.cluster;
  const auto client = cluster.client(lonely.leader);
  const Response answer =
      in_doubt([&] { return take(client->swap("k", "swapped", "before", kReport)); });
  REQUIRE(answer.in_doubt);
  lonely.resume_others();
  const OutcomeResult::State outcome = take(client->outcome(answer.operation, kGuard)).state;
  check_agrees(cluster, outcome, "swapped");
}

TEST_CASE(
    "kvcli says in doubt with exit code 4 and names the operation; outcome has its own codes") {
  Lonely lonely;
  Cluster& cluster = lonely.cluster;
  const CommandResult set = cluster.cli(lonely.leader, {"--timeout", "300ms", "set", "k", "after"});
  CAPTURE(set.err);
  CHECK(set.code == 4);
  const std::string operation =
      take(cluster.client(lonely.leader)->set("k2", "x", kReport)).operation;
  CHECK(cluster.cli(lonely.leader, {"--timeout", "0s", "outcome", operation}).code == 4);
  lonely.resume_others();
  const ExitCode told = cluster.cli(lonely.leader, {"outcome", operation}).code;
  const CommandResult get = cluster.cli(lonely.leader, {"get", "k2"});
  CHECK((told == 0 || told == 3));
  CHECK(get.code == (told == 0 ? 0 : 1));
}

TEST_CASE("a connection that is lost after a write was sent: in doubt; before: nothing was done") {
  Lonely lonely;
  Cluster& cluster = lonely.cluster;
  const auto client = cluster.client(lonely.leader);
  std::promise<Response> promise;
  auto answer = promise.get_future();
  client->set("k", "after", {}, [&](Result<Response> result) {
    promise.set_value(result.has_value() ? result.value() : Response{});
  });
  REQUIRE(client->status().has_value());  // the write is on its way before this
  cluster.kill({lonely.leader});
  REQUIRE(answer.wait_for(kGuard) == std::future_status::ready);
  CHECK(answer.get().in_doubt);
  const auto refused = client->set("k", "later", kReport);
  // Never sent: nobody there, or out of time while looking for somebody. Both are certain.
  CHECK(
      (refused.has_value() ? refused.value().timeout : refused.error().code == Errc::unavailable));
}
