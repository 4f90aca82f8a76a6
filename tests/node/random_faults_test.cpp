// Random faults over whole clusters in virtual time (weather.hpp), all at once.
//
// While they go on, clients write and read everywhere, consistently and offline. Then the faults
// end, and the cluster must come to rest with everything explained: the consistent history is
// linearizable, each answer keeps what the answers before it promised (promises.hpp), Raft keeps
// its laws (raft_laws.hpp). A failure prints its seed: CAUSEWAY_SEED=N runs that one alone,
// CAUSEWAY_SEEDS=N runs N fresh ones.
#include <cstdlib>
#include <deque>

#include <doctest/doctest.h>

#include "crdt/dot.hpp"
#include "node/promises.hpp"
#include "node/raft_laws.hpp"
#include "node/weather.hpp"
#include "sim/linearizability.hpp"
#include "support/virtual_cluster.hpp"

using namespace causeway;
using causeway::sim::Operation;
using causeway::testing::Observed;
using causeway::testing::VirtualCluster;
using std::chrono::milliseconds;

namespace {

using Name = VirtualCluster::Name;
using Death = testing::Weather::Death;

class Storm {
 public:
  explicit Storm(std::uint64_t seed)
      : random_(seed),
        cluster_({.seed = random_.next(),
                  .nodes = 2 * random_.below(2) + 3,
                  .election_timeout = milliseconds(300),
                  .heartbeat_interval = milliseconds(50),
                  .raft_segment_bytes = 80u << 10,  // of which 64 are kept for votes
                  .journal_segment_bytes = 80u << 10,
                  .loss_per_mille = random_.below(3) == 0 ? random_.below(50) : 0}) {
    for (const Name& name : cluster_.names()) {
      if (random_.below(4) == 0)
        cluster_.node(name).clocks.wall_offset_ms =
            static_cast<std::int64_t>(random_.below(40)) * 31'536'000'000 - 600'000'000'000;
    }
    cluster_.on_answer = [this](const Name&, node::CallHandle handle, const wire::Reply& reply) {
      answered(handle.call, reply);
    };
    cluster_.lets_pass = [this](const Name& from, const Name& to,
                                const consensus::Message& message) {
      laws_.sent(from, to, message);
      return weather_.passes(from, to, message);
    };
    weather_.on_death = [this](const Name& name, Death death) {
      forget_calls_of(name);
      if (death == Death::power) promises_.power_lost(name, now());
      if (death == Death::wipe) forget_promises_of(name);
    };
    for (int i = 0; i < 5; ++i) clients_.push_back({});
  }

  void run() {
    for (const Name& name : cluster_.names()) REQUIRE(cluster_.try_start(name));
    const Instant end = cluster_.time().now() + milliseconds(8000);
    while (cluster_.time().now() < end) {
      for (std::size_t i = 0; i < clients_.size(); ++i) {
        if (!clients_[i] && random_.below(3) != 0) begin(static_cast<int>(i));
      }
      if (random_.below(30) == 0) weather_.strike();
      cluster_.run_for(milliseconds(1 + random_.below(20)));
    }
    calm();
    judge();
  }

  std::size_t offline_writes() const { return tokens_.size(); }
  std::size_t operations() const { return history_.size(); }
  std::size_t pairs_judged() const { return promises_.pairs_judged(); }
  const std::map<std::string, std::size_t>& struck() const { return weather_.struck; }

 private:
  struct Open {
    Operation operation;
    Name node;
    bool offline = false;
    bool local_get = false;
    int client = 0;
  };
  struct Offline {
    Name node;
    std::string token;
    std::string value;
  };
  struct InDoubt {
    Name node;
    std::string operation;
    std::size_t at = 0;  ///< in history_
  };

  std::uint64_t now() {
    return static_cast<std::uint64_t>(cluster_.time().now().since_start.count());
  }
  Name any_node() { return cluster_.names()[random_.below(cluster_.names().size())]; }

  void begin(int client) {
    const Name name = any_node();
    if (!weather_.usable(name) || (weather_.paused(name) && random_.below(4) != 0)) return;
    Open open{.operation = {}, .node = name, .offline = random_.below(3) == 0, .client = client};
    Operation& operation = open.operation;
    operation.client = client;
    operation.key = std::string(1, static_cast<char>('a' + random_.below(4)));
    operation.called = now();
    operation.outcome = Operation::Outcome::unknown;
    const std::string value = "v" + std::to_string(++values_);
    std::optional<std::uint64_t> timeout;
    if (random_.below(3) != 0) timeout = 50 + random_.below(1500);
    const std::uint64_t kind = random_.below(10);
    open.local_get = kind >= 8 && !open.offline;
    wire::Call call =
        wire::GetCall{.key = operation.key, .consistent = !open.local_get, .timeout_ms = timeout};
    if (kind < 4 || open.offline) {
      wire::WriteCall write{.op = wire::WriteOp::set,
                            .key = operation.key,
                            .value = Blob::copy_of(value),
                            .consistent = !open.offline,
                            .timeout_ms = timeout};
      write.in_doubt = random_.below(2) == 0 ? causeway::InDoubt::report : causeway::InDoubt::wait;
      operation.kind = Operation::Kind::set;
      operation.written = value;
      if (kind == 3) {
        write.op = wire::WriteOp::remove;
        write.value = Blob();
        operation.kind = Operation::Kind::remove;
        operation.written.reset();
      } else if (kind == 2 && !open.offline) {
        write.op = wire::WriteOp::swap;
        operation.kind = Operation::Kind::swap;
        if (random_.below(4) != 0) operation.expected = seen_[operation.key];
        write.expected = operation.expected;
      }
      call = std::move(write);
    }
    const auto number = cluster_.call(name, std::move(call));
    clients_[static_cast<std::size_t>(client)] = number;
    open_.emplace(number, std::move(open));
  }

