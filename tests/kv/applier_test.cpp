// Order of entries, and failures: of the table, and of a log that cannot be.
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "kv/machine.hpp"
#include "kv/stored.hpp"
#include "kv/table_keys.hpp"

namespace causeway::kv::testing {
namespace {

Errc failure(const std::vector<Output>& out) {
  REQUIRE_FALSE(out.empty());
  REQUIRE(std::holds_alternative<Failed>(out.back()));
  return std::get<Failed>(out.back()).error.code;
}

LogEntry at(std::uint64_t index, Blob payload) {
  return {
      .index = {index}, .term = {1}, .log_time = log_time_at(index), .payload = std::move(payload)};
}
Blob start() { return encode(Start{.origin = kA, .incarnation = kFirst, .number = 1}); }

TEST_CASE("an applier starts where the table stands") {
  Machine machine;
  CHECK(machine.applier->position() == AppliedPosition{});
  CHECK(machine.applier->greatest_stamp() == Stamp{});
  machine.start(kA, kFirst, 1);
  machine.write({});
  LogEntry no_op = machine.entry({});
  no_op.command = false;
  machine.step({Apply{{no_op}}});
  const AppliedPosition position{no_op.index, no_op.term, no_op.log_time, no_op.hash};
  CHECK(machine.applier->position() == position);
  CHECK(machine.applier->greatest_stamp() == log_time_at(2));
  machine.restart();
  CHECK(machine.applier->position() == position);
  CHECK(machine.applier->greatest_stamp() == log_time_at(2));
  const std::optional<AppliedRow> row =
      decode_applied(machine.table.rows().find(keys::kApplied)->second);
  REQUIRE(row.has_value());
  CHECK(row->position == position);
}

TEST_CASE("a step stops where the values it gave are too many, and the next one goes on") {
  Machine machine;
  machine.start(kA, kFirst, 1);
  machine.write({.value = std::string(1000, 'v')});
  std::vector<Input> inputs;
  for (std::uint64_t id = 0; id < 5; ++id) inputs.emplace_back(Get{.id = id, .key = "k"});
  std::vector<Output> out;
  Stepped stepped = machine.applier->step(inputs, 1500, out);
  CHECK(stepped.inputs == 2);
  CHECK(stepped.bytes == 2000);
  stepped = machine.applier->step(std::span(inputs).subspan(2), 1500, out);
  CHECK(stepped.inputs == 2);
  stepped = machine.applier->step(std::span(inputs).subspan(4), 1500, out);
  CHECK(stepped.inputs == 1);
  REQUIRE(out.size() == 5);
  for (std::uint64_t id = 0; id < 5; ++id) CHECK(std::get<GetResult>(out[id]).id == id);
}

TEST_CASE("entries are applied in part where swaps that fail bring too many values, each once") {
  Machine machine;
  machine.start(kA, kFirst, 1);
  machine.write({.value = std::string(1000, 'v')});
  Apply apply;
  for (std::uint64_t number = 2; number < 7; ++number) {
    machine.log.push_back(machine.entry(
        command({.kind = CommandKind::swap, .number = number, .value = "w", .expected = "other"})));
    apply.entries.push_back(machine.log.back());
  }
  const std::vector<Input> inputs = {std::move(apply), Get{.id = 1, .key = "k"}};
  std::span<const Input> rest(inputs);
  std::vector<std::uint64_t> numbers;
  std::vector<std::size_t> handled;
  while (!rest.empty()) {
    std::vector<Output> out;
    const Stepped stepped = machine.applier->step(rest, 1500, out);
    rest = rest.subspan(stepped.inputs);
    handled.push_back(stepped.inputs);
    REQUIRE_FALSE(out.empty());
    if (const auto* applied = std::get_if<Applied>(&out.front())) {
      CHECK(applied->position == machine.applier->position());
      for (const WriteResult& write : applied->writes) {
        CHECK(write.status == Status::mismatch);
        numbers.push_back(write.number);
      }
    }
  }
  CHECK(numbers == std::vector<std::uint64_t>{2, 3, 4, 5, 6});
  CHECK(handled == std::vector<std::size_t>{0, 0, 2});
  CHECK(machine.applier->position().index == LogIndex{machine.log.size()});
}

TEST_CASE("entries that cannot follow stop the machine, for good, behind what is good") {
  struct Row {
    std::string why;
    LogEntry second;
  };
  LogEntry gap = at(3, command({}));
  LogEntry earlier_term = at(2, command({}));
  earlier_term.term = {0};
  LogEntry same_time = at(2, command({}));
  same_time.log_time = log_time_at(1);
  const std::vector<Row> rows = {
      {"an entry is missing", gap},
      {"an earlier term", earlier_term},
      {"a log time that does not rise", same_time},
      {"not a command", at(2, Blob::copy_of("?!"))},
      {"an empty command", at(2, Blob{})},
      {"a format of the future", at(2, Blob::copy_of("\x02\x01"))},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Machine machine;
    const std::vector<Output> out =
        machine.step({Apply{{at(1, start()), row.second, at(3, command({}))}}, Get{1, "k", false}});
    REQUIRE(out.size() == 2);
    const Applied& applied = std::get<Applied>(out[0]);
    CHECK(applied.position.index == LogIndex{1});
    CHECK(applied.starts.size() == 1);
    CHECK(failure(out) == Errc::corrupt);
    CHECK(machine.step({Get{1, "k", false}, Apply{{at(2, command({}))}}}).empty());
    machine.restart();
    CHECK(machine.applier->position().index == LogIndex{1});
  }
}

TEST_CASE("a table that fails is told once, and no answer that rested on the lost batch") {
  Machine machine;
  machine.start(kA, kFirst, 1);
  machine.table.fail_after_writes(0);
  const LogEntry entry = machine.entry(command({}));
  std::vector<Output> out =
      machine.step({Get{1, "k", false}, Apply{{entry}}, Get{2, "k", false}, FindPending{3, "k"}});
  REQUIRE(out.size() == 1);
  CHECK(failure(out) == Errc::io);
  CHECK(machine.step({Get{1, "k", false}}).empty());
  CHECK(machine.step({}).empty());
}

TEST_CASE("every question to a failed table is a failure, not an answer") {
  const std::vector<Input> inputs = {
      Get{1, "k", false},
      Get{1, "k", true},
      FindPending{1, "k"},
      PutPending{offline({.origin = kA})},
      ListPending{1, {}, 1, 1},
      FreePending{{1}},
      AskSettled{1},
      ListConflicts{1, 0, 10, 10},
      FindOutcome{1, kFirst, 1, kSecond},
      Apply{{at(5, command({.kind = CommandKind::remove, .incarnation = kSecond}))}},
  };
  for (const Input& input : inputs) {
    CAPTURE(input.index());
    Machine machine;
    machine.start(kA, kFirst, 1);
    machine.start(kA, kSecond, 2);
    // A verdict and a conflict, so that there is something to read.
    machine.settle(Proposer(kA).batch({{.sequence = 3}}));
    machine.settle(Proposer(kB).batch({{.seen = 0}}));
    machine.table.fail();
    CHECK(failure(machine.step({input})) == Errc::io);
  }
}

TEST_CASE("a damaged table is refused at the start, or when the damage is met, and never crashes") {
  Machine good;
  good.start(kA, kFirst, 1);
  good.write({});
  good.start(kA, kSecond, 2);
  good.write({.number = 7, .value = "w", .incarnation = kSecond});
  Proposer proposer(kA);
  good.settle(proposer.batch({{.sequence = 3, .stamp = 0, .seen = 0}}));
  good.settle(Proposer(kB).batch({{.stamp = 0, .seen = 0}}));
  REQUIRE(good.conflicts().size() == 1);
  good.put_pending(offline({.sequence = 5, .origin = kA}));
  good.table.flush();

  for (const auto& [key, value] : good.table.rows()) {
    for (std::size_t kept = 0; kept < value.size(); ++kept) {
      MapTable table = good.table;
      table.overwrite(key, value.substr(0, kept));
      const Result<std::unique_ptr<Applier>> opened = Applier::open(table, kA);
      if (!opened) {
        CHECK(opened.error().code == Errc::corrupt);
        continue;
      }
      const std::vector<Input> inputs = {
          Get{1, "k", false},
          Get{1, "k", true},
          FindPending{1, "k"},
          ListPending{1, {}, 9, 999},
          FreePending{{9}},
          AskSettled{1},
          ListConflicts{1, 0, 10, 9999},
          FindOutcome{1, kFirst, 1, kSecond},
      };
      std::vector<Output> out;
      for (const Input& input : inputs) opened.value()->step({input}, out);
      CHECK_FALSE(out.empty());
    }
  }
}

TEST_CASE("large entries of one step go to the table in several batches, each a state of its own") {
  Machine machine;
  machine.start(kA, kFirst, 1);
  std::vector<Blob> payloads;
  for (std::uint64_t number = 1; number <= 10; ++number) {
    payloads.push_back(command(
        {.number = number, .key = std::to_string(number), .value = std::string(300000, 'v')}));
  }
  CHECK(machine.apply(payloads).writes.size() == 10);
  CHECK(machine.table.unflushed() == 4);
  machine.restart(2);
  CHECK(machine.applier->position().index == LogIndex{5});
  CHECK(machine.get("4").value.has_value());
  CHECK_FALSE(machine.get("5").value.has_value());
}

}  // namespace
}  // namespace causeway::kv::testing
