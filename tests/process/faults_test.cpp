// The histories of real processes: clients work through three daemons, each in a network namespace
// of its own, while nodes are killed, stopped and cut off and their wall clocks step. When all is
// whole again, the promises must explain everything that clients saw.
//
//     CAUSEWAY_MINUTES=10 CAUSEWAY_SEED=1 how long (default 1), and which faults (default: others
//     each time)

#include "faults.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <utility>

#include <doctest/doctest.h>

#include "cluster.hpp"
#include "load.hpp"
#include "sim/linearizability.hpp"
#include "trouble.hpp"
#include "verdicts.hpp"

using namespace causeway;
using namespace causeway::test;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

using Number = Cluster::Number;
using Kind = Operation::Kind;
using State = AwaitResult::State;
using Outcome = Operation::Outcome;

constexpr std::size_t kStepsARound = 16;
constexpr milliseconds kTenElectionTimeouts{4000};  // of cluster.cpp
// What must succeed then may take so long. Nobody waits for it: it only says that nothing is stuck.
constexpr milliseconds kSoon{20000};

// Results of so many starts of a node are kept (kIncarnationsMax in kv/limits).
constexpr std::size_t kStartsKept = 4;

double minutes() {
  const char* const wanted = std::getenv("CAUSEWAY_MINUTES");
  return wanted != nullptr ? std::strtod(wanted, nullptr) : 1.0;
}

std::string list_of(const std::map<std::string, std::size_t>& counts) {
  std::string text;
  for (const auto& [name, count] : counts) {
    text += (text.empty() ? "" : ", ") + name + " " + std::to_string(count);
  }
  return text;
}

class Storm {
 public:
  Storm(std::uint64_t seed, Network& network)
      : seed_(seed), network_(network), cluster_(network), faults_(cluster_, network, seed) {
    cluster_.keep_after_failure();
    cluster_.start_all();
    cluster_.wait_for_leader();
  }
  ~Storm() {
    std::ofstream file(cluster_.directory() / "history.txt");
    for (const Operation& operation : history_) file << to_string(operation) << '\n';
  }

  void round(std::uint64_t number);
  void summary() const;

 private:
  void trouble_under_load(std::uint64_t number);
  void probe();
  void resolve_doubts(Seen& seen);
  void settle(const std::vector<Seen>& all);
  void check_local_reads();
  void check_whole();

  const std::uint64_t seed_;
  Network& network_;
  Cluster cluster_;
  Faults faults_;
  std::vector<Seen> seen_;          // of this round
  std::vector<Operation> history_;  // of all rounds, offline writes that count among them
  std::vector<LocalRecord> local_;  // of all rounds
  std::set<std::string> never_;     // values that never came to be
  std::map<std::string, std::size_t> verdicts_;
  std::map<std::string, std::size_t> doubts_;
  std::set<std::string> tokens_;
  std::size_t probes_ = 0;
  milliseconds longest_probe_{0};
  std::size_t keys_ = 0;
  std::uint64_t checker_steps_ = 0;
};

void Storm::round(std::uint64_t number) {
  trouble_under_load(number);
  CHECK(surprises_of(seen_) == "");
  cluster_.wait_for_leader();
  for (Seen& seen : seen_) resolve_doubts(seen);
  settle(seen_);
  for (const Seen& seen : seen_) {
    history_.insert(history_.end(), seen.history.begin(), seen.history.end());
    local_.insert(local_.end(), seen.local.begin(), seen.local.end());
  }
  for (const Operation& operation : history_) {
    if (operation.outcome == Outcome::did_not_happen && operation.written) {
      never_.insert(*operation.written);
    }
  }
  check_whole();
  check_local_reads();
  const HistoryVerdict verdict = check_linearizable(history_);
  checker_steps_ = verdict.steps;
  CAPTURE(verdict.explanation);
  REQUIRE(verdict.kind == HistoryVerdict::Kind::linearizable);
}

