// The named cases of the main job that real processes can show. Those that need a certain
// order of messages or a certain disk are in tests/sim and tests/interaction.

#include <future>
#include <set>
#include <thread>

#include <doctest/doctest.h>

#include "cluster.hpp"

using namespace causeway;
using namespace causeway::test;
using std::chrono::milliseconds;

namespace {

using Number = Cluster::Number;
using State = AwaitResult::State;

// Long enough for several elections at these tests' timeouts: what has not happened by then will
// not.
constexpr milliseconds kSeveralElections{3000};

// True: a write through that node is not carried out. It may be in doubt, so nobody may care for
// its key.
bool has_no_majority(const Cluster& cluster, Number node) {
  const auto probe = cluster.client(node)->set(
      "probe", "of a majority",
      {.blocking = false, .timeout = kSeveralElections, .in_doubt = InDoubt::report});
  REQUIRE_MESSAGE(probe.has_value(), probe.error().detail);
  return !probe.value().valid && (probe.value().timeout || probe.value().in_doubt);
}

std::string value_at(const Cluster& cluster, Number node, const std::string& key) {
  const auto got = cluster.client(node)->get(key, kPatient);
  REQUIRE_MESSAGE(got.has_value(), got.error().detail);
  return got.value().valid ? got.value().value : "(absent)";
}

std::string local_value_at(const Cluster& cluster, Number node, const std::string& key) {
  const auto got = cluster.client(node)->get(key, kLocal);
  REQUIRE_MESSAGE(got.has_value(), got.error().detail);
  return got.value().valid ? got.value().value : "(absent)";
}

void set_at(const Cluster& cluster, Number node, const std::string& key, const std::string& value) {
  const auto set = cluster.client(node)->set(key, value, kPatientWrite);
  REQUIRE_MESSAGE(set.has_value(), set.error().detail);
  REQUIRE(set.value().valid);
}

Response offline_at(const Cluster& cluster, Number node, const std::string& key,
                    const std::string& value) {
  const auto set = cluster.client(node)->set(key, value, kOffline);
  REQUIRE_MESSAGE(set.has_value(), set.error().detail);
  REQUIRE(set.value().valid);
  return set.value();
}

State settled_at(const Cluster& cluster, Number node, const std::string& token) {
  const auto verdict = cluster.client(node)->await(token, kGuard);
  REQUIRE_MESSAGE(verdict.has_value(), verdict.error().detail);
  return verdict.value().state;
}

std::uint64_t wall_ms() {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
}

constexpr std::uint64_t kHourMs = 3600 * 1000;

bool is_about_now(Stamp stamp) {
  return stamp.wall_ms() + kHourMs > wall_ms() && stamp.wall_ms() < wall_ms() + kHourMs;
}

std::string role_of(const std::string& id, const Status& status) {
  for (const MemberInfo& member : status.members) {
    if (member.id == id) return member.role;
  }
  return "no such member";
}

}  // namespace

TEST_CASE(
    "a wiped voter under its old id: it is served, says quarantined, and its vote does not count") {
  Cluster cluster(3);
  cluster.start_all();
  cluster.wait_for_leader();
  set_at(cluster, 1, "k", "kept");
  CHECK(eventually([&] { return cluster.status(1).state == "serving"; }));  // all names are bound

  cluster.kill({3});
  cluster.wipe(3);
  cluster.start({3});
  CHECK(eventually([&] { return cluster.status(3).state == "quarantined"; }));
  // Served: it gets the log, forwards, and settles what it writes offline.
  CHECK(value_at(cluster, 3, "k") == "kept");
  const Response offline = offline_at(cluster, 3, "o", "from the wiped one");
  CHECK(settled_at(cluster, 3, offline.token) == State::won);
  CHECK(cluster.status(3).role == "learner");
  // Whoever looks at another node sees it, too; and the leader has said so.
  for (Number node = 1; node <= 3; ++node) {  // once it has met it
    CHECK(eventually([&] { return role_of("n3", cluster.status(node)) == "learner"; }));
  }
  CHECK(eventually([&] {
    const std::string logs = cluster.log(1) + cluster.log(2);
    return logs.find("n3 is served, but not counted") != std::string::npos;
  }));

  // Never counted: with it and one voter there is no majority of three.
  cluster.kill({1});
  CHECK(has_no_majority(cluster, 2));
  CHECK(cluster.status(2).role != "leader");
  CHECK(cluster.status(3).role != "leader");

  cluster.start({1});
  CHECK(value_at(cluster, 2, "k") == "kept");
  CHECK(value_at(cluster, 3, "o") == "from the wiped one");
}

