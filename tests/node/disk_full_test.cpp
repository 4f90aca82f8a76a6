// Full disks under either log: refused or waited for, never lost, and over when there is space
// again (design 3.6).
#include <algorithm>
#include <memory>

#include <doctest/doctest.h>

#include "node/calls.hpp"
#include "support/virtual_cluster.hpp"
#include "wire/log_record.hpp"

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
std::string value_of(int number, std::size_t bytes) {
  return std::to_string(number) + std::string(bytes, 'v');
}
void free_again(sim::MemDisk& disk) { disk.set_capacity(UINT64_MAX); }

/// Watches a node write votes in front of entries: they take a ticket that was refused.
class VotesAhead {
 public:
  explicit VotesAhead(sim::Machine& node) {
    node.on_effects = [this](const node::Effects& out) {
      std::size_t now = 0;
      for (const storage::LogInput& input : out.raft_log)
        if (const auto* append = std::get_if<storage::Append>(&input)) now += is_ahead(*append);
      count += now;
      at_once = std::max(at_once, now);
      std::map<consensus::Peer, std::size_t> replies;
      for (const auto& send : out.messages)
        if (std::holds_alternative<consensus::RequestVoteReply>(send.message))
          replies_at_once = std::max(replies_at_once, ++replies[send.peer]);
    };
  }

  std::size_t count = 0;
  std::size_t at_once = 0;          ///< most of them in one turn
  std::size_t replies_at_once = 0;  ///< most answers to one candidate in one turn

 private:
  bool is_ahead(const storage::Append& append) {
    if (append.ticket == 1) newest_ = 0;  // the node was started again
    const bool again = append.ticket <= newest_;
    newest_ = std::max(newest_, append.ticket);
    return again && append.space == storage::Space::vital &&
           append.records.front().type == static_cast<std::uint8_t>(wire::RecordType::hard_state);
  }

  std::uint64_t newest_ = 0;
};

/// What a restart would find.
consensus::HardState hard_state_on(const sim::MemDisk& disk) {
  sim::MemDisk copy;
  copy = disk;
  consensus::HardState newest;
  Random random(1);
  const auto log = storage::SegmentedLog::open(
      copy, {.name = "raft", .kind = 1, .segment_bytes_max = 100u << 10}, random,
      [&](const storage::RecordRef& record) -> Result<void> {
        CAUSEWAY_TRY(decoded, wire::decode_raft_record(record.type, Blob::copy_of(record.body)));
        if (const auto* hard = std::get_if<consensus::HardState>(&decoded)) newest = *hard;
        return success();
      });
  REQUIRE(log);
  return newest;
}

/// Three nodes: one with a full disk, before which `entries` wait.
struct FullFollower {
  std::string leader;
  std::string full;
  std::string other;
};

FullFollower fill_a_follower(VirtualCluster& cluster, int entries, std::size_t bytes) {
  cluster.start_all();
  FullFollower who{.leader = cluster.wait_for_leader(), .full = {}, .other = {}};
  cluster.settle();
  who.full = who.leader == "3" ? "2" : "3";
  who.other = who.leader == "1" ? "2" : "1";
  fill(cluster.node(who.full).directory().raft_log);
  for (int i = 0; i < entries; ++i) {
    REQUIRE(cluster.set(who.leader, "k" + std::to_string(i), value_of(i, bytes)).valid);
  }
  cluster.run_for(milliseconds(300));
  const auto applied = [&](const std::string& name) {
    return cluster.node(name).peek()->applied_index;
  };
  REQUIRE(applied(who.other) == applied(who.leader));
  REQUIRE(applied(who.full) < applied(who.leader));
  return who;
}

void check_all(VirtualCluster& cluster, int entries, std::size_t bytes) {
  for (const std::string& name : cluster.names()) {
    CAPTURE(name);
    for (int i = 0; i < entries; ++i) {
      CHECK(cluster.get(name, "k" + std::to_string(i)).value == value_of(i, bytes));
    }
  }
}

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

