// The clients of a run: what they ask, and that a call nobody answers is told.
#include "sim/workload.hpp"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "sim/broken_by.hpp"

using namespace causeway;
using namespace causeway::sim;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

/// Clients and a cluster without faults. Where they are deaf, answers do not reach them, and where
/// these are altered, others do.
class World : public Observer {
 public:
  explicit World(const Plan& plan) : plan_(plan) {
    cluster.observe(*this);
    faults_.begin();
    for (const auto& name : cluster.names()) REQUIRE(cluster.try_start(name));
    cluster.run_for(seconds(5));
    workload_.begin();
  }

  void called(Peer peer, const node::CallHandle&, const wire::Call& what) override {
    calls.emplace_back(peer, what);
  }
  void applied(Peer peer, const kv::Applied& news) override {
    if (peer != lags) workload_.applied(peer, news);
  }
  void answered(Peer peer, std::uint64_t call, const wire::Reply& reply) override {
    if (deaf_to && deaf_to(calls[call - 1].second)) return;
    wire::Reply heard = reply;
    if (altered) altered(calls[call - 1].second, heard);
    workload_.answered(peer, call, heard);
  }

  /// What is broken meanwhile, if anything.
  std::string run(Duration time) {
    for (const Instant end = cluster.time().now() + time; cluster.time().now() < end;) {
      std::string broken = testing::broken_by([this] {
        cluster.run_for(milliseconds(100));
        workload_.look(milliseconds(100));
      });
      if (!broken.empty()) return broken;
    }
    return {};
  }

  std::function<bool(const wire::Call&)> deaf_to;
  std::function<void(const wire::Call&, wire::Reply&)> altered;  ///< before clients hear it
  std::optional<Peer> lags;  ///< answers, and applies nothing any more
  std::vector<std::pair<Peer, wire::Call>> calls;

 private:
  const Plan plan_;

 public:
  Cluster cluster{{.seed = plan_.seed, .nodes = plan_.nodes}};

 private:
  Observer nobody_;
  Faults faults_{cluster, plan_, nobody_};
  Workload workload_{cluster, faults_, plan_, 10'000};
};

const std::vector<std::set<Cluster::Name>> kEachAlone = {{"1"}, {"2"}, {"3"}};

bool is_local(const wire::Call& call) {
  const auto* get = std::get_if<wire::GetCall>(&call);
  return get != nullptr ? !get->consistent : !std::get<wire::WriteCall>(call).consistent;
}

}  // namespace

TEST_CASE("nodes answer local calls in time, and others by their timeout, whomever they reach") {
  World world({.nodes = 3});
  SUBCASE("all of them") {}
  SUBCASE("nobody") { world.cluster.partition(kEachAlone); }
  CHECK(world.run(seconds(30)) == "");
}

TEST_CASE("a call that is not answered is told, also at a node that reaches nobody") {
  const auto is_far = [](const wire::Call& call) { return !is_local(call); };
  for (const bool parted : {false, true}) {
    CAPTURE(parted);
    for (const bool local : {false, true}) {
      World world({.nodes = 3});
      if (parted) world.cluster.partition(kEachAlone);
      world.deaf_to = local ? is_local : std::function<bool(const wire::Call&)>(is_far);
      CHECK(world.run(seconds(20)) == (local ? "local-answers" : "timely"));
    }
  }
}

TEST_CASE("a pending write is shown to local calls alone") {
  for (const bool local : {true, false}) {
    World world({.nodes = 3});
    world.altered = [&](const wire::Call& call, wire::Reply& reply) {
      if (is_local(call) != local || !std::holds_alternative<wire::Answer>(reply)) return;
      std::get<Response>(std::get<wire::Answer>(reply)).pending = true;
    };
    CHECK(world.run(seconds(10)) == (local ? "" : "linearizable"));
  }
}

TEST_CASE("who answers a consistent get has applied all that anybody was told of before") {
  World world({.nodes = 3});
  CHECK(world.run(seconds(10)) == "");
  world.lags = 1;
  CHECK(world.run(seconds(10)) == "fresh-read");
}

TEST_CASE("whose client dies asks the same again, through another node") {
  Plan plan{.nodes = 3, .clients = 4, .operations_per_s = 50};
  plan.faults[static_cast<std::size_t>(FaultKind::retries)] = 3;
  World world(plan);
  world.cluster.partition(kEachAlone);
  CHECK(world.run(seconds(30)) == "");
  std::map<std::string, std::set<Peer>> asked;
  std::size_t again = 0;
  for (const auto& [peer, call] : world.calls) {
    const auto* write = std::get_if<wire::WriteCall>(&call);
    if (write == nullptr || write->op == wire::WriteOp::remove) continue;
    std::set<Peer>& of = asked[write->key + " " + std::string(write->value.view())];
    if (of.insert(peer).second && of.size() > 1) ++again;
  }
  CHECK(again > 5);
}

TEST_CASE("each of many keys is another one") {
  World world({.nodes = 1, .keys = 1000, .operations_per_s = 900});
  CHECK(world.run(seconds(10)) == "");
  std::set<std::string> keys;
  for (const auto& [peer, call] : world.calls) {
    const auto* write = std::get_if<wire::WriteCall>(&call);
    if (write != nullptr) keys.insert(write->key);
  }
  CHECK(keys.size() > 600);
}
