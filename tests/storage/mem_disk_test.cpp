// The simulated disk itself: a test that trusts it is worth nothing if it forgets too little.
#include "sim/mem_disk.hpp"

#include <set>

#include <doctest/doctest.h>

using namespace causeway;
using namespace causeway::storage;
using causeway::sim::MemBytes;
using causeway::sim::MemDisk;

namespace {

std::unique_ptr<File> make(MemDisk& disk, std::string_view name) {
  auto file = disk.open(name, OpenMode::create);
  REQUIRE(file);
  return std::move(file).value();
}

}  // namespace

TEST_CASE(
    "a crash keeps what was synced and, over many of them, everything and nothing of the rest") {
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    MemDisk disk;
    const auto file = make(disk, "a");
    REQUIRE(file->write_at(0, "synced"));
    REQUIRE(file->sync());
    REQUIRE(disk.sync_directory());
    REQUIRE(file->write_at(6, " one"));
    REQUIRE(file->write_at(10, " two"));
    Random random(seed);
    disk.crash(random);
    const std::string left = disk.contents("a");
    CHECK(left.starts_with("synced"));
    outcomes.insert(left);
    CHECK_FALSE(file->write_at(0, "x"));  // a file opened before the crash is dead
  }
  CHECK(outcomes.contains("synced"));
  CHECK(outcomes.contains("synced one"));
  CHECK(outcomes.contains("synced one two"));
  CHECK(outcomes.contains(std::string("synced\0\0\0\0 two", 14)));  // out of order
}

TEST_CASE("a large write is torn by sectors") {
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    MemDisk disk;
    const auto file = make(disk, "a");
    REQUIRE(disk.sync_directory());
    REQUIRE(file->write_at(0, std::string(3 * MemBytes::kSectorBytes, 'x')));
    Random random(seed);
    disk.crash(random);
    const std::string left = disk.contents("a");
    std::string sectors;
    for (std::size_t i = 0; i * MemBytes::kSectorBytes < left.size(); ++i) {
      sectors.push_back(left[i * MemBytes::kSectorBytes] == 'x' ? 'x' : '.');
    }
    outcomes.insert(sectors);
  }
  CHECK(outcomes.size() == 8);
}

TEST_CASE("names made, removed and renamed can be lost until the directory is synced") {
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    MemDisk disk;
    disk.set_contents("old", "1");
    disk.set_contents("gone", "2");
    make(disk, "new");
    REQUIRE(disk.remove("gone"));
    REQUIRE(disk.rename("old", "renamed"));
    if (seed % 2 == 0) REQUIRE(disk.sync_directory());
    Random random(seed);
    disk.crash(random);
    std::string names;
    for (const auto& [name, bytes] : disk.image()) names += name + ' ';
    if (seed % 2 == 0) {
      CHECK(names == "new renamed ");
    } else {
      outcomes.insert(names);
    }
  }
  CHECK(outcomes.size() == 8);
}

TEST_CASE("after a failed sync reads still show the bytes, and no later sync saves them") {
  MemDisk disk;
  const auto file = make(disk, "a");
  REQUIRE(disk.sync_directory());
  REQUIRE(file->write_at(0, "lost"));
  disk.fail_sync(1);
  CHECK_FALSE(file->sync());
  CHECK(disk.contents("a") == "lost");
  REQUIRE(file->write_at(4, "kept"));
  REQUIRE(file->sync());
  Random random(1);
  disk.crash(random);
  CHECK(disk.contents("a") == std::string("\0\0\0\0kept", 8));
}

TEST_CASE("of a sync that fails an arbitrary part may have reached the disk; who asked is told") {
  std::set<std::string> outcomes;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    MemDisk disk;
    const auto file = make(disk, "a");
    REQUIRE(disk.sync_directory());
    REQUIRE(file->write_at(0, "one"));
    REQUIRE(file->write_at(3, "two"));
    int told = 0;
    disk.on_struck = [&told](MemDisk::Strike what) {
      CHECK(what == MemDisk::Strike::sync);
      ++told;
    };
    disk.fail_sync(1, Errc::io, seed);
    CHECK_FALSE(file->sync());
    CHECK(told == 1);
    CHECK(disk.contents("a") == "onetwo");
    outcomes.insert(std::string(disk.durable_contents("a")));
    Random random(seed);
    disk.crash(random);
    CHECK(outcomes.contains(disk.contents("a")));
  }
  CHECK(outcomes.contains(""));
  CHECK(outcomes.contains("one"));
  CHECK(outcomes.contains("onetwo"));
  CHECK(outcomes.size() > 4);  // torn within a sector, too
}

TEST_CASE("what was asked for and is disarmed does not happen") {
  MemDisk disk;
  const auto file = make(disk, "a");
  disk.fail_write(1, Errc::io);
  disk.fail_sync(1);
  disk.power_off(3);
  disk.disarm();
  CHECK(file->write_at(0, "kept"));
  CHECK(file->sync());
  CHECK(file->write_at(4, "too"));
  CHECK(disk.contents("a") == "kepttoo");
}

TEST_CASE("a full disk takes what fits; reserving takes all or nothing") {
  MemDisk disk;
  const auto file = make(disk, "a");
  disk.set_capacity(10);
  CHECK(file->reserve(11).error().code == Errc::disk_full);
  REQUIRE(file->reserve(8));
  CHECK(file->size().value() == 8);
  REQUIRE(file->write_at(0, "12345678"));
  CHECK(file->write_at(8, "9abcdef").error().code == Errc::disk_full);
  CHECK(disk.contents("a") == "123456789a");
  REQUIRE(file->truncate(0));
  REQUIRE(file->write_at(0, "1234567890"));
}

TEST_CASE("a copy is a disk of its own") {
  MemDisk disk;
  const auto file = make(disk, "a");
  REQUIRE(file->write_at(0, "one"));
  MemDisk copy = disk;
  REQUIRE(file->write_at(0, "two"));
  REQUIRE(file->sync());
  REQUIRE(disk.sync_directory());
  CHECK(copy.contents("a") == "one");
  Random random(7);
  disk.crash(random);
  CHECK(disk.contents("a") == "two");
}
