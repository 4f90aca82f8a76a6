// The checker of queues itself: how much a node may hold at once, and when it may refuse, on events
// made by hand.
#include "sim/queue_bounds.hpp"

#include <functional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "node/core.hpp"
#include "sim/bound_checks.hpp"
#include "sim/broken_by.hpp"

using namespace causeway;
using namespace causeway::sim;
using node::Asker;

namespace {

constexpr Peer a = 0;

wire::Call get(bool consistent) { return wire::GetCall{.key = "k", .consistent = consistent}; }
wire::Call write(bool consistent, std::size_t bytes) {
  return wire::WriteCall{
      .key = "k", .value = Blob::copy_of(std::string(bytes - 1, 'v')), .consistent = consistent};
}

/// Node a, with few places: four calls, three of which wait; of one connection three, and two.
struct World {
  void call(std::uint64_t number, std::uint64_t connection, const wire::Call& what) {
    checks.called(a, {connection, number}, what);
  }
  void turn() { checks.turn(a, {}); }
  void calls(const std::vector<wire::Call>& each_of_its_own) {
    for (const wire::Call& what : each_of_its_own) {
      ++last;
      call(last, last, what);
    }
    turn();
  }
  void answer(std::uint64_t number, wire::Reply reply = wire::Answer(Response{})) {
    node::Effects effects;
    effects.answers.push_back({{number, number}, std::move(reply)});
    checks.turn(a, effects);
  }
  void refuse(std::uint64_t number) {
    answer(number, wire::CallError{.error = {Errc::exhausted, ""}});
  }
  /// One more call, of which the same turn says that it is too much.
  void is_refused(const wire::Call& what) {
    ++last;
    call(last, last, what);
    refuse(last);
  }

  void applier(kv::Input input) {
    node::Effects effects;
    effects.applier.push_back(std::move(input));
    checks.turn(a, effects);
  }
  /// Two entries of so many bytes each.
  void entries(std::uint64_t first, std::size_t bytes) {
    kv::Apply apply;
    for (const std::uint64_t index : {first, first + 1}) {
      apply.entries.push_back({.index = {index},
                               .term = {1},
                               .log_time = {},
                               .payload = Blob::copy_of(std::string(bytes, 'x'))});
    }
    applier(std::move(apply));
  }
  void applied(std::uint64_t index) {
    checks.applier_done(a, {kv::Applied{.position = {.index = {index}, .term = {1}, .log_time = {}},
                                        .writes = {},
                                        .settles = {},
                                        .starts = {},
                                        .starts_elsewhere = {}}});
  }
  void reads_back(std::uint64_t first) {
    node::Effects effects;
    effects.raft_log.emplace_back(storage::Fetch{.tag = 0, .key = first, .bytes_max = 1});
    checks.turn(a, effects);
  }
  void question(Asker asker) { applier(kv::Get{.id = node::tagged(asker, 1), .key = "k"}); }
  void found(Asker asker) { checks.applier_done(a, {kv::GetResult{.id = node::tagged(asker, 1)}}); }

  ClusterSettings settings{.limits = {.calls_max = 4,
                                      .calls_per_connection_max = 3,
                                      .waiting_calls_max = 3,
                                      .waiting_calls_per_connection_max = 2,
                                      .waiting_bytes_max = 100,
                                      .offline_bytes_max = 50,
                                      .apply_bytes_max = 1000,
                                      .apply_entries_max = 4,
                                      .questions_max = 2}};
  Cluster cluster{settings};
  BoundChecks checks{cluster, settings};
  std::uint64_t last = 0;
};

struct Row {
  bool broken = false;
  std::string why;
  std::function<void(World&)> schedule;
};

const wire::Call local = get(false);
const wire::Call waits = get(true);

void run(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.why);
    World world;
    CHECK(testing::broken_by([&] { row.schedule(world); }) == (row.broken ? "queue-bound" : ""));
  }
}

}  // namespace

TEST_CASE("a node holds no more calls than its limits say") {
  run({
      {false, "as many as it may",
       [](World& w) {
         w.calls({waits, waits, waits, local});
       }},
      {true, "one more",
       [](World& w) {
         w.calls({waits, waits, local, local, local});
       }},
      {true, "one more that waits",
       [](World& w) {
         w.calls({waits, waits, waits, waits});
       }},
      {true, "one more that awaits a verdict",
       [](World& w) {
         w.calls({waits, waits, waits, wire::AwaitCall{}});
       }},
      {false, "one more, behind an answer",
       [](World& w) {
         w.calls({waits, waits, waits, local});
         w.answer(1);
         w.calls({waits});
       }},
      {false, "one more, behind a caller who hung up",
       [](World& w) {
         w.calls({waits, waits, waits, local});
         w.checks.closed(a, 1);
         w.calls({waits});
       }},
      {false, "as many again, behind a start",
       [](World& w) {
         w.calls({waits, waits, waits, local});
         w.checks.starting(a);
         w.calls({waits, waits, waits, local});
       }},
      {true, "of one connection",
       [](World& w) {
         for (const std::uint64_t number : {1u, 2u, 3u, 4u}) w.call(number, 1, local);
         w.turn();
       }},
      {true, "of one connection, that wait",
       [](World& w) {
         for (const std::uint64_t number : {1u, 2u, 3u}) w.call(number, 1, waits);
         w.turn();
       }},
      {false, "bytes of writes that wait",
       [](World& w) {
         w.calls({write(true, 60), write(true, 40)});
       }},
      {true, "more bytes of writes that wait",
       [](World& w) {
         w.calls({write(true, 60), write(true, 41)});
       }},
      {false, "bytes of offline writes",
       [](World& w) {
         w.calls({write(false, 25), write(false, 25)});
       }},
      {true, "more bytes of offline writes",
       [](World& w) {
         w.calls({write(false, 25), write(false, 26)});
       }},
  });
}

