// Schedules that break stores of this kind, each told step by step; each also shows that its fault
// really happened.
#include <doctest/doctest.h>

#include "support/virtual_cluster.hpp"

using namespace causeway;
using causeway::testing::cluster_led_by_others;
using causeway::testing::VirtualCluster;
using std::chrono::milliseconds;
using std::chrono::seconds;
using State = AwaitResult::State;

namespace {

using Name = VirtualCluster::Name;

Name other_than(const Name& leader) { return leader == "1" ? "2" : "1"; }

void check_everywhere(VirtualCluster& cluster, const std::string& key, const std::string& value) {
  for (const Name& name : cluster.names()) {
    CAPTURE(name);
    CAPTURE(key);
    CHECK(cluster.get(name, key).value == value);
  }
}

bool holds_proposals(const consensus::Message& message) {
  return std::holds_alternative<consensus::Forward>(message);
}

}  // namespace

TEST_CASE(
    "a batch proposed to a leader that dies, the next one to its successor: nothing is skipped") {
  const auto cluster = cluster_led_by_others();
  const Name leader = *cluster->leader();
  cluster->partition({{"1", "2"}, {"3"}});
  const std::string first = cluster->set("3", "a", "1", false).token;
  const std::string second = cluster->set("3", "b", "2", false).token;
  bool lost = false;
  cluster->lets_pass = [&](const Name& from, const Name& to, const consensus::Message& message) {
    if (from != "3" || to != leader || !holds_proposals(message)) return true;
    lost = true;
    return false;
  };
  cluster->heal();
  REQUIRE(cluster->run_until([&] { return lost; }));
  cluster->kill(leader);
  const std::string third = cluster->set("3", "c", "3", false).token;
  cluster->lets_pass = {};

  for (const std::string& token : {first, second, third})
    CHECK(cluster->await("3", token).state == State::won);
  cluster->start(leader);
  check_everywhere(*cluster, "a", "1");
  check_everywhere(*cluster, "b", "2");
  check_everywhere(*cluster, "c", "3");
  CHECK(cluster->status("3").verdicts.won == 3);
}

TEST_CASE(
    "promise 3: a node that settled and lost its unflushed state in a crash starts alone and shows "
    "nothing older") {
  const auto cluster = cluster_led_by_others();
  const std::string token = cluster->set("3", "door", "open", false).token;
  CHECK(cluster->await("3", token).state == State::won);
  CHECK(cluster->set("1", "door", "locked").valid);
  CHECK(cluster->get("3", "door").value == "locked");
  const std::uint64_t revision = cluster->get("3", "door", false).version->revision.value;

  cluster->kill("1");
  cluster->kill("2");
  cluster->kill("3", 0);
  CHECK(cluster->node("3").directory().table.rows().empty());  // the fault: the whole state is gone
  cluster->start("3");
  const Response alone = cluster->get("3", "door", false);
  CHECK(alone.value == "locked");
  CHECK_FALSE(alone.pending);
  CHECK(alone.version->revision.value >= revision);
}

TEST_CASE(
    "a leader crashes with entries that are durable only at its followers: they stay, and its "
    "caller is not told wrongly") {
  const auto cluster = cluster_led_by_others();
  const Name leader = *cluster->leader();
  cluster->node(leader).slow_raft_log = seconds(1);
  const auto call = cluster->begin_set(leader, "k", "v");
  cluster->run_for(milliseconds(500));
  CHECK(cluster->reply(call) == nullptr);  // not answered while its own copy is not durable
  cluster->lose_power(leader);
  cluster->node(leader).slow_raft_log = Duration(0);
  CHECK(cluster->get("3", "k").value == "v");
  cluster->start(leader);
  check_everywhere(*cluster, "k", "v");
}

TEST_CASE(
    "promise 2: a forwarded write is overtaken by an offline write of its key, and says so for "
    "good") {
  const auto cluster = cluster_led_by_others();
  const Name leader = *cluster->leader();
  bool lost = false;
  cluster->lets_pass = [&](const Name& from, const Name&, const consensus::Message& message) {
    if (from != "3" || !holds_proposals(message)) return true;
    lost = true;
    return false;
  };
  const auto consistent = cluster->begin_set("3", "k", "consistent");
  REQUIRE(cluster->run_until([&] { return lost; }));
  const std::string token = cluster->set("3", "k", "offline", false).token;
  cluster->kill(leader);
  cluster->lets_pass = {};

  const auto& reply = std::get<Response>(std::get<wire::Answer>(cluster->wait(consistent)));
  CHECK(reply.timeout);
  CHECK_FALSE(reply.valid);
  CHECK(reply.reason == TimeoutReason::overtaken);
  CHECK(cluster->await("3", token).state == State::won);
  cluster->start(leader);
  check_everywhere(*cluster, "k", "offline");
}

