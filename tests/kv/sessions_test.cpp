// Exactly once: repeats, windows of numbers, starts of a node, and what became of a call.
#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "kv/limits.hpp"
#include "kv/machine.hpp"

namespace causeway::kv::testing {
namespace {

using Outcome = OutcomeFound::State;

std::size_t rows_of(const Machine& machine, char kind) {
  const auto& rows = machine.table.rows();
  return static_cast<std::size_t>(std::count_if(
      rows.begin(), rows.end(), [&](const auto& row) { return row.first[0] == kind; }));
}

TEST_CASE("a write that comes again takes effect once and gets its first answer again") {
  for (const bool restart : {false, true}) {
    CAPTURE(restart);
    Machine machine;
    machine.start(kA, kFirst, 1);
    const WriteOf set{.number = 1, .value = "one"};
    const WriteOf remove{.kind = CommandKind::remove, .number = 2, .key = "gone", .reached = 4};
    const WriteOf create{.kind = CommandKind::swap, .number = 3, .key = "new", .value = "mine"};
    std::vector<WriteResult> first;
    for (const WriteOf& of : {set, remove, create}) first.push_back(machine.write(of));
    CHECK(first[0].status == Status::done);
    CHECK(first[1].status == Status::absent);
    CHECK(first[2].status == Status::done);

    machine.write({.number = 4, .value = "two"});
    if (restart) machine.restart();
    std::size_t at = 0;
    for (const WriteOf& of : {set, remove, create}) {
      const WriteResult again = machine.write(of);
      CHECK(again.status == first[at].status);
      CHECK(again.version == first[at].version);
      CHECK(again.number == first[at].number);
      CHECK(again.current == std::nullopt);
      ++at;
    }
    CHECK(machine.get("k").value == "two");
    // Creating it again would not match by now: that the answer is still "done" shows that nothing
    // was judged anew.
    CHECK(machine.get("new").version->revision == first[2].version.revision);
  }
}

TEST_CASE("a mismatch that is asked for again stays one, and shows what stands there by then") {
  Machine machine;
  machine.start(kA, kFirst, 1);
  const WriteOf swap{.kind = CommandKind::swap, .number = 1, .value = "new", .expected = "later"};
  const WriteResult first = machine.write(swap);
  CHECK(first.status == Status::mismatch);
  CHECK(first.current == std::nullopt);
  // By now it would match; but it was answered with no, and never takes effect.
  machine.write({.number = 2, .value = "later"});
  const WriteResult again = machine.write(swap);
  CHECK(again.status == Status::mismatch);
  CHECK(again.current == "later");
  CHECK(again.version == machine.get("k").version);
  CHECK(machine.get("k").value == "later");
}

TEST_CASE("numbers outside the window do nothing and say why") {
  struct Row {
    std::string why;
    std::uint64_t lowest;
    std::uint64_t number;
    Status status;
  };
  // Before each row the caller has said that everything below 100 is answered.
  const std::vector<Row> rows = {
      {"below what was said to be answered", 100, 99, Status::stale},
      {"the same, with an older word", 1, 99, Status::stale},
      {"number 0", 1, 0, Status::stale},
      {"below its own word", 200, 199, Status::stale},
      {"the lowest that may still be asked", 1, 100, Status::done},
      {"the lowest of a newer word", 200, 200, Status::done},
      {"the last one of the window", 100, 100 + kResultsMax - 1, Status::done},
      {"one beyond the window", 100, 100 + kResultsMax, Status::exhausted},
      {"far beyond", 1, UINT64_MAX, Status::exhausted},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Machine machine;
    machine.start(kA, kFirst, 1);
    machine.write({.number = 150, .key = "other", .lowest = 100});
    CHECK(machine.write({.number = row.number, .lowest = row.lowest}).status == row.status);
    CHECK(machine.get("k").value.has_value() == (row.status == Status::done));
  }
}

TEST_CASE("what was exhausted may be sent again when the window has moved") {
  Machine machine;
  machine.start(kA, kFirst, 1);
  const std::uint64_t far = 1 + kResultsMax;
  CHECK(machine.write({.number = far, .lowest = 1}).status == Status::exhausted);
  CHECK(machine.write({.number = far, .lowest = 2}).status == Status::done);
}

TEST_CASE("kept results are bounded: what is answered leaves the table") {
  Machine machine;
  machine.start(kA, kFirst, 1);
  for (std::uint64_t number = 1; number <= 1000; ++number) {
    machine.write({.number = number, .lowest = number});
    CHECK(rows_of(machine, 'r') <= 2);
  }
  std::size_t bytes = 0;
  for (const auto& [key, value] : machine.table.rows()) {
    if (key[0] == 'r') bytes += value.size();
  }
  CHECK(bytes < 60);  // one result
}

TEST_CASE("only the newest start of a node writes") {
  struct Row {
    std::string why;
    Origin origin;
    Incarnation incarnation;
    Status status;
  };
  const std::vector<Row> rows = {
      {"the newest", kA, kSecond, Status::done},
      {"an earlier one", kA, kFirst, Status::stale},
      {"one without a start record", kA, {999}, Status::stale},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Machine machine;
    CHECK(machine.write({}).status == Status::stale);  // no start at all
    CHECK(machine.start(kA, kFirst, 1).accepted);
    CHECK(machine.start(kA, kSecond, 2).accepted);
    machine.restart();
    CHECK(machine.write({.incarnation = row.incarnation}).status == row.status);
    CHECK(machine.get("k").value.has_value() == (row.status == Status::done));
  }
}

TEST_CASE("an earlier start's write is stale even where its result is kept") {
  Machine machine;
  machine.start(kA, kFirst, 1);
  machine.write({.number = 1, .value = "one"});
  machine.start(kA, kSecond, 2);
  CHECK(machine.write({.number = 1, .value = "one"}).status == Status::stale);
}

TEST_CASE("a start record counts when its number is above the origin's") {
  struct Row {
    std::string why;
    Incarnation incarnation;
    std::uint64_t number;
    bool accepted;
    std::uint64_t answer;
  };
  // The state knows kFirst with number 3, then kSecond with number 7.
  const std::vector<Row> rows = {
      {"the next one", {103}, 8, true, 8},
      {"numbers may skip", {103}, 800, true, 800},
      {"an equal number", {103}, 7, false, 7},
      {"a lower number", {103}, 6, false, 7},
      {"the newest record again", kSecond, 7, true, 7},
      {"the newest start with another, higher record", kSecond, 9, true, 9},
      {"an old record of the newest start", kSecond, 5, false, 7},
      {"an earlier start is over for good", kFirst, 9, false, 7},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Machine machine;
    CHECK(machine.start(kA, kFirst, 3).accepted);
    CHECK(machine.start(kA, kSecond, 7).accepted);
    machine.write({.number = 1, .value = "one", .incarnation = kSecond});
    const StartResult result = machine.start(kA, row.incarnation, row.number);
    CHECK(result.accepted == row.accepted);
    CHECK(result.number == row.answer);
    CHECK(result.incarnation == row.incarnation);
    CHECK(machine.settled().start_number == row.answer);
    // Its session went on, unless another start took over.
    const bool taken_over = row.accepted && row.incarnation != kSecond;
    const WriteResult again = machine.write({.number = 1, .value = "two", .incarnation = kSecond});
    CHECK(again.status == (taken_over ? Status::stale : Status::done));
    CHECK(machine.get("k").value == "one");
  }
}

TEST_CASE("other nodes' starts and writes are applied and not told") {
  Machine machine(kB);
  const Applied applied = machine.apply({
      encode(Start{.origin = kA, .incarnation = kFirst, .number = 1}),
      command({}),
      encode(Proposer(kA).batch({{}})),
  });
  CHECK(applied.starts.empty());
  CHECK(applied.writes.empty());
  CHECK(applied.settles.empty());
  CHECK(applied.position.index == LogIndex{3});
  CHECK(machine.get("k").value == "v");
}

TEST_CASE("outcome tells what became of a call, for good while that is kept") {
  Machine machine;
  const Incarnation running{105};
  CHECK(machine.outcome(running, 1, running) == Outcome::unknown);
  machine.start(kA, kFirst, 1);
  machine.write({.number = 5, .lowest = 3});
  machine.write(
      {.kind = CommandKind::swap, .number = 6, .value = "x", .expected = "y", .lowest = 3});
  machine.write({.kind = CommandKind::remove, .number = 7, .key = "absent", .lowest = 3});
  machine.settle(Proposer(kA).batch({{.sequence = 1, .key = "o"}}));
  machine.write({.number = 8, .key = "o", .lowest = 3});

  const auto check = [&](bool over) {
    CHECK(machine.outcome(kFirst, 2, running) == Outcome::forgotten);
    CHECK(machine.outcome(kFirst, 3, running) ==
          (over ? Outcome::did_not_happen : Outcome::unknown));
    CHECK(machine.outcome(kFirst, 5, running) == Outcome::done);
    CHECK(machine.outcome(kFirst, 6, running) == Outcome::mismatch);
    CHECK(machine.outcome(kFirst, 7, running) == Outcome::done);
    CHECK(machine.outcome(kFirst, 8, running) == Outcome::did_not_happen);
    CHECK(machine.outcome(kFirst, 900, running) ==
          (over ? Outcome::did_not_happen : Outcome::unknown));
    // A start of which the state knows nothing: its record may still come until the running one's
    // has.
    CHECK(machine.outcome({104}, 1, running) ==
          (over ? Outcome::did_not_happen : Outcome::unknown));
  };
  check(false);
  machine.start(kA, running, 2);
  check(true);
  CHECK(machine.outcome(running, 1, running) == Outcome::unknown);
  machine.restart();
  check(true);

  // Three more starts push the first one out.
  for (std::uint64_t more = 3; more <= 5; ++more) machine.start(kA, {200 + more}, more);
  CHECK(machine.outcome(kFirst, 5, {205}) == Outcome::forgotten);
  CHECK(rows_of(machine, 'r') == 0);
  CHECK(machine.outcome(running, 1, {205}) == Outcome::did_not_happen);
}

}  // namespace
}  // namespace causeway::kv::testing
