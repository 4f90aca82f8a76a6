// What callers ask of the table is bounded, and goes with them: a client that asks much, leaves and
// comes again must not make others wait for answers that nobody hears.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "node/calls.hpp"
#include "support/virtual_cluster.hpp"

using namespace causeway;
using causeway::testing::Calls;
using causeway::testing::get_call;
using causeway::testing::set_call;
using causeway::testing::VirtualCluster;

namespace {

constexpr std::size_t kAtOnce = 2;
constexpr std::size_t kCalls = 7;

/// One node of three, on which the key `held` is pending, and what it asks of its applier.
struct Asking {
  Asking() : cluster({.seed = 3, .limits = limits()}), calls(cluster) {
    cluster.start("1");
    REQUIRE_FALSE(calls.refusal("1", 50, set_call("held", "v", false)));
    cluster.node("1").on_effects = [this](const node::Effects& out) {
      for (const kv::Input& input : out.applier) asked += !std::holds_alternative<kv::Apply>(input);
    };
  }
  static node::Limits limits() {
    node::Limits limits;
    limits.questions_max = kAtOnce;
    return limits;
  }
  void begin(const wire::Call& call) {
    for (std::size_t i = 0; i < kCalls; ++i) handles.push_back(calls.begin("1", 1, call));
  }
  void run() { cluster.run_for(std::chrono::milliseconds(50)); }

  VirtualCluster cluster;
  Calls calls;
  std::vector<node::CallHandle> handles;
  std::size_t asked = 0;
};

struct Row {
  std::string what;
  wire::Call call;
};
const Row kRows[] = {
    {"local gets", get_call("k", false)},
    {"local gets of a pending key", get_call("held", false)},
    {"consistent gets that look for a pending write", get_call("held", true)},
    {"lists of pending writes", wire::PendingCall{.limit = 10}},
    {"lists of conflicts", wire::ConflictsCall{.limit = 10}},
};

}  // namespace

TEST_CASE("more questions than fit at once are asked when there is room") {
  for (const Row& row : kRows) {
    CAPTURE(row.what);
    Asking asking;
    asking.begin(row.call);
    asking.run();
    CHECK(asking.asked == kCalls);
    const auto* get = std::get_if<wire::GetCall>(&row.call);
    if (get != nullptr && get->consistent) continue;  // waits for a majority
    for (const node::CallHandle handle : asking.handles)
      CHECK(asking.calls.reply(handle) != nullptr);
  }
}

TEST_CASE("who leaves takes along the questions that were not asked yet") {
  for (const Row& row : kRows) {
    CAPTURE(row.what);
    Asking asking;
    for (int again = 0; again < 3; ++again) {
      asking.begin(row.call);
      asking.cluster.node("1").give(node::ConnectionClosed{1});
    }
    const auto other = asking.calls.begin("1", 2, get_call("held", false));
    asking.run();
    CHECK(asking.asked == kAtOnce + 1);
    INFO("and the room of those that were under way is free again");
    REQUIRE(asking.calls.reply(other) != nullptr);
    CHECK(std::get<Response>(std::get<wire::Answer>(*asking.calls.reply(other))).value == "v");
    asking.begin(row.call);
    asking.run();
    CHECK(asking.asked == kAtOnce + 1 + kCalls);
  }
}
