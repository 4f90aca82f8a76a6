// Schedules found by review: each one broke a promise, or hung a node, before the fix that stands
// beside it.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "support/virtual_cluster.hpp"

using namespace causeway;
using causeway::testing::cluster_led_by_others;
using causeway::testing::VirtualCluster;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using State = AwaitResult::State;

namespace {

using Name = VirtualCluster::Name;

const Response& response_of(const wire::Reply& reply) {
  return std::get<Response>(std::get<wire::Answer>(reply));
}

}  // namespace

TEST_CASE(
    "offline sets of few keys while the reconciler settles them, and kill -9: the node keeps its "
    "origin, and every token has one verdict") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    VirtualCluster cluster({.seed = seed});
    cluster.start_all();
    cluster.wait_for_leader();
    Random random(seed);
    const Origin origin = cluster.node("3").directory().origin;
    std::vector<VirtualCluster::CallNumber> calls;
    for (int round = 0; round < 5; ++round) {
      for (int i = 0; i < 300; ++i) {
        calls.push_back(cluster.begin_set("3",
                                          std::string(1, static_cast<char>('a' + random.below(2))),
                                          std::to_string(i), false));
        cluster.run_for(microseconds(random.below(300)));
      }
      cluster.kill("3", random.below(50));
      cluster.start("3");
    }
    cluster.settle();
    CHECK(cluster.node("3").directory().origin == origin);
    CHECK_FALSE(cluster.ended_by_itself.contains("3"));
    for (const auto call : calls) {
      const wire::Reply* reply = cluster.reply(call);
      if (reply == nullptr) continue;
      const AwaitResult fate = cluster.await("3", response_of(*reply).token, 0);
      CHECK((fate.state == State::won || fate.state == State::replaced));
    }
  }
}

TEST_CASE("a full disk under load: the Raft log keeps its order, and goes on when there is space") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    VirtualCluster cluster({.seed = seed, .raft_segment_bytes = 256u << 10});
    cluster.start_all();
    const Name leader = cluster.wait_for_leader();
    cluster.settle();
    const Name full = leader == "1" ? "2" : "1";
    cluster.node(full).late_reports = microseconds(200);
    sim::MemDisk& disk = cluster.node(full).directory().raft_log;
    disk.set_capacity(disk.bytes());
    std::vector<VirtualCluster::CallNumber> calls;
    for (int i = 0; i < 600; ++i) {
      calls.push_back(cluster.begin_set(leader, "k" + std::to_string(i), std::string(2000, 'v')));
      cluster.run_for(microseconds(100));
    }
    cluster.run_for(seconds(2));
    disk.set_capacity(UINT64_MAX);
    for (const auto call : calls) CHECK(response_of(cluster.wait(call)).valid);
    cluster.settle();
    cluster.kill(full, 0);
    cluster.start(full);
    cluster.settle();
    CHECK(cluster.get(full, "k599", false).valid);
  }
}

TEST_CASE("outcome of a start that no log knows ends, with did_not_happen") {
  const auto cluster = cluster_led_by_others();
  cluster->partition({{"1", "2"}, {"3"}});
  cluster->kill("3");
  cluster->start("3");  // its start record cannot reach a log
  const auto call = cluster->begin_set("3", "k", "v", true, 100, InDoubt::report);
  CHECK(response_of(cluster->wait(call)).timeout);
  const Origin origin = cluster->node("3").directory().origin;
  cluster->heal();
  cluster->settle();
  char operation[64];
  std::snprintf(operation, sizeof operation, "%016llx-00000000000000aa-1",
                static_cast<unsigned long long>(origin.value));
  CHECK(cluster->outcome("3", operation, 5000).state == OutcomeResult::State::did_not_happen);
}

TEST_CASE("a swap that expects more than a value can hold is refused at the door") {
  const auto cluster = cluster_led_by_others();
  wire::WriteCall write{.op = wire::WriteOp::swap, .key = "k", .value = Blob::copy_of("v")};
  write.expected = std::string((1u << 20) + 1, 'x');
  const auto& reply = cluster->wait(cluster->call("3", write));
  REQUIRE(std::holds_alternative<wire::CallError>(reply));
  CHECK(std::get<wire::CallError>(reply).error.code == Errc::too_large);
}

