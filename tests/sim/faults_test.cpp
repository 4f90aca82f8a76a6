// Every kind of fault strikes, keeps to the product's rules, and leaves a cluster that can come to
// rest.
//
// A failure prints its seed: CAUSEWAY_SEED=N runs that one alone, CAUSEWAY_SEEDS=N runs N fresh
// ones, CAUSEWAY_FAULTS="kill=2,loss=1" runs with these in place of what the seed draws.
#include "sim/faults.hpp"

#include <cstdlib>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sim/violation.hpp"

using namespace causeway;
using namespace causeway::sim;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

class Diary final : public Observer {
 public:
  explicit Diary(Cluster& cluster) : cluster_(cluster) {}
  void fault(const std::string& text) override {
    lines.push_back(std::to_string(cluster_.time().now().since_start.count()) + " " + text);
  }
  void died(Peer, Death death) override { deaths.insert(death); }
  void answered(Peer, std::uint64_t, const wire::Reply& reply) override {
    const auto* answer = std::get_if<wire::Answer>(&reply);
    const auto* response = answer == nullptr ? nullptr : std::get_if<Response>(answer);
    if (response != nullptr && !response->timeout) ++(response->pending ? offline : done);
  }
  std::vector<std::string> lines;
  std::set<Death> deaths;
  std::uint64_t done = 0;     ///< consistent writes that took place
  std::uint64_t offline = 0;  ///< writes taken that had yet to settle

 private:
  Cluster& cluster_;
};

/// A cluster with a trickle of calls, and its faults.
class Run {
 public:
  explicit Run(const Plan& plan)
      : plan_(plan),
        random_(plan.seed),
        cluster_({.seed = plan.seed,
                  .nodes = plan.nodes,
                  .election_timeout = milliseconds(300),
                  .heartbeat_interval = milliseconds(50),
                  .raft_segment_bytes = 24u << 10,
                  .raft_vital_bytes = 8u << 10,
                  .journal_segment_bytes = 16u << 10}),
        diary_(cluster_),
        faults_(cluster_, plan, diary_) {
    cluster_.observe(diary_);
  }

  /// Empty, or what went wrong.
  std::string go() {
    const ChecksAreViolations guard;
    try {
      faults_.begin();
      for (const auto& name : cluster_.names()) {
        if (!cluster_.try_start(name)) return "the first start of " + name;
      }
      trickle();
      cluster_.run_for(plan_.length);
      faults_.end();
      over_ = true;
      return cluster_.run_until([this] { return asks() && rests(); }, seconds(120)) ? "" : state();
    } catch (const Violation& violation) {
      return violation.what();
    }
  }

  [[nodiscard]] const Faults& faults() const { return faults_; }
  [[nodiscard]] const Diary& diary() const { return diary_; }
  Cluster& cluster() { return cluster_; }

 private:
  void trickle() {
    const Duration gap = Duration(seconds(1)) / static_cast<std::int64_t>(plan_.operations_per_s);
    cluster_.time().after(gap, [this] {
      call();
      if (!over_) trickle();
    });
  }

  void call() {
    const auto peer = static_cast<Peer>(random_.below(plan_.nodes));
    const std::string key(1, static_cast<char>('a' + random_.below(plan_.keys)));
    const std::string value(random_.below(4) == 0 ? random_.below(4000) : 5, 'v');
    const bool consistent = random_.below(2) == 0;
    if (!faults_.usable(peer)) return;
    const auto number =
        cluster_.call(cluster_.name_of(peer), wire::WriteCall{.op = wire::WriteOp::set,
                                                              .key = key,
                                                              .value = Blob::copy_of(value),
                                                              .consistent = consistent,
                                                              .timeout_ms = 2000});
    if (number > 100) cluster_.forget_reply(number - 100);
  }

  /// Not at every event: it asks every node.
  bool asks() {
    const Instant now = cluster_.time().now();
    if (now - asked_ < milliseconds(100)) return false;
    asked_ = now;
    return true;
  }

  bool rests() {
    std::set<std::uint64_t> applied;
    for (Peer peer = 0; peer < plan_.nodes; ++peer) {
      const auto status = cluster_.node(cluster_.name_of(peer)).peek();
      if (!status || !faults_.usable(peer) || !faults_.well(peer) || status->pending != 0)
        return false;
      applied.insert(status->applied_index.value);
    }
    return applied.size() == 1 && faults_.calm_since((1u << plan_.nodes) - 1) != Instant::never();
  }