  void answered(std::uint64_t call, const wire::Reply& reply) {
    const auto found = open_.find(call);
    if (found == open_.end()) return;
    Open open = std::move(found->second);
    open_.erase(found);
    clients_[static_cast<std::size_t>(open.client)].reset();
    Operation& operation = open.operation;
    operation.answered = now();
    const auto* error = std::get_if<wire::CallError>(&reply);
    if (open.local_get) {
      if (error != nullptr) {
        CHECK((error->error.code == Errc::no_data || error->error.code == Errc::unavailable));
      } else {
        observe(open, Observed::Kind::local_get, std::get<Response>(std::get<wire::Answer>(reply)));
      }
      return;
    }
    if (error != nullptr) {
      if (error->error.code == Errc::in_doubt) {
        in_doubt_.push_back({open.node, error->operation, history_.size()});
      } else {
        operation.outcome = Operation::Outcome::did_not_happen;
      }
      history_.push_back(std::move(operation));
      return;
    }
    const Response& response = std::get<Response>(std::get<wire::Answer>(reply));
    if (open.offline) {  // takes effect at an unknown time, once at most
      tokens_.push_back({open.node, response.token, operation.written.value_or("")});
      observe(open, Observed::Kind::offline_write, response);
      history_.push_back(std::move(operation));
      return;
    }
    operation.outcome = Operation::Outcome::done;
    CHECK_FALSE(response.pending);
    if (!response.timeout) observe(open, Observed::Kind::consistent, response);
    if (response.timeout) {
      operation.outcome = Operation::Outcome::did_not_happen;
    } else if (operation.kind == Operation::Kind::get) {
      if (response.valid) operation.found = response.value;
      seen_[operation.key] = operation.found;
    } else if (operation.kind == Operation::Kind::remove) {
      operation.was_there = response.valid;
    } else if (operation.kind == Operation::Kind::swap && !response.valid) {
      operation.outcome = Operation::Outcome::mismatch;
      if (!response.absent) operation.found = response.value;
      seen_[operation.key] = operation.found;
    }
    history_.push_back(std::move(operation));
  }

  void observe(const Open& open, Observed::Kind kind, const Response& response) {
    const bool write = open.operation.kind != Operation::Kind::get;
    const bool took_place = response.valid || open.operation.kind == Operation::Kind::remove;
    promises_.observe({.kind = kind,
                       .writes = write && took_place,
                       .node = open.node,
                       .key = open.operation.key,
                       .called = open.operation.called,
                       .answered = now(),
                       .response = response});
  }

  /// The node's callers will never hear of their calls.
  void forget_calls_of(const Name& name) {
    std::erase_if(open_, [&](auto& item) {
      if (item.second.node != name) return false;
      clients_[static_cast<std::size_t>(item.second.client)].reset();
      if (item.second.operation.kind != Operation::Kind::get)
        history_.push_back(std::move(item.second.operation));
      return true;
    });
  }

  void calm() {
    weather_.clear_up();
    REQUIRE(
        cluster_.run_until([&] { return cluster_.ready_nodes.size() == cluster_.names().size(); }));
    // Every call that waits is decided now: a majority is there.
    REQUIRE(cluster_.run_until([&] { return open_.empty(); }));
    cluster_.settle();
  }

  /// A new directory stands under this name: nobody can tell what became of the old one's writes.
  void forget_promises_of(const Name& name) {
    laws_.forget(name);
    promises_.forget(name);
    std::erase_if(tokens_, [&](const Offline& write) { return write.node == name; });
    std::erase_if(in_doubt_, [&](const InDoubt& doubt) { return doubt.node == name; });
  }