TEST_CASE("an awaited offline write is not coalesced away by a later set of its key") {
  const auto cluster = cluster_led_by_others();
  cluster->partition({{"1", "2"}, {"3"}});
  cluster->run_for(
      seconds(3));  // what is written while a majority seems to be there is proposed at once
  const std::string first = cluster->set("3", "k", "first", false).token;
  const auto awaited = cluster->call("3", wire::AwaitCall{.token = first});
  cluster->run_for(milliseconds(10));
  const std::string second = cluster->set("3", "k", "second", false).token;
  const std::string third = cluster->set("3", "k", "third", false).token;
  cluster->heal();
  const auto& reply = cluster->wait(awaited);
  CHECK(std::get<AwaitResult>(std::get<wire::Answer>(reply)).state == State::won);
  CHECK(cluster->await("3", second).state == State::replaced);
  CHECK(cluster->await("3", third).state == State::won);
  CHECK(cluster->get("1", "k").value == "third");
}

TEST_CASE(
    "a copied directory moves to a new origin while callers write: every acknowledged write "
    "survives the move") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    VirtualCluster cluster({.seed = seed});
    cluster.start_all();
    cluster.wait_for_leader();
    cluster.settle();
    cluster.partition({{"1", "2"}, {"3"}});
    CHECK(cluster.set("3", "hot", "0", false).valid);
    cluster.kill("3");
    const sim::DataDirectory copy = cluster.node("3").directory();
    cluster.start("3");
    cluster.heal();
    CHECK(cluster.await("3", cluster.set("3", "b", "2", false).token).state == State::won);
    cluster.settle();
    cluster.kill("3");
    cluster.node("3").restore(copy);
    cluster.start("3");
    Random random(seed);
    struct Written {
      VirtualCluster::CallNumber call;
      std::string key;
      std::string value;
    };
    std::vector<Written> calls;
    for (int i = 0; cluster.node("3").running() && i < 50000; ++i) {
      const std::string key = random.below(2) == 0 ? "hot" : "key" + std::to_string(i);
      const std::string value = std::to_string(i);
      calls.push_back({cluster.begin_set("3", key, value, false), key, value});
      cluster.run_for(microseconds(random.below(200)));
    }
    REQUIRE_FALSE(cluster.node("3").running());
    cluster.start("3");
    cluster.settle();
    std::string hot = "0";
    for (const auto& [call, key, value] : calls) {
      const wire::Reply* reply = cluster.reply(call);
      if (reply == nullptr || !std::holds_alternative<wire::Answer>(*reply)) continue;
      CAPTURE(key);
      const AwaitResult fate = cluster.await("3", response_of(*reply).token, 0);
      // What was replaced before the move is not known behind it.
      if (key == "hot") {
        CHECK(fate.state != State::pending);
        hot = value;
      } else {
        CHECK((fate.state == State::won || fate.state == State::forgotten));  // 4096 are kept
        CHECK(cluster.get("3", key, false).value == value);
      }
    }
    CHECK(std::stoull(cluster.get("3", "hot").value) >=
          std::stoull(hot));  // one may not have been told
  }
}

TEST_CASE(
    "twenty large sets that waited for a leader go to its log, though they are more than a batch") {
  for (std::uint64_t seed = 1;; ++seed) {
    VirtualCluster cluster({.seed = seed, .raft_segment_bytes = 8u << 20});
    cluster.start("1");
    std::vector<VirtualCluster::CallNumber> calls;
    for (int i = 0; i < 20; ++i)
      calls.push_back(cluster.begin_set("1", "k" + std::to_string(i), std::string(1u << 20, 'v')));
    cluster.start("2");
    if (cluster.wait_for_leader() != "1") continue;
    for (const auto call : calls) CHECK(response_of(cluster.wait(call)).valid);
    break;
  }
}

