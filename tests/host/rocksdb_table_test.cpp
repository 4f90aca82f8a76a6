// RocksdbTable keeps the contract of kv::Table, the same as the map of the tests does; and after a
// crash it shows the state behind some earlier batch, never a part of one.
#include "host/rocksdb_table.hpp"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "base/random.hpp"
#include "sim/map_table.hpp"
#include "temp_dir.hpp"

using namespace causeway;
using causeway::host::RocksdbTable;
using causeway::testing::TempDir;

namespace {

std::unique_ptr<RocksdbTable> open_table(const std::string& path) {
  auto table = RocksdbTable::open(path, {.write_buffer_bytes = 64 << 10});
  REQUIRE_MESSAGE(table.has_value(), table.error().detail);
  return std::move(table).value();
}

std::vector<std::pair<std::string, std::string>> rows_in(const kv::Table& table,
                                                         std::string_view from, std::string_view to,
                                                         std::size_t count_max = SIZE_MAX) {
  std::vector<std::pair<std::string, std::string>> rows;
  const auto scanned = table.scan(from, to, [&](std::string_view key, std::string_view value) {
    rows.emplace_back(key, value);
    return rows.size() < count_max;
  });
  REQUIRE(scanned.has_value());
  return rows;
}

/// The contract, on any table.
void check_contract(kv::Table& table) {
  CHECK(table.get("a").value() == std::nullopt);
  CHECK(rows_in(table, "a", "z").empty());

  kv::Batch batch;
  batch.put("b", "1");
  batch.put("a", "");
  batch.put(std::string("a\0b", 3), std::string("\0\xff", 2));
  batch.put("c", "gone");
  batch.remove("c");
  batch.put("b", "2");  // in order: the later one stands
  batch.remove("never there");
  REQUIRE(table.write(batch).has_value());
  CHECK(table.get("a").value() == "");
  CHECK(table.get("b").value() == "2");
  CHECK(table.get("c").value() == std::nullopt);
  CHECK(table.get(std::string("a\0b", 3)).value() == std::string("\0\xff", 2));
  CHECK(table.get("a\xff").value() == std::nullopt);

  const auto rows = rows_in(table, "a", "c");
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].first == "a");
  CHECK(rows[1].first == std::string("a\0b", 3));
  CHECK(rows[2].first == "b");
  CHECK(rows_in(table, "a", "b").size() == 2);  // the end does not belong to it
  CHECK(rows_in(table, "a", "c", 1).size() == 1);
  CHECK(rows_in(table, "b", "b").empty());

  REQUIRE(table.write({}).has_value());
  const std::string large(1 << 20, 'v');
  kv::Batch second;
  second.put("large", large);
  second.remove("a");
  REQUIRE(table.write(second).has_value());
  CHECK(table.get("large").value() == large);
  CHECK(table.get("a").value() == std::nullopt);
}

/// Puts `bytes` in place of every file that begins so.
void spoil_files(const std::string& path, std::string_view begin, std::string_view bytes) {
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(begin)) std::ofstream(entry.path(), std::ios::binary) << bytes;
  }
}

/// Batch number n writes 20 rows, so that a part of a batch would show.
kv::Batch batch_number(int n) {
  kv::Batch batch;
  for (int row = 0; row < 20; ++row) {
    batch.put("row-" + std::to_string(row), std::to_string(n) + std::string(500, '.'));
  }
  batch.put("last", std::to_string(n));
  return batch;
}

/// The batch behind which the table stands; fails when it is none.
int standing_of(const kv::Table& table) {
  const auto last = table.get("last").value();
  for (int row = 0; row < 20; ++row) {
    const auto value = table.get("row-" + std::to_string(row)).value();
    CHECK(value.has_value() == last.has_value());
    if (value && last) CHECK(*value == *last + std::string(500, '.'));
  }
  return last ? std::stoi(*last) : 0;
}

}  // namespace

TEST_CASE("RocksDB and the map of the tests keep the same contract") {
  const TempDir dir;
  const auto table = open_table(dir.path_of("state"));
  check_contract(*table);
  causeway::sim::MapTable map;
  check_contract(map);
}

