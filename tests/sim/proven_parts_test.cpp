// A bit that flips in a proven part is never taken for a torn tail.
#include "sim/proven_parts.hpp"

#include <doctest/doctest.h>

#include "storage/segmented_log.hpp"

using namespace causeway;
using namespace causeway::sim;

namespace {

storage::LogOptions options() {
  return {.name = "raft", .kind = 1, .segment_bytes_max = 16u << 10, .vital_bytes = 1024};
}

/// Opens the log and returns how many records it shows.
Result<std::size_t> records(MemDisk& disk) {
  Random random(1);
  std::size_t count = 0;
  CAUSEWAY_TRY(log, storage::SegmentedLog::open(disk, options(), random,
                                                [&](const storage::RecordRef&) -> Result<void> {
                                                  ++count;
                                                  return success();
                                                }));
  static_cast<void>(log);
  return count;
}

/// A log of several segments, of which the last batches are not synced.
void fill(MemDisk& disk, Random& random) {
  auto log = storage::SegmentedLog::open(
      disk, options(), random, [](const storage::RecordRef&) -> Result<void> { return success(); });
  REQUIRE(log);
  const std::uint64_t batches = random.between(1, 60);
  for (std::uint64_t i = 0; i < batches; ++i) {
    const std::string body(random.below(2000), 'b');
    const storage::RecordView record{.type = 1, .body = body};
    REQUIRE(log.value().append(i + 1, {&record, 1}));
    if (random.below(3) == 0) REQUIRE(log.value().sync());
  }
}

}  // namespace

TEST_CASE("a bit that flips in a proven part is refused as damage, or harms nothing") {
  Random random(1);
  std::size_t refused = 0;
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    MemDisk disk;
    fill(disk, random);
    const auto parts = proven_parts(disk, "raft");
    if (parts.empty()) continue;
    disk.crash(random);  // what was proven is so after any crash
    MemDisk sound = disk;
    const auto whole = records(sound);
    REQUIRE(whole);
    const ProvenPart& part = parts[random.below(parts.size())];
    const std::uint64_t offset = random.below(part.end);
    CAPTURE(part.file);
    CAPTURE(offset);
    disk.flip_bit(part.file, offset, static_cast<int>(random.below(8)));
    const auto damaged = records(disk);
    if (damaged) {
      CHECK(damaged.value() == whole.value());
    } else {
      CHECK(damaged.error().code == Errc::corrupt);
      ++refused;
    }
  }
  CHECK(refused > 100);
}