TEST_CASE("a restored old copy of a data directory: nothing settles twice, and it does not vote") {
  Cluster cluster(3);
  cluster.start_all();
  cluster.wait_for_leader();
  set_at(cluster, 1, "counter", "0");
  CHECK(eventually([&] { return cluster.status(3).state == "serving"; }));
  const Response first = offline_at(cluster, 3, "a", "first");
  CHECK(settled_at(cluster, 3, first.token) == State::won);

  // The copy holds a pending write, which the original settles after it was taken.
  cluster.kill({1, 2});
  const Response held = offline_at(cluster, 3, "b", "in the copy");
  cluster.kill({3});
  const std::string copy = cluster.copy_data(3);
  cluster.start_all();
  CHECK(settled_at(cluster, 3, held.token) == State::won);
  set_at(cluster, 1, "b", "written over it");
  const Response later = offline_at(cluster, 3, "a", "after the copy");
  CHECK(settled_at(cluster, 3, later.token) == State::won);
  const Origin original = cluster.status(3).origin;

  cluster.kill({3});
  cluster.restore_data(3, copy);
  cluster.start({3});
  // It moves to a new origin and starts again when it finds out, and refuses calls meanwhile.
  Response after;
  CHECK(eventually([&] {
    const auto set = cluster.client(3)->set("c", "by the restored one", kOffline);
    if (set) after = set.value();
    return set.has_value();
  }));
  CHECK(eventually([&] {
    const auto verdict = cluster.client(3)->await(after.token, kGuard);
    return verdict && verdict.value().state == State::won;
  }));
  CHECK(eventually([&] { return cluster.status(3).state == "quarantined"; }));
  CHECK(cluster.status(3).origin != original);
  CHECK(eventually([&] { return cluster.status(3).pending == 0; }));
  // "in the copy" was settled before; it must not overwrite what came after it.
  CHECK(value_at(cluster, 1, "b") == "written over it");
  CHECK(value_at(cluster, 2, "a") == "after the copy");
  CHECK(value_at(cluster, 3, "c") == "by the restored one");

  cluster.kill({1});
  CHECK(has_no_majority(cluster, 2));
  cluster.start({1});
  CHECK(value_at(cluster, 2, "b") == "written over it");
}

TEST_CASE("a restored copy of a follower without offline writes: it does not vote") {
  Cluster cluster(3);
  cluster.start_all();
  const Number leader = cluster.wait_for_leader();
  const Number restored = leader == 3 ? 2 : 3;
  const Number other = 6 - leader - restored;
  set_at(cluster, leader, "k", "old");
  cluster.kill({restored});
  const std::string copy = cluster.copy_data(restored);
  cluster.start({restored});
  for (int i = 0; i < 20; ++i) set_at(cluster, restored, "k", "new " + std::to_string(i));
  cluster.kill({restored});
  cluster.restore_data(restored, copy);
  cluster.start({restored});
  // It has forgotten entries that it acknowledged. The leader knows, and says so in the log; it
  // brings the copy up to date.
  CHECK(value_at(cluster, restored, "k") == "new 19");
  CHECK(eventually([&] { return cluster.status(restored).state == "quarantined"; }));
  CHECK(cluster.status(restored).role == "learner");
  cluster.kill({other});
  CHECK(has_no_majority(cluster, leader));
  cluster.start({other});
  set_at(cluster, other, "k", "newer");

  // Nor does it for a later leader, nor after another start.
  cluster.kill({leader});
  CHECK(has_no_majority(cluster, other));
  cluster.kill({restored});
  cluster.start({restored});
  CHECK(has_no_majority(cluster, other));
  cluster.start({leader});
  for (Number node = 1; node <= 3; ++node) CHECK(value_at(cluster, node, "k") == "newer");
  CHECK(cluster.status(restored).state == "quarantined");
}

