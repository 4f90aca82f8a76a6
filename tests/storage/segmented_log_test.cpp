// The log when nothing crashes: what goes in comes out, segments, reading from the middle, limits,
// full disks, failed syncs.
#include "storage/segmented_log.hpp"

#include <doctest/doctest.h>

#include "storage/log_fixture.hpp"

using namespace causeway;
using namespace causeway::storage;
using namespace causeway::testing;

namespace {

void append_synced(SegmentedLog& log, std::uint64_t first, std::uint64_t last,
                   std::size_t size = 40) {
  for (std::uint64_t key = first; key <= last; ++key)
    REQUIRE(append_one(log, key, body_of(key, size)));
  REQUIRE(log.sync());
}

// The key's newest record among what was read: what Raft does with index and term.
std::string newest(const Read& read, std::uint64_t key) {
  std::string found;
  for (const Seen& one : read.seen) {
    if (one.key == key) found = one.body;
  }
  return found;
}

}  // namespace

TEST_CASE("a new log is empty and durable at once") {
  MemDisk disk;
  {
    SegmentedLog log = must_open(disk);
    CHECK(log.segments() == std::vector<SegmentInfo>{{.number = 1, .bytes = kSegmentHeaderBytes}});
    CHECK(log.synced());
  }
  Random random(1);
  disk.crash(random);
  CHECK(open_log(disk).seen.empty());
  CHECK(disk.image().size() == 1);
}

TEST_CASE("batches come back in order, with types, heads before bodies, and keys") {
  MemDisk disk;
  {
    SegmentedLog log = must_open(disk);
    const RecordView first[] = {{.type = 1, .head = "vote", .body = ""},
                                {.type = 2, .head = "term 7 ", .body = "value"},
                                {.type = 255, .head = "", .body = std::string_view("\0\xff", 2)}};
    REQUIRE(log.append(17, first));
    CHECK_FALSE(log.synced());
    REQUIRE(log.append(0, std::span(first, 1)));
    REQUIRE(log.append(9, {}));  // nothing
    REQUIRE(log.sync());
  }
  const Opened opened = open_log(disk);
  REQUIRE(opened);
  REQUIRE(opened.seen.size() == 4);
  CHECK(opened.bodies() ==
        std::vector<std::string>{"vote", "term 7 value", std::string("\0\xff", 2), "vote"});
  CHECK(opened.seen[1].type == 2);
  CHECK(opened.seen[2].type == 255);
  CHECK(opened.seen[0].key == 17);
  CHECK(opened.seen[3].key == 0);
  CHECK(opened.seen[0].offset == kSegmentHeaderBytes);
}

TEST_CASE("several appends share one sync, and a sync with nothing new costs nothing") {
  MemDisk disk;
  SegmentedLog log = must_open(disk);
  const std::uint64_t before = disk.syncs();
  append_synced(log, 1, 20);
  REQUIRE(log.sync());
  CHECK(disk.syncs() == before + 1);
}

TEST_CASE("segments follow one another, keep their size, and give unused space back") {
  MemDisk disk;
  SegmentedLog log = must_open(disk);
  append_synced(log, 1, 200);
  const std::vector<SegmentInfo> segments = log.segments();
  REQUIRE(segments.size() > 3);
  std::uint64_t next_key = 1;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    CHECK(segments[i].number == i + 1);
    CHECK(segments[i].first_key == next_key);
    CHECK(segments[i].bytes <= 8192);
    next_key = segments[i].last_key + 1;
    if (i + 1 < segments.size())
      CHECK(disk.contents(segment_name(i + 1)).size() == segments[i].bytes);
  }
  CHECK(log.disk_bytes() == disk.bytes());
  const Opened opened = open_log(disk);
  REQUIRE(opened);
  CHECK(opened.seen.size() == 200);
  CHECK(opened.log->segments() == segments);
  CHECK(opened.log->disk_bytes() == disk.bytes());
}

TEST_CASE("roll begins a segment, and not a second empty one") {
  MemDisk disk;
  SegmentedLog log = must_open(disk);
  REQUIRE(log.roll());
  CHECK(log.segments().size() == 1);
  append_synced(log, 1, 1);
  REQUIRE(log.roll());
  REQUIRE(log.roll());
  CHECK(log.segments().size() == 2);
  append_synced(log, 2, 2);
  CHECK(open_log(disk).bodies() == std::vector<std::string>{body_of(1), body_of(2)});
}

