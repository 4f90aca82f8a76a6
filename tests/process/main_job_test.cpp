// The story that Causeway exists for, with real processes: two of three nodes die, the third still
// reads and still writes durably, the two come back, and what was written alone is consistent
// everywhere, exactly once, with its writer told.

#include <set>

#include <doctest/doctest.h>

#include "cluster.hpp"

using namespace causeway;
using namespace causeway::test;
using std::chrono::milliseconds;

namespace {

constexpr ReadOptions kWithin1s{.blocking = false, .timeout = milliseconds(1000)};
constexpr WriteOptions kWriteWithin1s{.blocking = false, .timeout = milliseconds(1000)};

// The answers of consistent gets on all nodes; one element when they are equal.
std::set<std::string> answers(const Cluster& cluster, const std::string& key) {
  std::set<std::string> result;
  for (Cluster::Number node = 1; node <= cluster.size(); ++node) {
    const auto got = cluster.client(node)->get(key, kPatient);
    REQUIRE(got.has_value());
    result.insert(got.value().valid ? got.value().value : "(absent)");
  }
  return result;
}

using Answers = std::set<std::string>;

}  // namespace

TEST_CASE("a node that is alone reads and writes, and its writes settle exactly once") {
  Cluster cluster(3);
  cluster.start_all();
  cluster.wait_for_leader();
  {
    const auto client = cluster.client(1);
    REQUIRE(take(client->set("door", "closed", kPatientWrite)).valid);
    REQUIRE(take(client->set("lamp", "off", kPatientWrite)).valid);
    // What node 3 has applied, it knows when it is alone.
    REQUIRE(take(cluster.client(3)->get("door", kPatient)).value == "closed");
    REQUIRE(take(cluster.client(3)->get("lamp", kPatient)).value == "off");
  }
  cluster.kill({1, 2});

  std::string door_token;
  std::string own_token;
  {
    const auto alone = cluster.client(3);
    // Nothing consistent can be had, and that is said with certainty.
    const Response late = take(alone->get("door", kWithin1s));
    CHECK(late.timeout);
    CHECK_FALSE(late.valid);
    // A write that was never sent to a leader did not happen.
    const Response refused = take(alone->set("door", "never", kWriteWithin1s));
    CHECK(refused.timeout);
    CHECK_FALSE(refused.valid);

    const Response known = take(alone->get("door", kLocal));
    CHECK(known.value == "closed");
    CHECK_FALSE(known.pending);
    CHECK(known.behind_ms.has_value());

    const Response door = take(alone->set("door", "open", kOffline));
    REQUIRE(door.valid);
    door_token = door.token;
    const Response own = take(alone->set("own", "mine", kOffline));
    REQUIRE(own.valid);
    own_token = own.token;
    CHECK(door_token != own_token);

    const Response pending = take(alone->get("door", kLocal));
    CHECK(pending.value == "open");
    CHECK(pending.pending);
    CHECK(pending.version == door.version);
    const PendingPage page = take(alone->pending());
    REQUIRE(page.items.size() == 2);
    CHECK(page.items[0].key == "door");
    CHECK(page.items[1].key == "own");
    CHECK(take(alone->await(own_token, milliseconds(0))).state == AwaitResult::State::pending);
    CHECK(cluster.status(3).pending == 2);
  }

  // It starts alone, too, and has not forgotten.
  cluster.kill({3});
  cluster.start({3});
  {
    const auto alone = cluster.client(3);
    CHECK(take(alone->get("door", kLocal)).value == "open");
    CHECK(take(alone->get("own", kLocal)).value == "mine");
    CHECK(take(alone->get("lamp", kLocal)).value == "off");
    CHECK(take(alone->pending()).items.size() == 2);
  }

  // Meanwhile the other two, without the third, write one of the keys.
  cluster.kill({3});
  cluster.start({1, 2});
  REQUIRE(take(cluster.client(2)->set("door", "locked", kPatientWrite)).valid);
  cluster.start({3});

  const auto writer = cluster.client(3);
  const AwaitResult own = take(writer->await(own_token, kGuard));
  CHECK(own.state == AwaitResult::State::won);
  const AwaitResult door = take(writer->await(door_token, kGuard));
  CHECK(door.state == AwaitResult::State::superseded);
  REQUIRE(door.winner.has_value());

  CHECK(answers(cluster, "own") == Answers{"mine"});
  CHECK(answers(cluster, "door") == Answers{"locked"});
  CHECK(answers(cluster, "lamp") == Answers{"off"});

  // Exactly once: settled, it is committed history; a consistent write goes on top and stays.
  const auto settled = take(writer->get("own", kPatient));
  REQUIRE(settled.version.has_value());
  REQUIRE(own.winner.has_value());
  CHECK(settled.version == own.winner);
  REQUIRE(take(cluster.client(1)->set("own", "yours", kPatientWrite)).valid);
  cluster.kill({3});
  cluster.start({3});
  cluster.wait_for_leader();
  cluster.wait_until_quiet();
  CHECK(answers(cluster, "own") == Answers{"yours"});

  // Asked again, and after a restart, a verdict stays what it was.
  CHECK(take(cluster.client(3)->await(own_token, kGuard)).state == AwaitResult::State::won);
  CHECK(take(cluster.client(3)->await(door_token, kGuard)).state == AwaitResult::State::superseded);

  for (Cluster::Number node = 1; node <= 3; ++node) {
    const ConflictPage conflicts = take(cluster.client(node)->conflicts());
    REQUIRE(conflicts.items.size() == 1);
    const ConflictItem& lost = conflicts.items[0];
    CHECK(lost.key == "door");
    CHECK(lost.verdict == AwaitResult::State::superseded);
    CHECK(lost.lost.value == "open");
    CHECK(lost.won.value == "locked");
    CHECK(lost.won.version == *door.winner);
  }

  const Status now = cluster.status(3);
  CHECK(now.state == "serving");
  CHECK(now.pending == 0);
  CHECK(now.members.size() == 3);
  for (const MemberInfo& member : now.members) {
    CAPTURE(member.id);
    CHECK(member.role == "voter");
  }
}