TEST_CASE(
    "a leader that starts with as much uncommitted as it may hold does not spin over its start "
    "record") {
  testing::ClusterSettings settings;
  settings.raft_segment_bytes = 8u << 20;
  const auto cluster = cluster_led_by_others(settings);
  const Name leader = *cluster->leader();
  const Name other = leader == "1" ? "2" : "1";
  cluster->partition({{leader}, {other}, {"3"}});
  constexpr std::size_t kMax = 32u << 20;
  std::size_t used = 0;
  for (int i = 0; i < 31; ++i) {
    static_cast<void>(cluster->begin_set(leader, "k", std::string(1u << 20, 'v')));
    used += (1u << 20) + 72 + 64;
  }
  static_cast<void>(cluster->begin_set(leader, "k", std::string(kMax - used - 72 - 64 - 8, 'v')));
  cluster->run_for(milliseconds(500));
  cluster->kill(leader);
  cluster->heal();
  cluster->kill(other);
  cluster->start(leader);
  CHECK(cluster->set(leader, "done", "yes").valid);
}

TEST_CASE("a full disk under the journal is not asked again and again") {
  const auto cluster = cluster_led_by_others({.journal_segment_bytes = 128u << 10});
  cluster->partition({{"1", "2"}, {"3"}});
  std::vector<std::string> tokens;
  for (int i = 0; i < 10; ++i)
    tokens.push_back(
        cluster->set("3", "k" + std::to_string(i), std::string(1000, 'v'), false).token);
  sim::MemDisk& disk = cluster->node("3").directory().journal;
  disk.set_capacity(disk.bytes());
  std::vector<VirtualCluster::CallNumber> refused;
  std::uint64_t lines = 0;
  cluster->on_log = [&](const Name& name, const node::LogLine& line) {
    if (name == "3" && line.level == node::LogLine::Level::error) ++lines;
  };
  for (int i = 0; i < 200; ++i) {
    const auto call =
        cluster->begin_set("3", "x" + std::to_string(i), std::string(1000, 'v'), false);
    if (std::holds_alternative<wire::CallError>(cluster->wait(call))) break;
  }
  CHECK(lines == 1);
  cluster->heal();
  cluster->run_for(seconds(10));
  CHECK(lines <= 100);  // every 200 ms at most
  disk.set_capacity(UINT64_MAX);
  for (const std::string& token : tokens) CHECK(cluster->await("3", token).state == State::won);
  cluster->settle();
}

TEST_CASE(
    "silent when idle: heartbeats alone, no write, and few turns; alone, only tries to be "
    "elected") {
  const auto cluster = cluster_led_by_others();
  CHECK(cluster->await("3", cluster->set("3", "k", "v", false).token).state == State::won);
  CHECK(cluster->set("1", "k", "w").valid);
  cluster->settle();
  cluster->run_for(seconds(5));
  std::uint64_t turns = 0;
  std::uint64_t writes = 0;
  std::uint64_t messages = 0;
  std::uint64_t others = 0;
  for (const Name& name : cluster->names()) {
    cluster->node(name).on_effects = [&](const node::Effects& out) {
      ++turns;
      writes += out.raft_log.size() + out.journal.size() + out.applier.size() + (out.mark ? 1 : 0);
      for (const node::PeerSend& send : out.messages) {
        ++messages;
        const bool heartbeat = std::holds_alternative<consensus::AppendEntries>(send.message) ||
                               std::holds_alternative<consensus::AppendEntriesReply>(send.message);
        if (!heartbeat) ++others;
      }
    };
  }
  cluster->run_for(seconds(60));
  CHECK(writes == 0);
  CHECK(others == 0);
  CHECK(messages <= 4 * 601);
  CHECK(turns <= 10 * 600);

  cluster->partition({{"1", "2"}, {"3"}});
  const std::string token = cluster->set("3", "x", "y", false).token;
  const auto waiting = cluster->begin_set("3", "z", "z");
  const auto reading = cluster->begin_get("3", "x");
  cluster->run_for(seconds(5));
  turns = writes = messages = 0;
  cluster->node("1").on_effects = cluster->node("2").on_effects = {};
  cluster->run_for(seconds(60));
  CHECK(writes == 0);
  CHECK(messages == 0);
  CHECK(turns <= 200);
  cluster->heal();
  CHECK(cluster->await("3", token).state == State::won);
  CHECK(response_of(cluster->wait(waiting)).valid);
  CHECK(response_of(cluster->wait(reading)).value == "y");
}