TEST_CASE("random batches leave the same rows in both, also after a clean close") {
  const TempDir dir;
  causeway::sim::MapTable map;
  Random random(7);
  for (int life = 0; life < 3; ++life) {
    const auto table = open_table(dir.path_of("state"));
    CHECK(rows_in(*table, "k", "l") == rows_in(map, "k", "l"));
    for (int i = 0; i < 200; ++i) {
      kv::Batch batch;
      for (std::uint64_t op = random.below(20); op > 0; --op) {
        const std::string key = "k" + std::to_string(random.below(300));
        if (random.below(4) == 0) {
          batch.remove(key);
        } else {
          batch.put(key, std::string(random.below(400), static_cast<char>('a' + random.below(26))));
        }
      }
      REQUIRE(table->write(batch).has_value());
      REQUIRE(map.write(batch).has_value());
    }
    CHECK(rows_in(*table, "k", "l") == rows_in(map, "k", "l"));
    REQUIRE(table->flush_and_close().has_value());
  }
}

// Not a test: a process of its own for the next one. A forked child would miss RocksDB's background
// threads.
TEST_CASE("child: writes batches and dies" * doctest::skip()) {
  const int first = std::stoi(std::getenv("CHILD_FIRST"));
  auto table = RocksdbTable::open(std::getenv("CHILD_PATH"), {.write_buffer_bytes = 64 << 10});
  for (int n = first; n < first + 50; ++n) {
    if (!table || !table.value()->write(batch_number(n))) ::_exit(1);
  }
  ::_exit(0);  // no destructor, no flush
}

TEST_CASE("after a kill the table shows the state behind some earlier batch") {
  const TempDir dir;
  const std::string path = dir.path_of("state");
  int stood = 0;
  for (int life = 1; life <= 3; ++life) {
    const int first = 100 * life;
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::setenv("CHILD_FIRST", std::to_string(first).c_str(), 1);
      ::setenv("CHILD_PATH", path.c_str(), 1);
      ::execl("/proc/self/exe", "test_host", "--no-skip",
              "--test-case=child: writes batches and dies", nullptr);
      ::_exit(2);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
    const auto table = open_table(path);
    const int stands = standing_of(*table);
    CHECK(stands >= stood);
    CHECK(stands < first + 50);
    stood = stands;
  }
  CHECK(stood > 0);  // 50 batches of 10 KB went through a write buffer of 64 KB
}

TEST_CASE("an unusable database is refused in one line that names it") {
  struct Row {
    const char* why;
    void (*spoil)(const std::string& path);
  };
  const Row rows[] = {
      {"CURRENT names no manifest",
       [](const std::string& p) { spoil_files(p, "CURRENT", "garbage\n"); }},
      {"the manifest is garbage",
       [](const std::string& p) { spoil_files(p, "MANIFEST", "garbage"); }},
      {"the manifest is gone",
       [](const std::string& p) {
         for (const auto& entry : std::filesystem::directory_iterator(p)) {
           if (entry.path().filename().string().starts_with("MANIFEST")) {
             std::filesystem::remove(entry.path());
           }
         }
       }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const TempDir dir;
    const std::string path = dir.path_of("state");
    {
      const auto table = open_table(path);
      REQUIRE(table->write(batch_number(1)).has_value());
      REQUIRE(table->flush_and_close().has_value());
    }
    row.spoil(path);
    const auto refused = RocksdbTable::open(path);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().detail.find(path) != std::string::npos);
    CHECK(refused.error().detail.find('\n') == std::string::npos);
  }
}

TEST_CASE("a database that is open already is refused") {
  const TempDir dir;
  const auto table = open_table(dir.path_of("state"));
  const auto second = RocksdbTable::open(dir.path_of("state"));
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == Errc::unavailable);
}

TEST_CASE("no log files gather beside the data") {
  const TempDir dir;
  for (int start = 0; start < 4; ++start) {
    const auto table = open_table(dir.path_of("state"));
    REQUIRE(table->flush_and_close().has_value());
  }
  for (const auto& entry : std::filesystem::directory_iterator(dir.path_of("state"))) {
    CHECK_FALSE(entry.path().filename().string().starts_with("LOG"));
  }
}