TEST_CASE("only the oldest segment can be dropped, and never the newest") {
  MemDisk disk;
  SegmentedLog log = must_open(disk);
  append_synced(log, 1, 100);
  REQUIRE(log.segments().size() > 2);
  const std::uint64_t kept_from = log.segments()[1].first_key;
  CHECK(log.drop_segment(2).error().code == Errc::invalid);
  CHECK(log.drop_segment(0).error().code == Errc::invalid);
  CHECK(read_from(log, 1).seen.front().key == 1);
  REQUIRE(log.drop_segment(1));
  CHECK(log.segments().front().number == 2);
  CHECK(read_from(log, 1).seen.front().key == kept_from);
  Random random(3);
  disk.crash(random);  // the drop is durable
  Opened opened = open_log(disk);
  REQUIRE(opened);
  CHECK(opened.seen.front().key == kept_from);
  SegmentedLog& again = *opened.log;
  while (again.segments().size() > 1) REQUIRE(again.drop_segment(again.oldest_segment()));
  CHECK(again.drop_segment(again.newest_segment()).error().code == Errc::invalid);
}

TEST_CASE(
    "records of megabytes get a segment of their own size; beyond the limits nothing is written") {
  MemDisk disk;
  SegmentedLog log = must_open(disk);
  append_synced(log, 1, 1);
  const std::string large(kRecordBytesMax, 'L');
  REQUIRE(append_one(log, 2, large));
  append_synced(log, 3, 3);
  CHECK(append_one(log, 4, large + 'x').error().code == Errc::too_large);
  const RecordView two[] = {{.type = 1, .head = {}, .body = large},
                            {.type = 1, .head = {}, .body = large}};
  CHECK(log.append(4, two).error().code == Errc::too_large);
  append_synced(log, 4, 4);
  const Opened opened = open_log(disk);
  REQUIRE(opened);
  CHECK(opened.bodies() == std::vector<std::string>{body_of(1), large, body_of(3), body_of(4)});
  CHECK(newest(read_from(log, 2), 2) == large);
}

TEST_CASE("reading begins at the batch that holds the key and ends with a whole batch") {
  MemDisk disk;
  SegmentedLog log = must_open(disk, small_segments(1 << 20));
  append_synced(log, 1, 3000, 300);
  for (const std::uint64_t key : {1U, 2U, 500U, 1777U, 2999U, 3000U}) {
    CAPTURE(key);
    const Read read = read_from(log, key, 1000);
    REQUIRE(read.seen.size() <= 4);
    CHECK(read.seen.front().key == key);
    CHECK(read.reached_end == (key >= 2999));
  }
  CHECK(read_from(log, 3001).seen.front().key == 3000);
  CHECK(read_from(log, 0).seen.size() == 3000);
  CHECK(read_from(log, 7, 0).seen.size() == 1);  // always makes progress
}

TEST_CASE("a reader whose visitor refuses gets the visitor's error") {
  MemDisk disk;
  SegmentedLog log = must_open(disk);
  append_synced(log, 1, 3);
  int calls = 0;
  const Result<ReadStop> read =
      log.read_from(1, SIZE_MAX, [&calls](const RecordRef&) -> Result<void> {
        ++calls;
        return Error{Errc::exhausted, "enough"};
      });
  CHECK(read.error().code == Errc::exhausted);
  CHECK(calls == 1);
}

TEST_CASE(
    "truncation by overwriting: a read shows the overwriting records after what they replace") {
  for (const bool reopen : {false, true}) {
    CAPTURE(reopen);
    MemDisk disk;
    SegmentedLog log = must_open(disk, small_segments(200000));
    append_synced(log, 1, 1500, 300);
    for (std::uint64_t key = 700; key <= 900; ++key)
      REQUIRE(append_one(log, key, "new " + body_of(key)));
    REQUIRE(log.sync());
    if (reopen) log = must_open(disk, small_segments(200000));
    CHECK(read_from(log, 699).seen.front().key == 699);
    CHECK(newest(read_from(log, 699), 699) == body_of(699, 300));
    for (const std::uint64_t key : {700U, 701U, 850U, 900U}) {
      CAPTURE(key);
      const Read read = read_from(log, key);
      CHECK(read.seen.front().key == key);
      CHECK(read.seen.front().body == "new " + body_of(key));  // not one stale record before it
      CHECK(read.reached_end);
    }
    CHECK(read_from(log, 1200).seen.front().key ==
          900);  // 901.. are gone: the last batch not above
  }
}