TEST_CASE("restart alone: every answer that a node gave is still behind its answers (promise 3)") {
  Cluster cluster(3);
  cluster.start_all();
  cluster.wait_for_leader();
  for (Number node = 1; node <= 3; ++node) {
    set_at(cluster, node, "by" + std::to_string(node), "mine");
  }
  const Response offline = offline_at(cluster, 2, "note", "offline");
  CHECK(settled_at(cluster, 2, offline.token) == State::won);
  std::uint64_t applied[4] = {};
  for (Number node = 1; node <= 3; ++node) applied[node] = cluster.status(node).applied_index.value;
  cluster.kill_all();
  for (Number node = 1; node <= 3; ++node) {
    CAPTURE(node);
    cluster.start({node});
    CHECK(cluster.status(node).applied_index.value >= applied[node]);
    CHECK(local_value_at(cluster, node, "by" + std::to_string(node)) == "mine");
    if (node == 2) CHECK(local_value_at(cluster, node, "note") == "offline");
    cluster.kill({node});
  }
}

TEST_CASE(
    "a node that settled, crashed and starts alone still has the write, though its journal let it "
    "go") {
  Cluster cluster(3);
  cluster.start_all();
  cluster.wait_for_leader();
  for (int round = 0; round < 5; ++round) {
    const std::string value = "round " + std::to_string(round);
    const Response offline = offline_at(cluster, 3, "note", value);
    CHECK(settled_at(cluster, 3, offline.token) == State::won);
    cluster.kill_all();  // at once: nothing had time to be flushed
    cluster.start({3});
    CHECK(local_value_at(cluster, 3, "note") == value);
    cluster.start({1, 2});
    CHECK(value_at(cluster, 1, "note") == value);
  }
}

TEST_CASE(
    "first leader with a clock of 2046: log time is nobody's wrong clock, and its writes win only "
    "until committed") {
  const auto environment = wrong_clock("@2046-01-01 00:00:00");
  REQUIRE_MESSAGE(!environment.empty(), "libfaketime is missing: run scripts/setup");
  Cluster cluster(3);
  cluster.set_environment(1, environment);
  for (const Number patient : {Number{2}, Number{3}}) {
    cluster.set_flags(patient, {"--election-timeout", "20s"});
  }
  cluster.start_all();
  CHECK(cluster.wait_for_leader() == 1);
  set_at(cluster, 2, "k", "1");
  CHECK(is_about_now(cluster.status(1).log_time));
  CHECK(is_about_now(cluster.status(2).log_time));

  const Response from_2046 = offline_at(cluster, 1, "k", "from 2046");
  CHECK(settled_at(cluster, 1, from_2046.token) == State::won);
  CHECK(value_at(cluster, 2, "k") == "from 2046");
  // Committed, its stamp is no more than log time: a later write wins, whoever makes it.
  const Response later = offline_at(cluster, 2, "k", "later");
  REQUIRE(later.version.has_value());
  CHECK(is_about_now(later.version->stamp));  // nobody else's clock was dragged along
  CHECK(settled_at(cluster, 2, later.token) == State::won);
  CHECK(value_at(cluster, 1, "k") == "later");
  set_at(cluster, 3, "k", "consistent");
  CHECK(value_at(cluster, 1, "k") == "consistent");
  CHECK(is_about_now(cluster.status(3).log_time));
}