  std::string state() {
    std::string text = "no rest:";
    for (Peer peer = 0; peer < plan_.nodes; ++peer) {
      const auto status = cluster_.node(cluster_.name_of(peer)).peek();
      text += "\n  " + cluster_.name_of(peer) + (faults_.usable(peer) ? "" : " unusable") +
              (faults_.well(peer) ? "" : " ill");
      if (!status) continue;
      text += " " + status->state + " " + status->role + " term " +
              std::to_string(status->term.value) + " leader " + status->leader + " commit " +
              std::to_string(status->commit_index.value) + " applied " +
              std::to_string(status->applied_index.value) + " pending " +
              std::to_string(status->pending);
    }
    return text;
  }

  Plan plan_;
  Random random_;
  Cluster cluster_;
  Diary diary_;
  Faults faults_;
  Instant asked_;
  bool over_ = false;
};

std::string last_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (std::size_t i = lines.size() < 40 ? 0 : lines.size() - 40; i < lines.size(); ++i)
    text += lines[i] + "\n";
  return text;
}

std::string variable(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

/// `usual` seeds, or those that the environment names; `run` is given each.
template <class EachSeed>
void for_seeds(std::uint64_t usual, EachSeed run) {
  const std::string only = variable("CAUSEWAY_SEED");
  const std::string many = variable("CAUSEWAY_SEEDS");
  const std::uint64_t first = only.empty() ? 1 : std::stoull(only);
  const std::uint64_t count =
      !many.empty() ? std::stoull(many) : (only.empty() ? usual : std::uint64_t{1});
  for (std::uint64_t seed = first; seed < first + count; ++seed) run(seed);
}

/// Made by clients, of whom there are none here.
bool is_load(std::size_t kind) {
  return kind >= static_cast<std::size_t>(FaultKind::huge_values) &&
         kind <= static_cast<std::size_t>(FaultKind::retries);
}

struct Sum {
  std::uint64_t runs = 0;
  std::array<std::uint64_t, kFaultKinds> struck{};
  std::set<Death> deaths;
  std::uint64_t done = 0;
  std::uint64_t offline = 0;

  void add(const Plan& plan) {
    Run run(plan);
    const std::string wrong = run.go();
    INFO("seed ", plan.seed, ", faults ", faults_text(plan), "\n", last_lines(run.diary().lines));
    CHECK(wrong == "");
    for (std::size_t kind = 0; kind < kFaultKinds; ++kind) {
      struck[kind] += run.faults().struck()[kind];
      if (plan.faults[kind] == 0) CHECK(run.faults().struck()[kind] == 0);
    }
    deaths.insert(run.diary().deaths.begin(), run.diary().deaths.end());
    done += run.diary().done;
    offline += run.diary().offline;
    ++runs;
  }

  /// A fault that never happened shows nothing, and neither does a cluster that does nothing.
  void judge() const {
    std::string counts;
    for (std::size_t kind = 0; kind < kFaultKinds; ++kind)
      counts += " " + std::string(name_of(static_cast<FaultKind>(kind))) + "=" +
                std::to_string(struck[kind]);
    MESSAGE(runs, " runs, ", done, " consistent writes, ", offline, " offline ones:", counts);
    if (runs < 40) return;
    for (std::size_t kind = 0; kind < kFaultKinds; ++kind) {
      if (is_load(kind)) continue;
      INFO(std::string(name_of(static_cast<FaultKind>(kind))));
      CHECK(struck[kind] > runs / 50);
    }
    CHECK(deaths == std::set<Death>{Death::kill, Death::power, Death::wipe});
    CHECK(done > 50 * runs);
    CHECK(offline > 20 * runs);
  }
};

}  // namespace

TEST_CASE("after any mix of faults the cluster comes to rest, and every kind has struck") {
  Sum sum;
  for_seeds(100, [&](std::uint64_t seed) {
    Plan plan = draw_plan(seed);
    if (const std::string text = variable("CAUSEWAY_FAULTS"); !text.empty())
      REQUIRE(set_faults(plan, text));
    sum.add(plan);
  });
  sum.judge();
}

TEST_CASE("with every kind of fault at once the cluster comes to rest, and every kind has struck") {
  Sum sum;
  for_seeds(100, [&](std::uint64_t seed) {
    Plan plan{.seed = seed, .nodes = 3 + 2 * (seed % 3)};
    REQUIRE(set_faults(plan, "all"));
    sum.add(plan);
  });
  sum.judge();
}