TEST_CASE("a call is refused only where it has no place") {
  run({
      {true, "an empty node", [](World& w) { w.is_refused(local); }},
      {false, "a full one",
       [](World& w) {
         w.calls({waits, waits, local, local}), w.is_refused(local);
       }},
      {true, "one that is full of calls that wait, a local one",
       [](World& w) {
         w.calls({waits, waits, waits}), w.is_refused(local);
       }},
      {false, "and one that waits",
       [](World& w) {
         w.calls({waits, waits, waits}), w.is_refused(waits);
       }},
      {true, "one place is left to those that wait",
       [](World& w) {
         w.calls({waits, waits, local}), w.is_refused(waits);
       }},
      {false, "whose caller hung up may hold a place",
       [](World& w) {
         w.calls({waits, waits, local, local});
         w.checks.closed(a, 1);
         w.is_refused(local);
       }},
      {true, "who was refused holds none",
       [](World& w) {
         w.calls({waits, local, local});
         w.call(8, 8, local), w.call(9, 9, local);
         node::Effects effects;
         for (const std::uint64_t number : {8u, 9u}) {
           effects.answers.push_back(
               {{number, number}, wire::CallError{.error = {Errc::exhausted, ""}}});
         }
         w.checks.turn(a, effects);
       }},
      {false, "its connection is full",
       [](World& w) {
         for (const std::uint64_t number : {2u, 3u, 4u, 1u}) w.call(number, 1, local);
         w.refuse(1);
       }},
      {false, "an offline write with too many bytes before it",
       [](World& w) { w.calls({write(false, 25)}), w.is_refused(write(false, 26)); }},
      {true, "an offline write that has room",
       [](World& w) { w.calls({write(false, 25)}), w.is_refused(write(false, 25)); }},
      {false, "a consistent write may meet its leader's limits",
       [](World& w) { w.is_refused(write(true, 5)); }},
  });
}

TEST_CASE("the applier is given no more than there is room for") {
  run({
      {false, "as many questions as may be",
       [](World& w) { w.question(Asker::reads), w.question(Asker::reads); }},
      {true, "one more",
       [](World& w) {
         for (int i = 0; i < 3; ++i) w.question(Asker::reads);
       }},
      {true, "one more, for a pending write",
       [](World& w) {
         w.question(Asker::reads), w.question(Asker::reads);
         w.applier(kv::FindPending{.id = node::tagged(Asker::gate, 1), .key = "k"});
       }},
      {true, "one more, of another kind",
       [](World& w) {
         w.question(Asker::reads), w.question(Asker::reads);
         w.applier(kv::FindOutcome{.id = node::tagged(Asker::inquiries, 1)});
       }},
      {false, "one more, behind an answer",
       [](World& w) {
         w.question(Asker::reads), w.question(Asker::reads);
         w.found(Asker::reads);
         w.question(Asker::reads);
       }},
      {true, "an answer to the node itself leaves no room",
       [](World& w) {
         w.question(Asker::reads), w.question(Asker::reads), w.question(Asker::offline);
         w.found(Asker::offline);
         w.question(Asker::reads);
       }},
      {false, "the entry that reaches the limit", [](World& w) { w.entries(1, 999); }},
      {true, "one behind it", [](World& w) { w.entries(1, 1000); }},
      {true, "one behind what it was given before",
       [](World& w) { w.entries(1, 500), w.entries(3, 1); }},
      {false, "behind what is applied",
       [](World& w) { w.entries(1, 500), w.applied(2), w.entries(3, 1); }},
      {true, "what is applied in part is there as a whole",
       [](World& w) { w.entries(1, 500), w.applied(1), w.entries(3, 1); }},
      {false, "as many entries as may be", [](World& w) { w.entries(1, 1), w.entries(3, 1); }},
      {true, "more, however small",
       [](World& w) { w.entries(1, 1), w.entries(3, 1), w.entries(5, 1); }},
      {false, "more, behind what is applied",
       [](World& w) { w.entries(1, 1), w.entries(3, 1), w.applied(2), w.entries(5, 1); }},
      {false, "read back in one piece", [](World& w) { w.reads_back(1), w.entries(1, 5000); }},
      {true, "read back without room",
       [](World& w) { w.entries(1, 500), w.reads_back(3), w.entries(3, 1); }},
  });
}