TEST_CASE("first leader with a clock of 1970: log time is right all the same") {
  const auto environment = wrong_clock("@1970-01-01 00:01:00");
  REQUIRE_MESSAGE(!environment.empty(), "libfaketime is missing: run scripts/setup");
  Cluster cluster(3);
  cluster.set_environment(1, environment);
  for (const Number patient : {Number{2}, Number{3}}) {
    cluster.set_flags(patient, {"--election-timeout", "20s"});
  }
  cluster.start_all();
  CHECK(cluster.wait_for_leader() == 1);
  // The two right clocks are a majority of reports; until both were heard, log time may stand at
  // the build's date.
  CHECK(eventually([&] {
    set_at(cluster, 2, "k", "1");
    return is_about_now(cluster.status(2).log_time);
  }));
  const Response from_1970 = offline_at(cluster, 1, "k", "from 1970");
  REQUIRE(from_1970.version.has_value());
  CHECK(settled_at(cluster, 1, from_1970.token) == State::won);  // it had seen what it overwrites
  CHECK(value_at(cluster, 3, "k") == "from 1970");
}

TEST_CASE(
    "alone with a clock of 1970: what it had seen it overwrites, what it had not seen beats it") {
  const auto environment = wrong_clock("@1970-01-01 00:01:00");
  REQUIRE_MESSAGE(!environment.empty(), "libfaketime is missing: run scripts/setup");
  Cluster cluster(3);
  cluster.start_all();
  cluster.wait_for_leader();
  set_at(cluster, 3, "seen", "before");
  set_at(cluster, 3, "contested", "before");
  cluster.kill_all();
  cluster.set_environment(3, environment);
  cluster.start({3});
  const Response seen = offline_at(cluster, 3, "seen", "from 1970");
  const Response contested = offline_at(cluster, 3, "contested", "from 1970");
  cluster.kill({3});
  cluster.start({1, 2});
  set_at(cluster, 1, "contested", "rival");
  cluster.start({3});
  CHECK(settled_at(cluster, 3, seen.token) == State::won);
  CHECK(settled_at(cluster, 3, contested.token) == State::superseded);
  CHECK(value_at(cluster, 1, "seen") == "from 1970");
  CHECK(value_at(cluster, 1, "contested") == "rival");
}

TEST_CASE(
    "a batch is proposed, kill -9, a new set of the same key: the new one stands, each settles "
    "once") {
  Cluster cluster(3);
  cluster.start_all();
  cluster.wait_for_leader();
  for (int round = 0; round < 8; ++round) {
    CAPTURE(round);
    cluster.kill({1, 2});
    const Response old_write = offline_at(cluster, 3, "k", "old " + std::to_string(round));
    cluster.start({1, 2});  // from here on it may be proposed at any moment
    std::this_thread::sleep_for(milliseconds(100 * round));  // so: before, during and after
    cluster.kill({3});
    cluster.start({3});
    const std::string value = "new " + std::to_string(round);
    const Response new_write = offline_at(cluster, 3, "k", value);
    CHECK(settled_at(cluster, 3, new_write.token) == State::won);
    CHECK(value_at(cluster, 1, "k") == value);
    // After a restart every record then live counts as proposed: it is never replaced, it settles.
    CHECK(settled_at(cluster, 3, old_write.token) == State::won);
  }
}

TEST_CASE("batches proposed to a leader that dies, the next to its successor: nothing is skipped") {
  Cluster cluster(3);
  cluster.start_all();
  for (int round = 0; round < 4; ++round) {
    CAPTURE(round);
    const Number leader = cluster.wait_for_leader();
    const Number writer = leader == 3 ? 1 : 3;
    const auto client = cluster.client(writer);
    std::vector<std::string> tokens;
    for (int i = 0; i < 300; ++i) {
      const std::string key = std::to_string(round) + "/" + std::to_string(i);
      tokens.push_back(take(client->set(key, "v" + key, kOffline)).token);
      if (i == 150) cluster.kill({leader});
    }
    for (const std::string& token : tokens) {
      CAPTURE(token);
      REQUIRE(take(client->await(token, kGuard)).state == State::won);
    }
    for (int i = 0; i < 300; i += 17) {
      const std::string key = std::to_string(round) + "/" + std::to_string(i);
      CHECK(value_at(cluster, writer, key) == "v" + key);
    }
    cluster.start({leader});
  }
}