TEST_CASE("random overwriting: the current record of every key is always found") {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    MemDisk disk;
    SegmentedLog log = must_open(disk, small_segments(200000));
    std::vector<std::string> current(1);  // by key
    for (std::uint64_t i = 0; i < 300; ++i) {
      std::uint64_t key = current.size();
      if (key > 1 && random.below(8) == 0)
        key -= random.below(std::min<std::uint64_t>(key - 1, 20)) + 1;
      current.resize(static_cast<std::size_t>(key));
      std::vector<std::string> bodies;
      std::vector<RecordView> records;
      for (std::uint64_t n = 1 + random.below(4); n > 0; --n) {
        bodies.push_back("key " + std::to_string(current.size()) + " try " + std::to_string(i) +
                         std::string(static_cast<std::size_t>(random.below(4000)), '.'));
        current.push_back(bodies.back());
      }
      for (const std::string& body : bodies)
        records.push_back({.type = 1, .head = {}, .body = body});
      REQUIRE(log.append(key, records));
      if (random.below(50) == 0)
        REQUIRE(log.append(0, std::span(records.data(), 1)));  // no key: no meaning here
    }
    REQUIRE(log.sync());
    if (seed % 2 == 0) log = must_open(disk, small_segments(200000));
    for (std::size_t key = 1; key < current.size(); ++key) {
      const Read read = read_from(log, key, 1);  // the first batch alone must do
      bool found = false;
      for (const Seen& one : read.seen) found = found || one.body == current[key];
      CAPTURE(key);
      CHECK(found);
    }
  }
}

TEST_CASE(
    "disk full: the batch is refused, what stands stays readable, and all is well when space "
    "returns") {
  MemDisk disk;
  SegmentedLog log = must_open(disk);
  append_synced(log, 1, 5);
  disk.set_capacity(disk.bytes());
  std::uint64_t key = 6;
  Result<void> full = success();
  while (full) {
    full = append_one(log, key, body_of(key));
    ++key;
  }
  const std::uint64_t refused = key - 1;
  CHECK(full.error().code == Errc::disk_full);
  CHECK(append_one(log, refused, body_of(refused)).error().code == Errc::disk_full);
  CHECK(log.roll().error().code == Errc::disk_full);
  REQUIRE(log.sync());
  CHECK(read_from(log, 1).seen.size() == refused - 1);
  CHECK(log.segments().size() == 1);
  CHECK(disk.image().size() == 1);  // nothing half-made is left
  {
    MemDisk now = disk;
    Random random(1);
    now.crash(random);
    CHECK(open_log(now).seen.size() == refused - 1);  // a full disk does not prevent a start
  }
  disk.set_capacity(UINT64_MAX);
  append_synced(log, refused, refused + 50);
  CHECK(open_log(disk).seen.size() == refused + 50);
}

TEST_CASE("disk full: a vital batch still finds space") {
  MemDisk disk;
  SegmentedLog log = must_open(disk);
  disk.set_capacity(disk.bytes());
  while (append_one(log, 0, body_of(1))) {
  }
  REQUIRE(append_one(log, 0, "term 8", Space::vital));
  REQUIRE(append_one(log, 0, "vote 2", Space::vital));
  REQUIRE(log.sync());
  CHECK(append_one(log, 0, std::string(300, 'x'), Space::vital).error().code == Errc::disk_full);
  CHECK(append_one(log, 0, "x").error().code == Errc::disk_full);
  Random random(1);
  disk.crash(random);
  const Opened opened = open_log(disk);
  REQUIRE(opened);
  CHECK(opened.seen.back().body == "vote 2");
}