TEST_CASE(
    "promise 2: an offline write made after a consistent write in doubt is not undone by it") {
  for (const bool arrives : {false, true}) {
    CAPTURE(arrives);  // the leader did, or did not, get the write before the node was cut off
    const auto cluster = cluster_led_by_others();
    bool sent = false;
    cluster->lets_pass = [&](const Name& from, const Name&, const consensus::Message& message) {
      if (from != "3" || !holds_proposals(message)) return true;
      sent = true;
      return arrives;
    };
    const auto call = cluster->begin_set("3", "k", "doubtful", true, 500, InDoubt::report);
    REQUIRE(cluster->run_until([&] { return sent; }));
    if (arrives) cluster->run_for(milliseconds(1));
    cluster->partition({{"1", "2"}, {"3"}});
    cluster->lets_pass = {};
    const auto* error = std::get_if<wire::CallError>(&cluster->wait(call));
    REQUIRE(error != nullptr);
    CHECK(error->error.code == Errc::in_doubt);
    const std::string operation = error->operation;
    CHECK(cluster->outcome("3", operation, 100).state == OutcomeResult::State::pending);
    const std::string token = cluster->set("3", "k", "offline", false).token;
    cluster->heal();
    CHECK(cluster->await("3", token).state == State::won);
    check_everywhere(*cluster, "k", "offline");
    if (arrives) CHECK(cluster->outcome("3", operation).state == OutcomeResult::State::done);
  }
}

TEST_CASE("a wiped voter that comes back under its old id is served, and its vote does not count") {
  const auto cluster = cluster_led_by_others();
  CHECK(cluster->set("1", "k", "before").valid);
  cluster->kill("3");
  cluster->node("3").wipe();
  cluster->start("3");
  REQUIRE(cluster->run_until([&] { return cluster->status("3").state == "quarantined"; }));
  CHECK(cluster->get("3", "k").value == "before");

  const Name leader = *cluster->leader();
  cluster->kill(leader);
  const Response alone = cluster->set(other_than(leader), "k", "after", true, 5000);
  CHECK(alone.timeout);  // one bound voter of three is no majority, whatever the wiped one says
  CHECK(cluster->status("3").role != "leader");
  cluster->start(leader);
  cluster->wait_for_leader();
  CHECK(cluster->set("1", "k", "again").valid);
  CHECK(cluster->get("3", "k").value == "again");
}

TEST_CASE(
    "a restored old copy of a data directory settles under a new origin, nothing twice, and does "
    "not vote") {
  const auto cluster = cluster_led_by_others();
  cluster->partition({{"1", "2"}, {"3"}});
  CHECK(cluster->set("3", "a", "1", false).valid);
  cluster->kill("3");
  const sim::DataDirectory copy = cluster->node("3").directory();
  const Origin origin = copy.origin;
  cluster->start("3");
  cluster->heal();
  CHECK(cluster->await("3", cluster->set("3", "b", "2", false).token).state == State::won);
  CHECK(cluster->set("1", "a", "newer").valid);
  cluster->settle();

  cluster->kill("3");
  cluster->node("3").restore(copy);
  cluster->start("3");
  REQUIRE(cluster->run_until(
      [&] { return !cluster->node("3").running(); }));  // it moved to a new origin
  CHECK(cluster->node("3").directory().origin != origin);
  cluster->start("3");
  cluster->settle();
  check_everywhere(*cluster, "a", "newer");  // not written a second time
  check_everywhere(*cluster, "b", "2");
  CHECK(cluster->await("3", cluster->set("3", "c", "3", false).token).state == State::won);
  check_everywhere(*cluster, "c", "3");
  CHECK(cluster->status("3").state == "quarantined");

  cluster->kill("1");  // 2 and the copy are no majority
  cluster->run_for(std::chrono::seconds(10));
  CHECK(cluster->status("2").role != "leader");
  CHECK(cluster->status("3").role == "learner");
}

TEST_CASE(
    "a batch is proposed, kill -9, a new set of the same key, and then the old proposal commits: "
    "both settle, in order") {
  const auto cluster = cluster_led_by_others();
  cluster->partition({{"1", "2"}, {"3"}});
  const std::string old_token = cluster->set("3", "k", "old", false).token;
  bool proposed = false;
  cluster->lets_pass = [&](const Name& from, const Name&, const consensus::Message& message) {
    if (from != "3") return true;
    if (const auto* forward = std::get_if<consensus::Forward>(&message)) {
      for (const auto& item : forward->items)
        proposed = proposed || item.payload.view()[1] == 16;  // a settle batch
    }
    return true;
  };
  cluster->heal();
  REQUIRE(cluster->run_until([&] { return proposed; }));
  cluster->run_for(milliseconds(2));  // it arrives at the leader
  cluster->kill("3");
  cluster->partition({{"1", "2"}, {"3"}});
  cluster->start("3");
  CHECK(cluster->get("3", "k", false).value == "old");
  const std::string new_token = cluster->set("3", "k", "new", false).token;
  CHECK(cluster->get("1", "k").value ==
        "old");  // the fault: the old proposal is committed meanwhile
  cluster->heal();
  CHECK(cluster->await("3", old_token).state == State::won);
  CHECK(cluster->await("3", new_token).state == State::won);
  check_everywhere(*cluster, "k", "new");
}

