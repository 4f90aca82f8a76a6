// The limits at a node's door (design 3.6): each answers `exhausted` at once, and calls that wait
// for a majority never take the last places of local ones.
#include <doctest/doctest.h>

#include "node/calls.hpp"
#include "support/virtual_cluster.hpp"

using namespace causeway;
using causeway::testing::Calls;
using causeway::testing::get_call;
using causeway::testing::set_call;
using causeway::testing::VirtualCluster;

namespace {

/// One node of three: what is consistent waits for ever, and the key `held` is pending.
struct Alone {
  explicit Alone(node::Limits limits) : cluster({.seed = 3, .limits = limits}), calls(cluster) {
    cluster.start("1");
    CHECK_FALSE(calls.refusal("1", 50, set_call("held", "v", false)));
  }
  VirtualCluster cluster;
  Calls calls;
};

}  // namespace

TEST_CASE("each limit answers exhausted at once") {
  struct Row {
    std::string why;
    node::Limits limits;
    std::uint64_t first_connection;  ///< waiting calls: one on each connection from here ...
    std::uint64_t last_connection;   ///< ... to here
    std::size_t each;                ///< so many on each
    std::uint64_t connection;        ///< of the call that is judged
    bool consistent;
    bool exhausted;
  };
  const auto limited = [](std::size_t calls, std::size_t of_one, std::size_t waiting,
                          std::size_t waiting_of_one) {
    node::Limits limits;
    limits.calls_max = calls;
    limits.calls_per_connection_max = of_one;
    limits.waiting_calls_max = waiting;
    limits.waiting_calls_per_connection_max = waiting_of_one;
    return limits;
  };
  const Row rows[] = {
      {"a connection is full", limited(100, 4, 100, 100), 1, 1, 4, 1, false, true},
      {"one below", limited(100, 4, 100, 100), 1, 1, 3, 1, true, false},
      {"another connection is not", limited(100, 4, 100, 100), 1, 1, 4, 2, true, false},
      {"the node is full", limited(6, 4, 100, 100), 1, 2, 3, 3, false, true},
      {"its waiting calls are full", limited(100, 100, 6, 100), 1, 2, 3, 3, true, true},
      {"... and local calls pass", limited(100, 100, 6, 100), 1, 2, 3, 3, false, false},
      {"a connection's waiting calls are full", limited(100, 100, 100, 3), 1, 1, 3, 1, true, true},
      {"... and its local calls pass", limited(100, 100, 100, 3), 1, 1, 3, 1, false, false},
      {"... and another's waiting ones", limited(100, 100, 100, 3), 1, 1, 3, 2, true, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    for (const bool write : {false, true}) {
      CAPTURE(write);
      Alone alone(row.limits);
      for (std::uint64_t connection = row.first_connection; connection <= row.last_connection;
           ++connection) {
        for (std::size_t i = 0; i < row.each; ++i)
          CHECK_FALSE(alone.calls.refusal("1", connection, get_call("held", true)));
      }
      const wire::Call judged =
          write ? wire::Call(set_call("k", "v", row.consistent)) : get_call("held", row.consistent);
      const auto handle = alone.calls.begin("1", row.connection, judged);
      CHECK((alone.calls.refusal(handle) == Errc::exhausted) == row.exhausted);
      // What was let in and needs no majority is answered, what needs one waits.
      CHECK((alone.calls.reply(handle) != nullptr) == (row.exhausted || !row.consistent));
    }
  }
}

TEST_CASE("a closed connection gives its places free, and an answered call its own") {
  node::Limits limits;
  limits.waiting_calls_max = 2;
  limits.waiting_calls_per_connection_max = 2;
  Alone alone(limits);
  CHECK_FALSE(alone.calls.refusal("1", 1, get_call("a", true)));
  CHECK_FALSE(alone.calls.refusal("1", 1, set_call("a", "v", true)));
  CHECK(alone.calls.refusal("1", 2, get_call("a", true)) == Errc::exhausted);
  alone.cluster.node("1").give(node::ConnectionClosed{1});
  const auto timed =
      alone.calls.begin("1", 2, wire::GetCall{.key = "a", .consistent = true, .timeout_ms = 100});
  CHECK_FALSE(alone.calls.refusal("1", 2, get_call("a", true)));
  CHECK(alone.calls.refusal("1", 2, get_call("a", true)) == Errc::exhausted);
  alone.cluster.run_for(std::chrono::milliseconds(200));
  REQUIRE(alone.calls.reply(timed) != nullptr);
  CHECK_FALSE(alone.calls.refusal("1", 2, get_call("a", true)));
}

TEST_CASE("what waits for a majority holds a bounded number of bytes") {
  node::Limits limits;
  limits.waiting_bytes_max = 1000;
  Alone alone(limits);
  const std::string value(499, 'v');
  const auto timed = alone.calls.begin(
      "1", 1,
      wire::WriteCall{
          .key = "a", .value = Blob::copy_of(value), .consistent = true, .timeout_ms = 100});
  CHECK_FALSE(alone.calls.refusal("1", 1, set_call("b", value, true)));
  CHECK(alone.calls.refusal("1", 2, set_call("c", "", true)) == Errc::exhausted);
  INFO("reads and offline writes go on");
  CHECK_FALSE(alone.calls.refusal("1", 2, get_call("c", true)));
  CHECK_FALSE(alone.calls.refusal("1", 2, set_call("c", value, false)));
  INFO("a write that is decided gives its bytes free");
  alone.cluster.run_for(std::chrono::milliseconds(5000));
  REQUIRE(alone.calls.reply(timed) != nullptr);
  CHECK_FALSE(alone.calls.refusal("1", 2, set_call("c", "", true)));
  CHECK(alone.calls.refusal("1", 2, set_call("d", value, true)) == Errc::exhausted);
}

TEST_CASE("what waits for the disk holds a bounded number of bytes") {
  node::Limits limits;
  limits.offline_bytes_max = 1000;
  Alone alone(limits);
  std::vector<node::CallHandle> sets;
  for (const char* key : {"a", "b", "c"}) {
    sets.push_back(alone.calls.begin("1", 1, set_call(key, std::string(499, 'v'), false)));
  }
  CHECK(alone.calls.refusal(sets[2]) == Errc::exhausted);
  INFO("what is durable gives its bytes free");
  alone.cluster.run_for(std::chrono::milliseconds(1000));
  CHECK_FALSE(alone.calls.refusal(sets[0]));
  CHECK_FALSE(alone.calls.refusal(sets[1]));
  CHECK_FALSE(alone.calls.refusal("1", 1, set_call("c", std::string(999, 'v'), false)));
  CHECK(alone.calls.refusal("1", 1, set_call("c", std::string(1000, 'v'), false)) ==
        Errc::exhausted);
}

TEST_CASE("a call that cannot be carried out is refused at the door") {
  node::Limits limits;
  limits.key_bytes_max = 16;
  limits.value_bytes_max = 64;
  VirtualCluster cluster({.seed = 3, .limits = limits});
  cluster.start_all();
  cluster.wait_for_leader();
  Calls calls(cluster);
  const auto write = [](wire::WriteOp op, std::string key, std::size_t bytes, bool consistent) {
    wire::WriteCall call = set_call(std::move(key), std::string(bytes, 'v'), consistent);
    call.op = op;
    return wire::Call(call);
  };
  using Op = wire::WriteOp;
  struct Row {
    std::string why;
    wire::Call call;
    std::optional<Errc> refused;
  };
  const std::string longest(16, 'k');
  const Row rows[] = {
      {"a get of the empty key", get_call("", true), Errc::invalid},
      {"a local get of the empty key", get_call("", false), Errc::invalid},
      {"a set of the empty key", write(Op::set, "", 1, true), Errc::invalid},
      {"an offline set of the empty key", write(Op::set, "", 1, false), Errc::invalid},
      {"a delete of the empty key", write(Op::remove, "", 0, true), Errc::invalid},
      {"the longest key", write(Op::set, longest, 1, true), std::nullopt},
      {"a key one longer", write(Op::set, longest + "k", 1, true), Errc::too_large},
      {"a get of one", get_call(longest + "k", false), Errc::too_large},
      {"the largest value", write(Op::set, "k", 64, false), std::nullopt},
      {"a value one larger", write(Op::set, "k", 65, true), Errc::too_large},
      {"the same, offline", write(Op::set, "k", 65, false), Errc::too_large},
      {"the same in a swap", write(Op::swap, "k", 65, true), Errc::too_large},
      {"an offline swap", write(Op::swap, "k", 1, false), Errc::invalid},
      {"a token that is none", wire::AwaitCall{.token = "nonsense", .timeout_ms = 0},
       Errc::invalid},
      {"an operation that is none", wire::OutcomeCall{.operation = "nonsense", .timeout_ms = 0},
       Errc::invalid},
      {"a cursor that is none", wire::PendingCall{.limit = 1, .cursor = "x"}, Errc::invalid},
      {"the greatest cursor: nothing is behind it",
       wire::PendingCall{.limit = 1, .cursor = "18446744073709551615"}, Errc::invalid},
      {"the one before it", wire::PendingCall{.limit = 1, .cursor = "18446744073709551614"},
       std::nullopt},
      {"a cursor beyond 64 bits", wire::PendingCall{.limit = 1, .cursor = "18446744073709551616"},
       Errc::invalid},
      {"a cursor of conflicts that is none", wire::ConflictsCall{.limit = 1, .cursor = "-1"},
       Errc::invalid},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    CHECK(calls.refusal("1", 1, row.call) == row.refused);
  }
}