void Storm::trouble_under_load(std::uint64_t number) {
  LoadOptions options = load_options(cluster_);
  options.clients = 12;
  options.operations_max = SIZE_MAX;
  options.pause = milliseconds(15);
  options.seed = seed_;
  options.offline_percent = 25;
  options.local_percent = 15;
  options.varied_budgets = true;
  options.asks_for_verdicts = true;
  keys_ = options.keys;
  Load load(options, number);
  try {
    for (std::size_t step = 0; step < kStepsARound; ++step) {
      faults_.step();
      if (step == kStepsARound / 2) probe();
    }
    faults_.end();
    probe();
    load.stop();
    const bool ended = eventually([&] { return load.ended(); });
    REQUIRE_MESSAGE(ended, "a call has no answer, though all is whole");
  } catch (...) {
    cluster_.kill_all();  // so that every call has an answer, and the clients an end
    throw;
  }
  seen_ = load.finish();
}

// Availability: with a majority that hears each other, and no new fault for ten election timeouts,
// writes succeed. And whoever runs takes offline writes and answers local reads, whatever it hears.
void Storm::probe() {
  for (const Number node : faults_.answering()) {
    CAPTURE(node);
    const auto client = cluster_.client(node);
    REQUIRE(take(client->set("probe", "offline", kOffline)).valid);
    REQUIRE(take(client->get("probe", kLocal)).valid);
  }
  const std::vector<Number> nodes = faults_.with_majority();
  if (nodes.empty()) return;
  std::this_thread::sleep_for(kTenElectionTimeouts);
  for (const Number node : nodes) {
    CAPTURE(node);
    const auto begin = steady_clock::now();
    const Response written = take(cluster_.client(node)->set(
        "probe", "consistent", {.blocking = false, .timeout = kSoon, .in_doubt = InDoubt::report}));
    CHECK(written.valid);
    ++probes_;
    longest_probe_ = std::max(
        longest_probe_, std::chrono::duration_cast<milliseconds>(steady_clock::now() - begin));
  }
}

// What was in doubt is known by now, for good; only a node that was started anew may have
// forgotten.
void Storm::resolve_doubts(Seen& seen) {
  using Fate = OutcomeResult::State;
  for (const DoubtRecord& doubt : seen.doubts) {
    Operation& operation = seen.history[doubt.operation];
    const Number node = doubt.server + 1;
    CAPTURE(node);
    CAPTURE(doubt.id);
    CAPTURE(to_string(operation));
    const Fate state = take(cluster_.client(node)->outcome(doubt.id, kGuard)).state;
    CHECK(state != Fate::pending);
    switch (state) {
      case Fate::pending: break;
      case Fate::done:
        ++doubts_["done"];
        operation.outcome = Outcome::done;
        operation.answered = now_ns();
        operation.was_there.reset();
        break;
      case Fate::mismatch:  // it changed nothing, and what stood there was not told
        ++doubts_["mismatch"];
        operation.outcome = Outcome::did_not_happen;
        break;
      case Fate::did_not_happen:
        ++doubts_["did not happen"];
        operation.outcome = Outcome::did_not_happen;
        break;
      case Fate::forgotten:
        ++doubts_["forgotten"];
        CHECK(faults_.starts_since(node, operation.called) >= kStartsKept);
        break;
    }
  }
}

// Each acknowledged offline write has one verdict. Those that won stand in the history as what they
// are: writes that took effect at some moment until their verdict was known.
void Storm::settle(const std::vector<Seen>& all) {
  std::vector<OfflineRecord> records;
  for (const Seen& seen : all) {
    records.insert(records.end(), seen.offline.begin(), seen.offline.end());
  }
  const std::vector<Settled> settled = settle_all(cluster_, records);
  check_order(settled);
  check_replaced(settled);
  const auto add = [&](const OfflineRecord& record, Outcome outcome, std::uint64_t settled_by) {
    history_.push_back({.key = record.key,
                        .kind = record.value ? Kind::set : Kind::remove,
                        .called = record.called,
                        .answered = settled_by,
                        .outcome = outcome,
                        .written = record.value,
                        .client = 200 + static_cast<int>(record.server)});
  };
  for (const Settled& write : settled) {
    CAPTURE(write.record.token);
    const State state = write.verdict.state;
    CHECK((state == State::won || state == State::superseded || state == State::replaced));
    CHECK(tokens_.insert(write.record.token).second);
    ++verdicts_[text_of(state)];
    // One that lost did nothing to what consistent gets see, though its own node showed it: not one
    // for never_.
    if (state != State::won) continue;
    add(write.record, Outcome::done,
        write.record.settled_by != 0 ? write.record.settled_by : now_ns());
  }
  for (const OfflineRecord& record : records) {
    if (record.acknowledged) continue;
    ++verdicts_["not acknowledged"];
    add(record, Outcome::unknown, 0);
  }
}