TEST_CASE(
    "a copied directory is killed again and again while it moves to a new origin: it loses nothing "
    "and settles nothing twice") {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    VirtualCluster cluster({.seed = seed});
    cluster.start_all();
    cluster.wait_for_leader();
    cluster.settle();
    Random random(seed);
    cluster.partition({{"1", "2"}, {"3"}});
    cluster.run_for(seconds(2));
    std::vector<std::string> tokens;
    tokens.push_back(cluster.set("3", "old", "1", false).token);
    for (int i = 0; i < 3; ++i) CHECK(cluster.set("3", "again", std::to_string(i), false).valid);
    cluster.kill("3");
    const sim::DataDirectory without = cluster.node("3").directory();
    cluster.start("3");
    for (int i = 0; i < 40; ++i)  // only the copy knows of these
      tokens.push_back(
          cluster.set("3", "copy" + std::to_string(i), std::to_string(i), false).token);
    cluster.kill("3");
    const sim::DataDirectory copy = cluster.node("3").directory();
    cluster.node("3").restore(without);
    cluster.start("3");
    cluster.heal();
    const std::string other = cluster.set("3", "other", "1", false).token;  // the original goes on
    CHECK(cluster.await("3", other).state == State::won);
    CHECK(cluster.set("1", "old", "newer").valid);
    CHECK(cluster.set("1", "again", "newer").valid);
    cluster.settle();
    cluster.kill("3");
    cluster.node("3").restore(copy);
    for (int i = 0; i < 12; ++i) {
      if (cluster.node("3").running()) {
        random.below(2) == 0 ? cluster.kill("3", random.below(3)) : cluster.lose_power("3");
      }
      REQUIRE(cluster.try_start("3"));
      cluster.run_for(microseconds(random.below(i < 6 ? 12'000 : 1'500'000)));
    }
    if (!cluster.node("3").running()) REQUIRE(cluster.try_start("3"));
    cluster.run_for(seconds(5));
    if (!cluster.node("3").running()) cluster.start("3");
    cluster.settle();
    CHECK(cluster.node("3").directory().origin != copy.origin);
    for (int i = 0; i < 40; ++i) {
      CAPTURE(i);
      CHECK(cluster.get("1", "copy" + std::to_string(i)).value == std::to_string(i));
    }
    CHECK(cluster.get("1", "old").value == "newer");
    CHECK(cluster.get("1", "again").value == "newer");
    CHECK(cluster.get("1", "other").value == "1");
    for (const std::string& token : tokens) {
      CAPTURE(token);
      CHECK(cluster.await("3", token, 0).state != State::pending);
    }
  }
}

TEST_CASE(
    "what an answer says of a write is true for good: done is there, timeout and unavailable never "
    "come") {
  for (std::uint64_t seed = 1; seed <= 25; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    VirtualCluster cluster({.seed = seed,
                            .election_timeout = milliseconds(100),
                            .heartbeat_interval = milliseconds(20),
                            .loss_per_mille = random.below(200)});
    cluster.start_all();
    cluster.wait_for_leader();
    for (const Name& name : cluster.names())
      cluster.node(name).late_reports = microseconds(random.below(3) * 300);
    std::map<VirtualCluster::CallNumber, std::pair<Name, std::string>> calls;
    std::map<Name, VirtualCluster::CallNumber> killed;  // calls up to these have lost their node
    for (int i = 0; i < 700; ++i) {
      const Name name = cluster.names()[random.below(3)];
      if (cluster.node(name).running() && cluster.ready_nodes.contains(name)) {
        const std::string key = "k" + std::to_string(i);
        const std::optional<std::uint64_t> budget =
            random.below(6) == 0 ? std::nullopt : std::optional(random.below(40));
        calls[cluster.begin_set(name, key, "v", true, budget,
                                random.below(2) == 0 ? InDoubt::report : InDoubt::wait)] = {name,
                                                                                            key};
      }
      if (random.below(25) == 0) {
        const Name victim = cluster.names()[random.below(3)];
        switch (random.below(6)) {
          case 0:
            if (cluster.node(victim).running()) cluster.kill(victim, random.below(5));
            if (!calls.empty()) killed[victim] = calls.rbegin()->first;
            break;
          case 1:
            if (!cluster.node(victim).running()) break;
            cluster.stop(victim);
            for (const auto& [call, made] : calls) {  // it answers all that waits
              if (made.first != victim || call <= killed[victim]) continue;
              CAPTURE(made.second);
              CHECK(cluster.reply(call) != nullptr);
            }
            break;
          case 2: cluster.partition({{victim}, {cluster.names()[random.below(3)]}}); break;
          case 3:
          case 4: cluster.heal(); break;
          default: break;
        }
      }
      if (random.below(20) == 0) {
        for (const Name& each : cluster.names()) {
          if (!cluster.node(each).running()) REQUIRE(cluster.try_start(each));
        }
      }
      cluster.run_for(microseconds(random.below(3000)));
    }
    cluster.heal();
    for (const Name& each : cluster.names()) {
      if (!cluster.node(each).running()) REQUIRE(cluster.try_start(each));
    }
    cluster.run_for(seconds(10));
    cluster.settle();
    std::size_t timeouts = 0;
    for (const auto& [call, made] : calls) {
      const wire::Reply* reply = cluster.reply(call);
      if (reply == nullptr) continue;  // its node was killed
      const auto& [name, key] = made;
      CAPTURE(key);
      bool happened = false;
      if (const auto* error = std::get_if<wire::CallError>(reply)) {
        if (error->error.code == Errc::in_doubt) {
          const OutcomeResult outcome = cluster.outcome(name, error->operation, 5000);
          CHECK(outcome.state != OutcomeResult::State::pending);
          if (outcome.state == OutcomeResult::State::forgotten) continue;
          happened = outcome.state == OutcomeResult::State::done;
        }
      } else {
        happened = response_of(*reply).valid;
        if (response_of(*reply).timeout) ++timeouts;
      }
      CHECK(cluster.get("1", key).valid == happened);
    }
    CHECK(timeouts > 5);
  }
}

namespace {

/// Every node writes keys of its own, offline, as fast as it is answered, while disks fill up,
/// nodes die and the network falls apart.
class Flood {
 public:
  explicit Flood(std::uint64_t seed)
      : random_(seed),
        cluster_({.seed = random_.next(),
                  .election_timeout = milliseconds(300),
                  .heartbeat_interval = milliseconds(50),
                  .raft_segment_bytes = 256u << 10,
                  .journal_segment_bytes = 128u << 10}) {
    cluster_.on_answer = [this](const Name&, node::CallHandle handle, const wire::Reply& reply) {
      answered(handle.call, reply);
    };
    cluster_.on_log = [this](const Name& name, const node::LogLine& line) {
      if (line.text.find("takes a new origin") != std::string::npos) moved_.insert(name);
    };
    for (const Name& name : cluster_.names()) {
      if (random_.below(3) != 0)
        cluster_.node(name).late_reports = microseconds(50 + random_.below(400));
    }
  }

  void run() {
    cluster_.start_all();
    const Instant end = cluster_.time().now() + milliseconds(6000);
    while (cluster_.time().now() < end) {
      for (const Name& name : cluster_.names()) {
        if (usable(name) && open_[name] < 6) write(name);
      }
      if (random_.below(150) == 0) fault();
      cluster_.run_for(microseconds(random_.below(400)));
    }
    calm();
    judge();
  }

 private:
  struct Written {
    Name node;
    std::string key;
    std::uint64_t number = 0;
  };

  bool usable(const Name& name) {
    return cluster_.node(name).running() && cluster_.ready_nodes.contains(name);
  }

  void write(const Name& name) {
    const std::string key = name + static_cast<char>('a' + random_.below(3));
    const std::uint64_t number = ++numbers_;
    if (random_.below(8) == 0) {
      const auto get = cluster_.begin_get(name, key, true, 500);
      reads_[get] = {name, key, acknowledged_[key]};
      ++open_[name];
      return;
    }
    const auto call = cluster_.begin_set(
        name, key, std::to_string(number) + std::string(random_.below(2000), '.'), false);
    calls_[call] = {name, key, number};
    ++open_[name];
  }

  void answered(std::uint64_t call, const wire::Reply& reply) {
    const auto* answer = std::get_if<wire::Answer>(&reply);
    if (const auto read = reads_.find(call); read != reads_.end()) {
      --open_[read->second.node];
      if (answer != nullptr) {
        const Response& response = std::get<Response>(*answer);
        if (!response.timeout) {
          CAPTURE(read->second.key);
          CHECK((response.valid ? std::stoull(response.value) : 0) >= read->second.number);
        }
      }
      reads_.erase(read);
      return;
    }
    const auto found = calls_.find(call);
    if (found == calls_.end()) return;
    --open_[found->second.node];
    if (answer != nullptr) {
      std::uint64_t& newest = acknowledged_[found->second.key];
      newest = std::max(newest, found->second.number);
      ++acknowledgements_;
    }
    calls_.erase(found);
  }

  void forget_calls_of(const Name& name) {
    std::erase_if(calls_, [&](const auto& item) { return item.second.node == name; });
    std::erase_if(reads_, [&](const auto& item) { return item.second.node == name; });
    open_[name] = 0;
  }

  void fault() {
    const Name name = cluster_.names()[random_.below(cluster_.names().size())];
    sim::Machine& node = cluster_.node(name);
    switch (random_.below(9)) {
      case 0:
      case 1:
        if (!node.running()) return;
        random_.below(2) == 0 ? cluster_.kill(name, random_.below(5)) : cluster_.lose_power(name);
        forget_calls_of(name);
        return;
      case 2:
      case 3:
      case 4:
        if (!node.running()) start(name);
        return;
      case 5: {
        std::vector<std::set<Name>> groups(2);
        for (const Name& each : cluster_.names()) groups[random_.below(2)].insert(each);
        cluster_.partition(groups);
        return;
      }
      case 6: cluster_.heal(); return;
      case 7: {
        sim::MemDisk& disk =
            random_.below(2) == 0 ? node.directory().journal : node.directory().raft_log;
        disk.set_capacity(disk.bytes() + random_.below(300u << 10));
        return;
      }
      default:
        node.directory().journal.set_capacity(UINT64_MAX);
        node.directory().raft_log.set_capacity(UINT64_MAX);
        return;
    }
  }

  void start(const Name& name) {
    const auto started = cluster_.try_start(name);
    if (!started && started.error().code != Errc::disk_full)
      FAIL("node ", name, " does not start: ", started.error().detail);
  }

  void calm() {
    cluster_.heal();
    for (const Name& name : cluster_.names()) {
      cluster_.node(name).directory().journal.set_capacity(UINT64_MAX);
      cluster_.node(name).directory().raft_log.set_capacity(UINT64_MAX);
      if (!cluster_.node(name).running()) start(name);
    }
    REQUIRE(
        cluster_.run_until([&] { return cluster_.ready_nodes.size() == cluster_.names().size(); }));
    REQUIRE(cluster_.run_until([&] { return calls_.empty() && reads_.empty(); }));
    cluster_.settle();
  }

  void judge() {
    for (const auto& [name, error] : cluster_.ended_by_itself) {
      if (error) FAIL("node ", name, " failed: ", error->detail);
    }
    CHECK(moved_.empty());
    CHECK(acknowledgements_ > 500);
    for (const auto& [key, number] : acknowledged_) {
      CAPTURE(key);
      const Response here = cluster_.get("1", key);
      if (number != 0) CHECK(std::stoull(here.value) >= number);
      for (const Name& name : cluster_.names())
        CHECK(cluster_.get(name, key, false).value == here.value);
    }
    const auto rows = cluster_.node("1").directory().table.replicated();
    for (const Name& name : cluster_.names())
      CHECK(cluster_.node(name).directory().table.replicated() == rows);
  }

  Random random_;
  VirtualCluster cluster_;
  std::map<std::uint64_t, Written> calls_;
  std::map<std::uint64_t, Written> reads_;
  std::map<Name, int> open_;
  std::map<std::string, std::uint64_t> acknowledged_;
  std::set<Name> moved_;
  std::uint64_t numbers_ = 0;
  std::uint64_t acknowledgements_ = 0;
};

}  // namespace

TEST_CASE(
    "a flood of offline writes through full disks, kills and cuts: none that was acknowledged is "
    "lost, none undone by an older one, no node takes itself for a copy") {
  const char* only = std::getenv("CAUSEWAY_FLOOD");
  const std::uint64_t first = only == nullptr ? 1 : std::strtoull(only, nullptr, 10);
  const char* many = std::getenv("CAUSEWAY_FLOODS");
  const std::uint64_t count = only != nullptr   ? 1
                              : many != nullptr ? std::strtoull(many, nullptr, 10)
                                                : 5;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    INFO("replay with CAUSEWAY_FLOOD=", seed);
    Flood(seed).run();
  }
}