TEST_CASE(
    "an unseen offline write that meets a newer delete is superseded, and the key stays absent") {
  const auto cluster = cluster_led_by_others();
  CHECK(cluster->set("1", "k", "first").valid);
  cluster->settle();
  cluster->partition({{"1", "2"}, {"3"}});
  const std::string token = cluster->set("3", "k", "offline", false).token;
  cluster->run_for(seconds(5));
  CHECK(cluster->remove("1", "k").valid);
  cluster->heal();
  CHECK(cluster->await("3", token).state == State::superseded);
  for (const Name& name : cluster->names()) CHECK_FALSE(cluster->get(name, "k").valid);
  const ConflictPage conflicts = cluster->conflicts("1");
  REQUIRE(conflicts.items.size() == 1);
  CHECK(conflicts.items[0].lost.value == "offline");
  CHECK_FALSE(conflicts.items[0].won.value.has_value());
}

TEST_CASE(
    "promise 8: a first leader with a clock of 2046, or of 1970, does not set the log's time") {
  constexpr std::int64_t kYearMs = std::int64_t{365} * 24 * 3600 * 1000;
  for (const std::int64_t offset : {20 * kYearMs, -60 * kYearMs}) {
    CAPTURE(offset);
    bool led = false;
    for (std::uint64_t seed = 1; !led; ++seed) {
      VirtualCluster cluster({.seed = seed});
      cluster.node("1").clocks.wall_offset_ms = offset;
      cluster.start_all();
      if (cluster.wait_for_leader() != "1") continue;
      led = true;
      CHECK(cluster.set("2", "k", "v").valid);
      cluster.settle();
      constexpr std::uint64_t kTrueMs = 1'790'000'000'000;
      const std::uint64_t log_ms = cluster.status("2").log_time.wall_ms();
      CHECK(log_ms >= kTrueMs);
      CHECK(log_ms < kTrueMs + 120'000);
      // The liar's own offline write stops winning once it is committed.
      cluster.partition({{"1"}, {"2", "3"}});
      cluster.run_for(seconds(5));
      const std::string token = cluster.set("1", "k", "liar", false).token;
      cluster.heal();
      CHECK(cluster.await("1", token).state != State::pending);
      cluster.partition({{"3"}, {"1", "2"}});
      const std::string later = cluster.set("3", "k", "later", false).token;
      cluster.heal();
      CHECK(cluster.await("3", later).state == State::won);
      CHECK(cluster.get("1", "k").value == "later");
    }
  }
}

TEST_CASE(
    "a directory wiped between its vote and the first committed entry: its acknowledgement does "
    "not commit that entry") {
  bool shown = false;
  for (std::uint64_t seed = 1; !shown; ++seed) {
    VirtualCluster cluster({.seed = seed});
    std::optional<Name> first_leader;
    bool granted = false;
    cluster.lets_pass = [&](const Name& from, const Name& to, const consensus::Message& message) {
      if (from == "3" || to == "3") return false;  // node 3 hears nobody at first
      if (const auto* reply = std::get_if<consensus::RequestVoteReply>(&message)) {
        if (!reply->pre && reply->granted) granted = true;
      }
      if (std::holds_alternative<consensus::AppendEntries>(message)) first_leader = from;
      return !std::holds_alternative<consensus::AppendEntries>(message);
    };
    cluster.start_all();
    REQUIRE(cluster.run_until([&] { return first_leader.has_value(); }));
    CHECK(granted);
    const Name voter = other_than(*first_leader);
    cluster.kill(voter);
    cluster.node(voter).wipe();
    cluster.lets_pass = [](const Name& from, const Name& to, const consensus::Message&) {
      return from != "3" && to != "3";
    };
    cluster.start(voter);
    cluster.run_for(seconds(20));
    for (const Name& name : {*first_leader, voter}) {
      CAPTURE(name);
      CHECK(cluster.status(name).commit_index.value == 0);
    }
    cluster.lets_pass = {};
    const Name leader = cluster.wait_for_leader();
    CHECK(cluster.set(leader, "k", "v").valid);
    shown = true;
  }
}