  void judge() {
    for (const auto& [name, error] : cluster_.ended_by_itself) {
      if (error) FAIL("node ", name, " failed: ", error->detail);
    }
    testing::Promises::Fates fates;
    const std::set<std::string> listed_losers = losers();
    for (const Offline& write : tokens_) {
      const AwaitResult fate = cluster_.await(write.node, write.token, 0);
      CAPTURE(write.token);
      CHECK(fate.state != AwaitResult::State::pending);
      CHECK(fate.state != AwaitResult::State::forgotten);
      CHECK(fate.state != AwaitResult::State::rejected);
      CHECK(fates.emplace(write.token, fate).second);
      if (fate.state == AwaitResult::State::superseded && !write.value.empty()) {
        INFO("promise 7: a superseded value is listed: ", write.value);
        CHECK(listed_losers.contains(write.value));
      }
      if (fate.state != AwaitResult::State::won && !write.value.empty()) {
        lost_values_.insert(write.value);
      }
    }
    promises_.judge(fates);
    for (const InDoubt& doubt : in_doubt_) {
      const OutcomeResult outcome = cluster_.outcome(doubt.node, doubt.operation, 30'000);
      CAPTURE(doubt.operation);
      CHECK(outcome.state != OutcomeResult::State::pending);
      if (outcome.state == OutcomeResult::State::did_not_happen)
        history_[doubt.at].outcome = Operation::Outcome::did_not_happen;
      if (outcome.state == OutcomeResult::State::mismatch)
        history_.at(doubt.at).outcome = Operation::Outcome::did_not_happen;
    }
    const Name first = cluster_.names().front();
    for (const std::string key : {"a", "b", "c", "d"}) {
      const Response here = cluster_.get(first, key);
      CHECK_FALSE(lost_values_.contains(here.value));
      for (const Name& name : cluster_.names()) {
        CHECK(cluster_.get(name, key).value == here.value);
        CHECK(cluster_.get(name, key, false).value == here.value);
      }
      Operation last{.key = key,
                     .kind = Operation::Kind::get,
                     .called = now(),
                     .answered = now() + 1,
                     .outcome = Operation::Outcome::done};
      if (here.valid) last.found = here.value;
      history_.push_back(last);
    }
    cluster_.settle();
    const auto rows = cluster_.node(first).directory().table.replicated();
    for (const Name& name : cluster_.names())
      CHECK(cluster_.node(name).directory().table.replicated() == rows);

    const auto verdict = sim::check_linearizable(history_);
    CAPTURE(verdict.explanation);
    CHECK(verdict.kind == sim::HistoryVerdict::Kind::linearizable);
  }

  /// Values in the list of conflicts.
  std::set<std::string> losers() {
    std::set<std::string> values;
    std::string cursor;
    do {
      const auto call = cluster_.call(cluster_.names().front(),
                                      wire::ConflictsCall{.limit = 100, .cursor = cursor});
      const auto& page = std::get<ConflictPage>(std::get<wire::Answer>(cluster_.wait(call)));
      for (const ConflictItem& item : page.items) {
        if (item.lost.value) values.insert(*item.lost.value);
      }
      cursor = page.cursor;
    } while (!cursor.empty());
    return values;
  }

  Random random_;
  VirtualCluster cluster_;
  std::vector<std::optional<std::uint64_t>> clients_;  ///< the call that each waits for
  std::map<std::uint64_t, Open> open_;
  std::vector<Operation> history_;
  std::vector<Offline> tokens_;
  std::vector<InDoubt> in_doubt_;
  std::set<std::string> lost_values_;
  std::map<std::string, std::optional<std::string>> seen_;
  testing::Weather weather_{cluster_, random_};
  testing::RaftLaws laws_;
  testing::Promises promises_;
  std::uint64_t values_ = 0;
};

std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

TEST_CASE(
    "after any storm the cluster comes to rest: linearizable, every offline write with one "
    "verdict, equal everywhere") {
  const std::uint64_t only = number_from_environment("CAUSEWAY_SEED", 0);
  const std::uint64_t first = only != 0 ? only : 1;
  const std::uint64_t count = only != 0 ? 1 : number_from_environment("CAUSEWAY_SEEDS", 40);
  std::size_t operations = 0;
  std::size_t offline = 0;
  std::size_t pairs = 0;
  std::map<std::string, std::size_t> struck;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    CAPTURE(seed);
    INFO("replay with CAUSEWAY_SEED=", seed);
    Storm storm(seed);
    storm.run();
    operations += storm.operations();
    offline += storm.offline_writes();
    pairs += storm.pairs_judged();
    for (const auto& [fault, times] : storm.struck()) struck[fault] += times;
  }
  MESSAGE(count, " storms, ", operations, " operations, ", offline, " offline writes");
  CHECK(operations > 20 * count);
  CHECK(offline > 5 * count);
  CHECK(pairs > 1000 * count);
  if (count < 20) return;
  for (const char* fault : {"kill", "power loss", "blackout", "stop", "pause", "partition",
                            "lost kind", "full disk", "clock"}) {
    INFO("a fault that never happened shows nothing: ", std::string(fault));
    CHECK(struck[fault] > count / 20);
  }
}