TEST_CASE("offline set, quorum returns, consistent get at once: the set is seen") {
  Cluster cluster(3);
  cluster.start_all();
  cluster.wait_for_leader();
  for (int round = 0; round < 3; ++round) {
    cluster.kill({1, 2});
    const std::string value = "round " + std::to_string(round);
    const auto client = cluster.client(3);
    REQUIRE(take(client->set("note", value, kOffline)).valid);
    cluster.start({1, 2});
    CHECK(take(client->get("note", kPatient)).value == value);
    CHECK(take(cluster.client(1)->get("note", kPatient)).value == value);
  }
}

TEST_CASE("a single node is a whole cluster with nothing to set up") {
  Cluster cluster(1);
  cluster.start_all();
  cluster.wait_for_leader();
  const auto client = cluster.client(1);
  CHECK(take(client->set("a", "1", kPatientWrite)).valid);
  const Response offline = take(client->set("b", "2", kOffline));
  CHECK(take(client->await(offline.token, kGuard)).state == AwaitResult::State::won);
  CHECK(take(client->get("b", kPatient)).value == "2");
  cluster.kill_all();
  cluster.start_all();
  CHECK(take(cluster.client(1)->get("a", kPatient)).value == "1");
  CHECK(cluster.terminate(1) == 0);
}

TEST_CASE("a leader that is told to stop hands over, and its cluster hardly pauses") {
  Cluster cluster(3);
  cluster.start_all();
  const auto leader = cluster.wait_for_leader();
  REQUIRE(take(cluster.client(leader)->set("k", "before", kPatientWrite)).valid);
  CHECK(cluster.terminate(leader) == 0);
  const Cluster::Number other = leader == 1 ? 2 : 1;
  CHECK(take(cluster.client(other)->get("k", kPatient)).value == "before");
  CHECK(take(cluster.client(other)->set("k", "after", kPatientWrite)).valid);
  cluster.start({leader});
  CHECK(take(cluster.client(leader)->get("k", kPatient)).value == "after");
}

TEST_CASE("a paused leader answers nothing old when it comes back") {
  Cluster cluster(3);
  cluster.start_all();
  const auto leader = cluster.wait_for_leader();
  const auto stale = cluster.client(leader);
  REQUIRE(take(stale->set("k", "1", kPatientWrite)).valid);
  cluster.pause(leader);
  const Cluster::Number other = leader == 1 ? 2 : 1;
  const bool written = eventually([&] {
    const auto set = cluster.client(other)->set("k", "2", kWriteWithin1s);
    return set.has_value() && set.value().valid;
  });
  CHECK(written);
  cluster.resume(leader);
  CHECK(take(stale->get("k", kPatient)).value == "2");
}
