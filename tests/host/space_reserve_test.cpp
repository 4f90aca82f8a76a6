// A full disk stops the logs before it stops the state.
#include "host/space_reserve.hpp"

#include <filesystem>
#include <string>

#include <sys/statvfs.h>

#include <doctest/doctest.h>

#include "base/random.hpp"
#include "host/posix_disk.hpp"
#include "host/rocksdb_table.hpp"
#include "small_disk.hpp"

using namespace causeway;
using causeway::host::PosixDisk;
using causeway::host::SpaceReserve;
using causeway::testing::open_disk;
using causeway::testing::SmallDisk;

namespace {

constexpr std::uint64_t kMegabyte = 1 << 20;

bool has_ballast(const SmallDisk& small) {
  return std::filesystem::exists(small.path() + "/ballast");
}

std::uint64_t free_bytes(const SmallDisk& small) {
  struct statvfs info {};
  REQUIRE(::statvfs(small.path().c_str(), &info) == 0);
  return info.f_bavail * info.f_frsize;
}

/// Another program uses up all but `left` bytes; 0 bytes of it: gives everything back.
void fill(const SmallDisk& small, std::uint64_t left) {
  PosixDisk disk = open_disk(small.path());
  const auto file = std::move(disk.open("others", storage::OpenMode::either)).value();
  REQUIRE(file->truncate(0).has_value());
  if (left != UINT64_MAX) REQUIRE(file->reserve(free_bytes(small) - left).has_value());
}

}  // namespace

TEST_CASE("the ballast is given up when room runs out, and comes back with plenty of it") {
  const SmallDisk small("64m");  // a reserve of 8 MB
  if (!small.mounted()) return;
  PosixDisk disk = open_disk(small.path());
  SpaceReserve reserve(disk);
  CHECK(has_ballast(small));
  reserve.watch();
  CHECK(has_ballast(small));

  fill(small, 5 * kMegabyte);
  reserve.watch();
  CHECK(has_ballast(small));  // no need yet
  CHECK(reserve.allows(5 * kMegabyte));
  CHECK_FALSE(reserve.allows(6 * kMegabyte));

  fill(small, 3 * kMegabyte);
  reserve.watch();
  CHECK_FALSE(has_ballast(small));
  CHECK(free_bytes(small) >= 11 * kMegabyte);
  CHECK(reserve.allows(3 *
                       kMegabyte));  // the same as before: a log gets nothing of what was given up
  CHECK_FALSE(reserve.allows(4 * kMegabyte));

  fill(small, 20 * kMegabyte);
  reserve.watch();
  CHECK_FALSE(has_ballast(small));
  fill(small, UINT64_MAX);
  reserve.watch();
  CHECK(has_ballast(small));
}

TEST_CASE("a file of a log is refused room that belongs to the reserve") {
  const SmallDisk small("64m");
  if (!small.mounted()) return;
  PosixDisk disk = open_disk(small.path());
  SpaceReserve reserve(disk);
  PosixDisk log_disk = open_disk(small.path() + "/log");
  log_disk.set_reserve_limit(&reserve);
  const auto file = std::move(log_disk.open("a", storage::OpenMode::create)).value();
  REQUIRE(file->reserve(8 * kMegabyte).has_value());
  fill(small, 4 * kMegabyte);
  CHECK(file->reserve(8 * kMegabyte).has_value());  // it has that already
  const auto refused = file->reserve(16 * kMegabyte);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::disk_full);
  CHECK(file->size().value() == 8 * kMegabyte);
}

TEST_CASE("the state takes what is in the logs although others have filled the disk") {
  const SmallDisk small("64m");
  if (!small.mounted()) return;
  PosixDisk disk = open_disk(small.path());
  SpaceReserve reserve(disk);
  auto table = host::RocksdbTable::open(small.path() + "/state",
                                        {.write_buffer_bytes = 1 << 20, .reserve = &reserve});
  REQUIRE(table.has_value());
  fill(small, 0);
  Random random(1);
  for (int i = 0; i < 6 * 1024; ++i) {  // 6 MB: several flushes
    kv::Batch batch;
    std::string value(1024, '\0');
    for (char& c : value) c = static_cast<char>(random.next());  // cannot be compressed
    batch.put("key-" + std::to_string(i), value);
    REQUIRE(table.value()->write(batch).has_value());
  }
  CHECK_FALSE(has_ballast(small));
  CHECK(table.value()->get("key-17").value().has_value());
  CHECK(table.value()->flush_and_close().has_value());
}