// All nodes say the same, to consistent gets and to inconsistent ones, and nothing is pending.
void Storm::check_whole() {
  cluster_.wait_until_quiet();
  const std::vector<Operation> reads = read_everywhere(cluster_, keys_);
  for (Number node = 1; node <= cluster_.size(); ++node) {
    CAPTURE(node);
    const auto client = cluster_.client(node);
    CHECK(take(client->pending()).items.empty());
    for (const Operation& read : reads) {
      CAPTURE(read.key);
      const Response local = take(client->get(read.key, kLocal));
      CHECK_FALSE(local.pending);
      CHECK(local.valid == read.found.has_value());
      CHECK(local.value == read.found.value_or(""));
    }
  }
  history_.insert(history_.end(), reads.begin(), reads.end());
}

// Through one node the revision behind a key never falls, over restarts too; and nobody shows what
// never was.
void Storm::check_local_reads() {
  std::map<std::pair<std::size_t, std::string>, std::vector<const LocalRecord*>> by_place;
  for (const LocalRecord& read : local_) {
    if (read.value) {
      CAPTURE(*read.value);
      CHECK_FALSE(never_.contains(*read.value));
    }
    if (read.revision.value != 0) by_place[{read.server, read.key}].push_back(&read);
  }
  for (auto& [place, by_call] : by_place) {
    std::vector<const LocalRecord*> by_answer = by_call;
    std::sort(by_call.begin(), by_call.end(),
              [](const auto* a, const auto* b) { return a->called < b->called; });
    std::sort(by_answer.begin(), by_answer.end(),
              [](const auto* a, const auto* b) { return a->answered < b->answered; });
    LogIndex shown;  // by answers before the call
    std::size_t next = 0;
    for (const LocalRecord* read : by_call) {
      for (; by_answer[next]->answered < read->called; ++next) {
        shown = std::max(shown, by_answer[next]->revision);
      }
      CAPTURE(place.first + 1);
      CAPTURE(place.second);
      CAPTURE(read->called);
      CHECK(read->revision >= shown);
    }
  }
}

void Storm::summary() const {
  std::map<std::string, std::size_t> operations;
  std::map<std::string, std::size_t> outcomes;
  for (const Operation& operation : history_) {
    if (operation.client >= 100) continue;
    constexpr const char* kinds[] = {"get", "set", "swap", "delete"};
    constexpr const char* ends[] = {"done", "mismatch", "did not happen", "never known"};
    ++operations[kinds[operation.kind == Kind::get    ? 0
                       : operation.kind == Kind::set  ? 1
                       : operation.kind == Kind::swap ? 2
                                                      : 3]];
    ++outcomes[ends[static_cast<std::size_t>(operation.outcome)]];
  }
  MESSAGE("consistent: ", list_of(operations), "; ", list_of(outcomes));
  MESSAGE("in doubt, then: ", list_of(doubts_));
  MESSAGE("offline: ", list_of(verdicts_), "; inconsistent gets: ", local_.size());
  MESSAGE("faults: ", list_of(faults_.counts()), "; packets dropped: ", network_.dropped());
  MESSAGE("writes with a majority: ", probes_, ", the longest took ", longest_probe_.count(),
          " ms; orders tried by the checker: ", checker_steps_);
  CHECK(outcomes["done"] > 200);  // the load has really run
  CHECK(verdicts_.contains("won"));
  CHECK(faults_.counts().size() > 4);  // and the faults have really happened
  CHECK(network_.dropped() > 0);
}

}  // namespace

TEST_CASE(
    "faults: whatever is killed, stopped, cut off or has a wrong clock, the promises explain what "
    "all clients saw") {
  if (!Network::possible()) {
    MESSAGE("skipped: this user may not make network namespaces; run it as root");
    return;
  }
  const std::uint64_t seed = fresh_seed();
  std::fprintf(stderr, "CAUSEWAY_SEED=%llu\n", static_cast<unsigned long long>(seed));
  CAPTURE(seed);
  Network network(3);
  Storm storm(seed, network);
  const auto end = steady_clock::now() + std::chrono::duration<double, std::ratio<60>>(minutes());
  for (std::uint64_t round = 0; round == 0 || steady_clock::now() < end; ++round) {
    CAPTURE(round);
    storm.round(round);
  }
  storm.summary();
}
