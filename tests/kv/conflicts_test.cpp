// The superseded list stays within its bounds and says what it dropped.
#include "kv/conflicts.hpp"

#include <numeric>
#include <string>

#include <doctest/doctest.h>

#include "kv/limits.hpp"
#include "kv/machine.hpp"
#include "kv/results.hpp"
#include "kv/stored.hpp"

namespace causeway::kv::testing {
namespace {

struct List {
  MapTable table;
  Changes changes{table};
  Conflicts conflicts;

  void add(std::string key, std::size_t lost, std::size_t won) {
    Conflict conflict{.key = std::move(key)};
    conflict.lost_value = std::string(lost, 'l');
    conflict.won_value = std::string(won, 'w');
    REQUIRE(conflicts.add(std::move(conflict), changes));
  }
  void write() {
    conflicts.save(changes);
    REQUIRE(changes.write());
  }
  void reload() {
    write();
    conflicts = Conflicts{};
    REQUIRE(conflicts.load(changes));
  }
  ConflictList list(std::uint64_t cursor = 0, std::size_t count = 1u << 20,
                    std::size_t bytes = 1u << 30) {
    Result<ConflictList> result = conflicts.list({1, cursor, count, bytes}, changes);
    REQUIRE(result);
    return std::move(result).value();
  }
  std::size_t value_bytes() {
    std::size_t sum = 0;
    for (const Conflict& each : list().conflicts) {
      sum += each.lost_value.value_or("").size() + each.won_value.value_or("").size();
    }
    return sum;
  }
};

TEST_CASE("the oldest rows go when there are too many, and are counted") {
  List list;
  for (std::size_t n = 1; n <= kConflictsMax + 100; ++n) {
    list.add(std::to_string(n), 500, 500);
    if (n % 100 == 0 && n < 1000) list.reload();
  }
  list.add("larger", 20000, 0);
  const ConflictList all = list.list();
  CHECK(all.dropped == 101);
  CHECK(all.end);
  REQUIRE(all.conflicts.size() == kConflictsMax);
  CHECK(all.conflicts.front().number == 102);
  CHECK(all.conflicts.front().key == "102");
  CHECK(all.conflicts.back().number == kConflictsMax + 101);
  // The rows that went took their bytes with them: all values of the others have room.
  for (const Conflict& each : all.conflicts) CHECK_FALSE(each.lost_value_dropped);
}

TEST_CASE("the oldest values go when they take too much, and their rows say so") {
  for (const bool reloaded : {false, true}) {
    CAPTURE(reloaded);
    List list;
    const std::size_t quarter = kConflictBytesMax / 4;
    for (const char* key : {"a", "b", "c"}) list.add(key, quarter / 2, quarter / 2);
    list.add("d", quarter, 0);
    if (reloaded) list.reload();
    CHECK(list.value_bytes() == kConflictBytesMax);
    list.add("e", 1, 0);

    const ConflictList all = list.list();
    REQUIRE(all.conflicts.size() == 5);
    CHECK(all.dropped == 0);
    CHECK(all.conflicts[0].key == "a");
    CHECK(all.conflicts[0].lost_value == std::nullopt);
    CHECK(all.conflicts[0].lost_value_dropped);
    CHECK(all.conflicts[0].won_value_dropped);
    for (std::size_t at = 1; at < 5; ++at) {
      CHECK(all.conflicts[at].lost_value.has_value());
      CHECK_FALSE(all.conflicts[at].lost_value_dropped);
    }
  }
}

TEST_CASE("a row that is too large alone does not push the others out") {
  List list;
  list.add("small", 10, 10);
  list.add("large", kConflictBytesMax - 20, 21);
  list.add("larger", kConflictBytesMax + 1, 10);
  const ConflictList all = list.list();
  REQUIRE(all.conflicts.size() == 3);
  CHECK(all.conflicts[0].lost_value.has_value());
  // The winner's value goes first: it stands in the store as well.
  CHECK(all.conflicts[1].lost_value->size() == kConflictBytesMax - 20);
  CHECK(all.conflicts[1].won_value_dropped);
  CHECK(all.conflicts[2].lost_value_dropped);
  CHECK(list.value_bytes() <= kConflictBytesMax);
}

TEST_CASE("a delete is not a dropped value") {
  List list;
  REQUIRE(list.conflicts.add({.key = "k", .won_value = std::string(kConflictBytesMax, 'w')},
                             list.changes));
  list.add("next", 1, 0);
  const ConflictList all = list.list();
  CHECK(all.conflicts[0].won_value_dropped);
  CHECK_FALSE(all.conflicts[0].lost_value_dropped);
}

TEST_CASE("the list is read in pages, each with at least one row") {
  List list;
  for (int n = 1; n <= 5; ++n) list.add(std::to_string(n), 100, 0);
  struct Row {
    std::string why;
    std::uint64_t cursor;
    std::size_t count, bytes;
    std::vector<std::uint64_t> numbers;
    std::uint64_t next;
    bool end;
  };
  const std::vector<Row> rows = {
      {"all", 0, 100, 10000, {1, 2, 3, 4, 5}, 6, true},
      {"by count", 0, 2, 10000, {1, 2}, 3, false},
      {"from there", 3, 2, 10000, {3, 4}, 5, false},
      {"the last page", 5, 2, 10000, {5}, 6, true},
      {"behind the end", 6, 2, 10000, {}, 6, true},
      {"by bytes", 2, 100, 210, {2, 3}, 4, false},
      {"at least one", 4, 0, 0, {4}, 5, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const ConflictList page = list.list(row.cursor, row.count, row.bytes);
    std::vector<std::uint64_t> numbers;
    for (const Conflict& each : page.conflicts) numbers.push_back(each.number);
    CHECK(numbers == row.numbers);
    CHECK(page.cursor == row.next);
    CHECK(page.end == row.end);
  }
}

TEST_CASE("rows, verdicts and versions of the table are the same when they are read back") {
  const crdt::StoredVersion version{.revision = {1},
                                    .stamp = {2},
                                    .origin = {3},
                                    .sequence = {4},
                                    .kind = crdt::WriteKind::offline,
                                    .session = 5,
                                    .expires_ms = 6};
  std::optional<Stored> stored = decode_stored(encode_stored(version, "value"));
  REQUIRE(stored.has_value());
  CHECK(stored->version == version);
  CHECK(stored->value() == "value");
  CHECK(std::move(*stored).take_value() == "value");

  const std::vector<crdt::Verdict> verdicts = {
      {.sequence = {9}, .kind = crdt::VerdictKind::won, .winner = version},
      {.sequence = {9}, .kind = crdt::VerdictKind::superseded, .winner = version},
      {.sequence = {9}, .kind = crdt::VerdictKind::rejected, .reason = "why"},
      {.sequence = {9}, .kind = crdt::VerdictKind::replaced, .replaced_by = {{7}, {8}}},
  };
  std::vector<std::string> rows;
  for (const crdt::Verdict& verdict : verdicts) {
    rows.push_back(encode_verdict(verdict));
    CHECK(decode_verdict({9}, rows.back()) == verdict);
  }
  const Conflict conflict{.number = 12,
                          .key = "k",
                          .reason = "r",
                          .lost = version,
                          .lost_value = "",
                          .won = version,
                          .won_value_dropped = true};
  rows.push_back(encode_conflict(conflict));
  CHECK(decode_conflict(12, rows.back()) == conflict);
  rows.push_back(encode_applied({{{1}, {2}, {3}, 4}, {5}}));
  rows.push_back(encode_stored(version, "v"));

  // Damage is answered with nothing, never with a crash; copies of exact size let a sanitizer see a
  // read beyond.
  for (const std::string& row : rows) {
    for (std::size_t size = 0; size < row.size(); ++size) {
      const Blob cut = Blob::copy_of(std::string_view(row).substr(0, size));
      (void)decode_stored(std::string(cut.view()));
      (void)decode_verdict({}, cut.view());
      (void)decode_conflict(1, cut.view());
      (void)decode_applied(cut.view());
      (void)decode_results(cut.view());
    }
    for (std::size_t bit = 0; bit < 8 * row.size(); ++bit) {
      std::string flipped = row;
      flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
      (void)decode_stored(flipped);
      (void)decode_verdict({}, flipped);
      (void)decode_conflict(1, flipped);
      (void)decode_applied(flipped);
      (void)decode_results(flipped);
    }
  }
}

}  // namespace
}  // namespace causeway::kv::testing
