// Consistent writes against every state of their key, and of their caller.
#include <optional>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "kv/limits.hpp"
#include "kv/machine.hpp"

namespace causeway::kv::testing {
namespace {

using Text = std::optional<std::string>;

// Brings the key "k" into a state: never written, holding "old", or a tombstone.
enum class Was { never, value, tombstone };

void prepare(Machine& machine, Was was) {
  machine.start(kA, kFirst, 1);
  machine.start(kB, kSecond, 1);
  const WriteOf set{.value = "old", .origin = kB, .incarnation = kSecond};
  if (was == Was::never) return;
  machine.apply({command(set)});
  if (was == Was::value) return;
  machine.apply(
      {command({.kind = CommandKind::remove, .number = 2, .origin = kB, .incarnation = kSecond})});
}

TEST_CASE("set, delete and swap answer and leave what the interface says, whatever stood there") {
  struct Row {
    std::string why;
    CommandKind kind;
    Was was;
    Text expected;
    Status status;
    Text value_after;
    bool version_after;
  };
  const std::vector<Row> rows = {
      {"a set of a new key", CommandKind::set, Was::never, {}, Status::done, "new", true},
      {"a set over a value", CommandKind::set, Was::value, {}, Status::done, "new", true},
      {"a set over a tombstone", CommandKind::set, Was::tombstone, {}, Status::done, "new", true},
      {"a delete that finds a value", CommandKind::remove, Was::value, {}, Status::done, {}, true},
      {"a delete of an absent key leaves a tombstone",
       CommandKind::remove,
       Was::never,
       {},
       Status::absent,
       {},
       true},
      {"a delete of a deleted key",
       CommandKind::remove,
       Was::tombstone,
       {},
       Status::absent,
       {},
       true},
      {"a swap that matches", CommandKind::swap, Was::value, "old", Status::done, "new", true},
      {"a swap of another value", CommandKind::swap, Was::value, "other", Status::mismatch, "old",
       true},
      {"a swap that expects a prefix", CommandKind::swap, Was::value, "ol", Status::mismatch, "old",
       true},
      {"a swap that expects absence",
       CommandKind::swap,
       Was::value,
       {},
       Status::mismatch,
       "old",
       true},
      {"creating a new key", CommandKind::swap, Was::never, {}, Status::done, "new", true},
      {"creating a deleted key", CommandKind::swap, Was::tombstone, {}, Status::done, "new", true},
      {"a swap of a key that never was",
       CommandKind::swap,
       Was::never,
       "old",
       Status::mismatch,
       {},
       false},
      {"a swap of a deleted key",
       CommandKind::swap,
       Was::tombstone,
       "old",
       Status::mismatch,
       {},
       true},
      {"an empty value is not absence",
       CommandKind::swap,
       Was::never,
       "",
       Status::mismatch,
       {},
       false},
      {"nor is a tombstone an empty value",
       CommandKind::swap,
       Was::tombstone,
       "",
       Status::mismatch,
       {},
       true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Machine machine;
    prepare(machine, row.was);
    const std::optional<crdt::StoredVersion> before = machine.get("k").version;
    const WriteResult result = machine.write(
        {.kind = row.kind, .number = 5, .value = "new", .expected = row.expected, .reached = 3});
    const LogIndex index{machine.log.size()};

    CHECK(result.status == row.status);
    CHECK(result.number == 5);
    CHECK(result.incarnation == kFirst);
    CHECK(result.index == index);
    const GetResult after = machine.get("k");
    CHECK(after.value == row.value_after);
    CHECK(after.version.has_value() == row.version_after);
    CHECK_FALSE(after.pending);
    if (row.status == Status::mismatch) {
      CHECK(result.current == row.value_after);
      CHECK(after.version == before);
      CHECK(result.version == before.value_or(crdt::StoredVersion{}));
    } else {
      CHECK(after.version == result.version);
      CHECK(result.version == crdt::StoredVersion{.revision = index,
                                                  .stamp = log_time_at(index.value),
                                                  .origin = kA,
                                                  .sequence = {3},
                                                  .tombstone = row.kind == CommandKind::remove});
    }
    CHECK(machine.conflicts().empty());
  }
}

TEST_CASE("a plain set is a blind write: applying it reads nothing") {
  Machine machine;
  machine.start(kA, kFirst, 1);
  const std::size_t before = machine.table.reads();
  machine.write({.number = 1});
  machine.write({.number = 2, .lowest = 2});
  CHECK(machine.table.reads() == before);
}

TEST_CASE("what reads sees the writes before it in the same batch") {
  Machine machine;
  machine.start(kA, kFirst, 1);
  const Applied applied = machine.apply({
      command({.number = 1, .value = "one"}),
      command({.kind = CommandKind::swap, .number = 2, .value = "two", .expected = "one"}),
      command({.kind = CommandKind::swap, .number = 3, .value = "three", .expected = "one"}),
      command({.kind = CommandKind::remove, .number = 4}),
      command({.kind = CommandKind::remove, .number = 5}),
      command({.kind = CommandKind::swap, .number = 6, .value = "six"}),
      command({.number = 7, .value = "seven"}),
      command({.kind = CommandKind::swap, .number = 3, .value = "three", .expected = "one"}),
  });
  REQUIRE(applied.writes.size() == 8);
  CHECK(applied.writes[1].status == Status::done);
  CHECK(applied.writes[2].status == Status::mismatch);
  CHECK(applied.writes[2].current == "two");
  CHECK(applied.writes[3].status == Status::done);
  CHECK(applied.writes[4].status == Status::absent);
  CHECK(applied.writes[5].status == Status::done);
  // The repeated swap answers with what stands there now.
  CHECK(applied.writes[7].status == Status::mismatch);
  CHECK(applied.writes[7].current == "seven");
  CHECK(machine.table.unflushed() == 2);  // the start, and one batch
}

TEST_CASE("a get between two entries of one step sees the first and not the second") {
  Machine machine;
  machine.start(kA, kFirst, 1);
  const LogEntry first = machine.entry(command({.number = 1, .value = "one"}));
  LogEntry second = machine.entry(command({.number = 2, .value = "two"}));
  second.index = first.index.next();
  second.log_time = log_time_at(second.index.value);
  const std::vector<Output> out = machine.step(
      {Get{1, "k", false}, Apply{{first}}, Get{2, "k", false}, Apply{{second}}, Get{3, "k", true}});
  REQUIRE(out.size() == 5);
  CHECK(std::get<GetResult>(out[0]).value == std::nullopt);
  CHECK(std::get<GetResult>(out[2]).value == "one");
  CHECK(std::get<GetResult>(out[2]).applied == first.index);
  CHECK(std::get<GetResult>(out[4]).value == "two");
}

TEST_CASE("a consistent write that an offline write of its own node has overtaken does nothing") {
  struct Row {
    std::string why;
    std::uint64_t reached;
    Origin settled_by;
    CommandKind kind;
    Status status;
  };
  // The node has settled its offline write 4 of the key before the consistent one arrives.
  const std::vector<Row> rows = {
      {"a set taken before that write", 3, kA, CommandKind::set, Status::overtaken},
      {"a swap that would have matched", 3, kA, CommandKind::swap, Status::overtaken},
      {"a delete", 0, kA, CommandKind::remove, Status::overtaken},
      {"taken behind it", 4, kA, CommandKind::set, Status::done},
      {"taken further behind it", 9, kA, CommandKind::set, Status::done},
      {"the other one is another node's", 0, kB, CommandKind::set, Status::done},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Machine machine;
    machine.start(kA, kFirst, 1);
    Proposer proposer(row.settled_by);
    machine.settle(proposer.batch({{.sequence = 4, .value = "offline"}}));
    WriteOf late{.kind = row.kind, .value = "late", .reached = row.reached};
    if (row.kind == CommandKind::swap) late.expected = "offline";
    CHECK(machine.write(late).status == row.status);
    const bool stays = row.status == Status::overtaken;
    CHECK(machine.get("k").value == (stays ? "offline" : "late"));
    // Final: also after the key has changed the same call is answered the same way.
    machine.apply({command({.kind = CommandKind::remove, .number = 2, .reached = 9})});
    CHECK(machine.write(late).status == row.status);
    CHECK(machine.get("k").value == std::nullopt);
  }
}

TEST_CASE("an overtaken write is also one behind a later consistent write of its node") {
  Machine machine;
  machine.start(kA, kFirst, 1);
  Proposer proposer(kA);
  machine.settle(proposer.batch({{.sequence = 4, .value = "offline"}}));
  CHECK(machine.write({.number = 2, .value = "later", .reached = 4}).status == Status::done);
  CHECK(machine.write({.number = 1, .value = "late", .reached = 3}).status == Status::overtaken);
  CHECK(machine.get("k").value == "later");
}

TEST_CASE("offline writes of other keys overtake nothing, though the write then has to read") {
  Machine machine;
  machine.start(kA, kFirst, 1);
  machine.write({.number = 1, .value = "old"});
  Proposer proposer(kA);
  machine.settle(proposer.batch({{.sequence = 4, .key = "other"}}));
  CHECK(machine.write({.number = 2, .value = "new", .reached = 3}).status == Status::done);
  CHECK(machine.get("k").value == "new");
}

TEST_CASE("a consistent write supersedes whatever is committed, whatever any clock says") {
  Machine machine;
  machine.start(kA, kFirst, 1);
  Proposer proposer(kB);
  machine.settle(proposer.batch({{.value = "from 2046", .stamp = UINT64_MAX}}));
  CHECK(machine.get("k").value == "from 2046");
  CHECK(machine.get("k").version->stamp == log_time_at(2));
  CHECK(machine.write({.value = "now"}).status == Status::done);
  CHECK(machine.get("k").value == "now");
  CHECK(machine.conflicts().empty());
}

}  // namespace
}  // namespace causeway::kv::testing