TEST_CASE("a voter votes though entries that its disk refused wait before the vote") {
  enum class Then : std::uint8_t { nothing, kill, power_loss };
  for (const Then then : {Then::nothing, Then::kill, Then::power_loss}) {
    CAPTURE(static_cast<int>(then));
    VirtualCluster cluster(small_segments(4));
    const auto [leader, full, other] = fill_a_follower(cluster, 10, kBig);
    VotesAhead votes(cluster.node(full));
    const auto leads = [&] { return cluster.node(other).peek()->role == "leader"; };
    cluster.kill(leader);
    const auto asks = [&] { return cluster.node(other).peek()->role == "candidate"; };
    REQUIRE(cluster.run_until(asks, seconds(5)));
    REQUIRE(cluster.run_until(leads, milliseconds(20)));  // the disk is not tried again so soon
    CHECK(votes.count == 1);
    const Term term = cluster.node(other).peek()->term;
    const auto vote = hard_state_on(cluster.node(full).directory().raft_log);
    CHECK(vote.term == term);
    CHECK(vote.voted_for == other);
    cluster.run_for(seconds(5));  // and follows who has its vote
    CHECK(leads());
    CHECK(cluster.node(other).peek()->term == term);
    CHECK(votes.count == 1);

    if (then == Then::kill) cluster.kill(full);
    if (then == Then::power_loss) cluster.lose_power(full);
    if (then != Then::nothing) {
      cluster.start(full);  // on a disk that is still full
      CHECK(cluster.node(full).peek()->term >= term);
      CHECK(cluster.run_until(leads, seconds(10)));
    }
    free_again(cluster.node(full).directory().raft_log);
    REQUIRE(cluster.set(full, "after", "v").valid);
    cluster.kill(full);  // what is on that disk by now reads back
    cluster.start(full);
    cluster.start(leader);
    cluster.settle();
    check_all(cluster, 10, kBig);
  }
}

TEST_CASE("with space again, a voter that wrote only its vote meanwhile may lead") {
  VirtualCluster cluster(small_segments(6));
  const auto [leader, full, other] = fill_a_follower(cluster, 10, kBig);
  cluster.lets_pass = [&](const std::string& from, const std::string& to,
                          const consensus::Message& message) {
    if (from == other && to == full)
      return !std::holds_alternative<consensus::AppendEntries>(message);
    return from != leader || !std::holds_alternative<consensus::RequestVote>(message);
  };
  cluster.kill(leader);
  REQUIRE(
      cluster.run_until([&] { return cluster.node(other).peek()->role == "leader"; }, seconds(5)));
  cluster.kill(other);
  free_again(cluster.node(full).directory().raft_log);
  cluster.run_for(seconds(3));
  cluster.start(leader);
  CHECK(
      cluster.run_until([&] { return cluster.node(full).peek()->role == "leader"; }, seconds(20)));
  cluster.start(other);
  cluster.settle();
  check_all(cluster, 10, kBig);
}

TEST_CASE("terms that came with entries do not stand behind newer ones once there is space") {
  VirtualCluster cluster(small_segments(7));
  auto [leader, full, other] = fill_a_follower(cluster, 10, kBig);
  cluster.lets_pass = [&](const std::string&, const std::string& to,
                          const consensus::Message& message) {
    return to != full || !std::holds_alternative<consensus::RequestVote>(message);
  };
  const Term before = cluster.node(full).peek()->term;
  for (int round = 0; round < 3; ++round) {
    cluster.stop(leader);  // which hands over to the other one
    cluster.start(leader);
    std::swap(leader, other);
    REQUIRE(cluster.wait_for_leader() == leader);
    REQUIRE(cluster.set(leader, "round", std::to_string(round)).valid);
    cluster.run_for(seconds(3));
  }
  CHECK(cluster.node(full).peek()->term.value >= before.value + 3);
  free_again(cluster.node(full).directory().raft_log);
  cluster.run_for(seconds(3));
  cluster.kill(full);
  cluster.start(full);
  cluster.settle();
  check_all(cluster, 10, kBig);
  CHECK(cluster.get(full, "round").value == "2");
}