TEST_CASE("an unseen offline write meets a newer delete: the delete stands") {
  Cluster cluster(3);
  cluster.start_all();
  cluster.wait_for_leader();
  set_at(cluster, 3, "k", "there");
  cluster.kill({1, 2});
  const Response offline = offline_at(cluster, 3, "k", "offline");
  cluster.kill({3});
  cluster.start({1, 2});
  CHECK(take(cluster.client(1)->remove("k", kPatientWrite)).valid);
  cluster.start({3});
  CHECK(settled_at(cluster, 3, offline.token) == State::superseded);
  for (Number node = 1; node <= 3; ++node) CHECK(value_at(cluster, node, "k") == "(absent)");
}

TEST_CASE("an offline write made after a consistent write that is in doubt is never undone by it") {
  Cluster cluster(3);
  cluster.start_all();
  cluster.wait_for_leader();
  set_at(cluster, 3, "k", "before");
  for (int round = 0; round < 3; ++round) {
    CAPTURE(round);
    cluster.kill({1, 2});
    const auto client = cluster.client(3);
    std::promise<Result<Response>> promise;
    auto consistent = promise.get_future();
    client->set("k", "consistent", WriteOptions{},
                [&](Result<Response> result) { promise.set_value(std::move(result)); });
    // The call has reached the node when a later one on the same connection is answered.
    REQUIRE(client->status().has_value());
    const std::string value = "offline " + std::to_string(round);
    const Response offline = take(client->set("k", value, kOffline));
    cluster.start({1, 2});
    REQUIRE(consistent.wait_for(kGuard) == std::future_status::ready);
    const Response answer = consistent.get().value();
    // Either it went before the offline write, or it never happened; the offline write stands.
    CHECK(answer.valid != answer.timeout);
    if (answer.timeout) CHECK(answer.reason == TimeoutReason::overtaken);
    CHECK(settled_at(cluster, 3, offline.token) == State::won);
    CHECK(value_at(cluster, 1, "k") == value);
  }
}

TEST_CASE("a node of another cluster with the same names is refused, and harms nobody") {
  Cluster cluster(3);
  cluster.start_all();
  cluster.wait_for_leader();
  set_at(cluster, 1, "k", "ours");
  CHECK(eventually([&] { return cluster.status(1).state == "serving"; }));
  cluster.kill({3});
  // A data directory that was formed elsewhere, as a cluster of its own, under the same id.
  Cluster elsewhere(3);
  elsewhere.start_all();
  elsewhere.wait_for_leader();
  set_at(elsewhere, 1, "k", "theirs");
  elsewhere.kill_all();
  cluster.restore_data(3, elsewhere.copy_data(3));
  cluster.start({3});
  set_at(cluster, 1, "k", "still ours");
  CHECK(value_at(cluster, 2, "k") == "still ours");
  const auto stranger =
      cluster.client(3)->get("k", {.blocking = false, .timeout = kSeveralElections});
  if (stranger.has_value()) CHECK_FALSE(stranger.value().valid);
}

TEST_CASE("every later start needs nothing but the data directory") {
  Cluster cluster(3);
  cluster.start_all();
  cluster.wait_for_leader();
  set_at(cluster, 1, "k", "v");
  cluster.kill({3});
  const std::string out = cluster.directory() / "bare.out";
  Process bare({.arguments = {KVD_PATH, "--data-dir", cluster.data_directory(3)},
                .output_file = out,
                .error_file = cluster.directory() / "bare.err"});
  const std::string line = "ready n3 " + cluster.address(3) + "\n";
  CHECK(eventually([&] { return read_file(out) == line || !bare.running(); }));
  CHECK(value_at(cluster, 3, "k") == "v");
}