TEST_CASE("each kind alone strikes, and the cluster comes to rest") {
  for (std::size_t kind = 0; kind < kFaultKinds; ++kind) {
    if (is_load(kind)) continue;
    std::uint64_t struck = 0;
    for_seeds(4, [&](std::uint64_t seed) {
      Plan plan{.seed = seed, .nodes = 3};
      plan.faults[kind] = 3;
      Run run(plan);
      const std::string wrong = run.go();
      INFO("seed ", seed, ", faults ", faults_text(plan), "\n", last_lines(run.diary().lines));
      CHECK(wrong == "");
      struck += run.faults().struck()[kind];
    });
    CAPTURE(name_of(static_cast<FaultKind>(kind)));
    CHECK(struck > 0);
  }
}

TEST_CASE("equal plans strike alike, at the same instants") {
  for_seeds(20, [](std::uint64_t seed) {
    const Plan plan = draw_plan(seed);
    Run one(plan);
    Run two(plan);
    CHECK(one.go() == two.go());
    CHECK(one.diary().lines == two.diary().lines);
    CHECK(one.cluster().time().events() == two.cluster().time().events());
  });
}

TEST_CASE("a kind that is switched off leaves the instants of the others as they were") {
  const auto instants = [](const Plan& plan) {
    Run run(plan);
    CHECK(run.go() == "");
    std::vector<std::string> of_loss;
    for (const std::string& line : run.diary().lines)
      if (line.find(" loss ") != std::string::npos)
        of_loss.push_back(line.substr(0, line.find(' ')));
    return of_loss;
  };
  Plan plan{.seed = 7, .nodes = 3};
  REQUIRE(set_faults(plan, "loss=3"));
  const auto alone = instants(plan);
  REQUIRE(set_faults(plan, "loss=3,duplication=2,clock_jump=2"));
  CHECK(alone == instants(plan));
  CHECK(alone.size() > 5);
}

TEST_CASE("what no fault explains ends the run: a node that ends, or does not start again") {
  struct Row {
    const char* why;
    const char* faults;
    void (*harm)(Cluster&);
    const char* says;
  };
  const Row rows[] = {
      {"its disk failed, and no fault did it", "none",
       [](Cluster& cluster) { cluster.node("1").directory().raft_log.fail_sync(1); },
       "no-unexpected-end: node 1"},
      {"it was asked to stop, and no fault asked", "none",
       [](Cluster& cluster) { cluster.node("1").give(node::StopAsked{}); },
       "no-unexpected-end: node 1"},
      {"its log is damaged, and no fault did it", "kill=3",
       [](Cluster& cluster) {
         MemDisk& disk = cluster.node("1").directory().raft_log;
         disk.flip_bit("raft-0000000001.log", 5000, 1);
       },
       "starts-again: node 1"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Plan plan{.seed = 3, .nodes = 1};
    REQUIRE(set_faults(plan, row.faults));
    Run run(plan);
    run.cluster().time().at(Instant{seconds(5)}, [&] { row.harm(run.cluster()); });
    const std::string wrong = run.go();
    CAPTURE(wrong);
    CHECK(wrong.starts_with(row.says));
  }
}

TEST_CASE("a directory that is wiped, or put back, is told as such, and the cluster serves it") {
  Plan plan{.seed = 5, .nodes = 3};
  Run run(plan);
  Cluster& cluster = run.cluster();
  DataDirectory image;
  cluster.time().at(Instant{seconds(10)}, [&] { image = cluster.node("2").directory(); });
  cluster.time().at(Instant{seconds(20)}, [&] {
    cluster.restore("2", image);
    REQUIRE(cluster.try_start("2"));
  });
  CHECK(run.go() == "");
  CHECK(run.diary().deaths == std::set<Death>{Death::old_copy});
  CHECK_FALSE(run.faults().replaced(1));

  REQUIRE(set_faults(plan, "wipe=3"));
  Run wiped(plan);
  CHECK(wiped.go() == "");
  CHECK(wiped.diary().deaths == std::set<Death>{Death::wipe});
  std::size_t replaced = 0;
  for (Peer peer = 0; peer < 3; ++peer) replaced += wiped.faults().replaced(peer) ? 1u : 0u;
  CHECK(replaced == 1);  // of three; more would leave no majority of those that count
}