TEST_CASE(
    "a write that runs out of space in the middle leaves nothing behind, not even after a crash") {
  for (std::size_t part = 0; part <= 100; part += 10) {
    CAPTURE(part);
    MemDisk disk;
    SegmentedLog log = must_open(disk);
    append_synced(log, 1, 3);
    disk.fail_write(1, Errc::disk_full, part);
    const std::string zeros(12, '\0');  // a body whose end reads like space that was never written
    CHECK(append_one(log, 4, "refused" + zeros).error().code == Errc::disk_full);
    {
      MemDisk now = disk;
      Random random(part);
      now.crash(random);
      CHECK(open_log(now).seen.size() == 3);
    }
    append_synced(log, 4, 5);
    const Opened opened = open_log(disk);
    REQUIRE(opened);
    CHECK(opened.bodies() ==
          std::vector<std::string>{body_of(1), body_of(2), body_of(3), body_of(4), body_of(5)});
  }
}

TEST_CASE("every other failed write is final") {
  MemDisk disk;
  SegmentedLog log = must_open(disk);
  append_synced(log, 1, 3);
  disk.fail_write(1, Errc::io, 20);
  CHECK(append_one(log, 4, body_of(4)).error().code == Errc::io);
  CHECK(append_one(log, 4, body_of(4)).error().code == Errc::io);
  CHECK(open_log(disk).seen.size() == 3);
}

TEST_CASE("a failed sync is final, whatever it says and whatever comes after") {
  for (const Errc code : {Errc::io, Errc::disk_full}) {
    MemDisk disk;
    SegmentedLog log = must_open(disk);
    append_synced(log, 1, 100);
    REQUIRE(log.segments().size() > 1);
    REQUIRE(append_one(log, 101, body_of(101)));
    disk.fail_sync(1, code);
    CHECK(log.sync().error().code == Errc::io);
    const std::uint64_t operations = disk.operations();
    CHECK(log.sync().error().code == Errc::io);
    CHECK(append_one(log, 102, body_of(102)).error().code == Errc::io);
    CHECK(append_one(log, 0, "vote", Space::vital).error().code == Errc::io);
    CHECK(log.append(0, {}).error().code == Errc::io);
    CHECK(log.roll().error().code == Errc::io);
    CHECK(log.drop_segment(1).error().code == Errc::io);
    CHECK(log.read_from(1, 1, [](const RecordRef&) -> Result<void> { return success(); })
              .error()
              .code == Errc::io);
    CHECK(disk.operations() == operations);
  }
}

TEST_CASE("a sync that fails while a segment begins is final too") {
  for (const std::uint64_t nth : {1U, 2U}) {  // of the old segment, of the new one's header
    MemDisk disk;
    SegmentedLog log = must_open(disk);
    REQUIRE(append_one(log, 1, body_of(1)));
    disk.fail_sync(nth, Errc::disk_full);
    CHECK(log.roll().error().code == Errc::io);
    CHECK(append_one(log, 2, body_of(2)).error().code == Errc::io);
  }
  MemDisk disk;
  SegmentedLog log = must_open(disk);
  REQUIRE(append_one(log, 1, body_of(1)));
  disk.fail_sync_directory(1);
  CHECK(log.roll().error().code == Errc::io);
  CHECK(log.sync().error().code == Errc::io);
}

TEST_CASE(
    "a read that comes back wrong names file and offset, and one that comes back right is not "
    "doubted") {
  MemDisk disk;
  SegmentedLog log = must_open(disk);
  append_synced(log, 1, 10);
  const auto nothing = [](const RecordRef&) -> Result<void> { return success(); };
  disk.misdirect_read(2, 48);  // the first one looks for the place
  const Result<ReadStop> wrong = log.read_from(1, SIZE_MAX, nothing);
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code == Errc::corrupt);
  CHECK(names_place(wrong.error(), segment_name(1), kSegmentHeaderBytes));
  disk.fail_read(1);
  const Result<ReadStop> failed = log.read_from(1, SIZE_MAX, nothing);
  CHECK(failed.error().code == Errc::io);
  CHECK(names_place(failed.error(), segment_name(1)));
  disk.read_at_most(7);  // short reads are not the end of a file
  CHECK(read_from(log, 1).seen.size() == 10);
  CHECK(open_log(disk).seen.size() == 10);
}