TEST_CASE("a voter whose space for votes is used up does not vote, and does no other harm") {
  testing::ClusterSettings settings = small_segments(5);
  settings.raft_vital_bytes = 400;
  VirtualCluster cluster(settings);
  auto [leader, full, other] = fill_a_follower(cluster, 400, 300);
  VotesAhead votes(cluster.node(full));
  int elected = 0;
  for (int round = 0; round < 20; ++round) {
    cluster.kill(leader);
    const bool leads = cluster.run_until(
        [&] { return cluster.node(other).peek()->role == "leader"; }, seconds(10));
    CHECK_FALSE((leads && elected < round));  // once it is used up, it stays so
    elected += leads;
    cluster.start(leader);
    const std::string now = cluster.wait_for_leader();
    CHECK(now != full);
    if (now != leader) std::swap(leader, other);
    cluster.run_for(seconds(3));
  }
  CHECK(elected > 1);
  CHECK(elected < 15);
  CHECK(votes.count >= static_cast<std::size_t>(elected));
  CHECK(votes.count < 5 * static_cast<std::size_t>(cluster.seconds()));  // it pauses between tries
  free_again(cluster.node(full).directory().raft_log);
  cluster.run_for(seconds(1));
  CHECK(votes.at_once == 1);  // however many terms there were
  CHECK(votes.replies_at_once == 1);
  cluster.kill(leader);
  cluster.wait_for_leader();
  cluster.start(leader);
  cluster.kill(full);
  cluster.start(full);
  cluster.settle();
  check_all(cluster, 400, 300);
}

TEST_CASE("kills and power losses while a Raft log is full lose nothing that was acknowledged") {
  std::size_t votes_ahead = 0;
  std::size_t leaders_killed = 0;
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    VirtualCluster cluster(small_segments(seed));
    Random random(seed);
    std::vector<std::unique_ptr<VotesAhead>> votes;
    for (const std::string& name : cluster.names())
      votes.push_back(std::make_unique<VotesAhead>(cluster.node(name)));
    cluster.start_all();
    cluster.wait_for_leader();
    std::map<std::string, std::string> done;
    for (int round = 0; round < 12; ++round) {
      const std::string name = cluster.names()[random.below(3)];
      sim::MemDisk& disk = cluster.node(name).directory().raft_log;
      random.below(2) == 0 ? fill(disk) : free_again(disk);
      // What a slow disk refuses comes back when more has been sent and asked.
      cluster.node(name).slow_raft_log = milliseconds(random.below(2) * random.below(400));
      const std::string key = "k" + std::to_string(round);
      const std::string value = value_of(static_cast<int>(seed) * 100 + round, kBig);
      const auto call = cluster.begin_set(cluster.names()[random.below(3)], key, value, true);
      cluster.run_for(milliseconds(50 + random.below(3000)));
      const wire::Reply* reply = cluster.reply(call);
      if (reply != nullptr && std::holds_alternative<wire::Answer>(*reply)) {
        CHECK(std::get<Response>(std::get<wire::Answer>(*reply)).valid);
        done[key] = value;
      }  // otherwise it waits, or that node was just starting
      std::string victim = cluster.names()[random.below(3)];
      const auto leader = cluster.leader();
      if (leader && random.below(2) == 0) victim = *leader;
      leaders_killed += leader == victim;
      random.below(2) == 0 ? cluster.kill(victim) : cluster.lose_power(victim);
      cluster.run_for(milliseconds(random.below(5000)));  // the others may need each other's vote
      if (!cluster.try_start(victim)) {  // a full disk may not even take the repair
        free_again(cluster.node(victim).directory().raft_log);
        REQUIRE(cluster.try_start(victim));
      }
    }
    for (const std::string& name : cluster.names())
      free_again(cluster.node(name).directory().raft_log);
    cluster.run_for(seconds(2));
    for (const std::string& name : cluster.names()) {  // and once more, from what is on disk
      cluster.lose_power(name);
      cluster.start(name);
    }
    cluster.wait_for_leader();
    cluster.settle();
    for (const auto& [key, value] : done)
      for (const std::string& name : cluster.names())
        CHECK((cluster.get(name, key).value == value));
    for (const auto& each : votes) votes_ahead += each->count;
  }
  CHECK(leaders_killed > 100);
  CHECK(votes_ahead > 20);
}
