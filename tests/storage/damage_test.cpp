// Damage at rest: every cut and every flipped bit is either recovered to an exact prefix or refused
// with the place, and a log that is refused is left as it was found. Never wrong data.
#include <doctest/doctest.h>

#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "storage/log_fixture.hpp"

using namespace causeway;
using namespace causeway::storage;
using namespace causeway::testing;

namespace {

// Three sealed segments and a newest one; every batch was synced before the next was written.
struct Written {
  MemDisk disk;
  std::vector<std::string> bodies;
  std::vector<Seen> places;
  std::uint64_t newest = 0;
  std::uint64_t newest_bytes = 0;

  explicit Written(bool one_sync = false) {
    SegmentedLog log = must_open(disk);
    while (log.newest_segment() < 4 || log.segments().back().bytes < 6000) {
      bodies.push_back(body_of(bodies.size(), 200));
      REQUIRE(append_one(log, bodies.size(), bodies.back()));
      if (!one_sync) REQUIRE(log.sync());
    }
    REQUIRE(log.sync());
    newest = log.newest_segment();
    newest_bytes = log.segments().back().bytes;
    places = open_log(disk).seen;
    REQUIRE(places.size() == bodies.size());
  }
};

bool is_prefix(const std::vector<std::string>& part, const std::vector<std::string>& all) {
  return part.size() <= all.size() && std::equal(part.begin(), part.end(), all.begin());
}

// Opens a copy of `disk`. It must be recovered to exactly `kept` records, and be usable.
void check_recovered(const MemDisk& disk, const Written& written, std::size_t kept) {
  MemDisk copy = disk;
  Opened opened = open_log(copy);
  INFO(opened.error.detail);
  REQUIRE(opened);
  CHECK(opened.seen.size() == kept);
  CHECK(is_prefix(opened.bodies(), written.bodies));
  REQUIRE(append_one(*opened.log, kept + 1, "after the repair"));
  REQUIRE(opened.log->sync());
  Random random(kept);
  copy.crash(random);
  const Opened again = open_log(copy);
  REQUIRE(again);
  CHECK(again.seen.size() == kept + 1);
  CHECK(again.seen.back().body == "after the repair");
}

void check_refused(const MemDisk& disk, Errc code, std::string_view file,
                   std::optional<std::uint64_t> offset = std::nullopt) {
  MemDisk copy = disk;
  const auto before = copy.image();
  const Opened opened = open_log(copy);
  REQUIRE_FALSE(opened);
  CAPTURE(opened.error.detail);
  CHECK(opened.error.code == code);
  CHECK(names_place(opened.error, file, offset));
  CHECK(copy.image() == before);  // the evidence stays
}

}  // namespace

TEST_CASE(
    "the newest file cut at every byte of its last three records is recovered to the whole ones "
    "before") {
  const Written written;
  const std::size_t count = written.places.size();
  const std::string whole =
      written.disk.contents(segment_name(written.newest)).substr(0, written.newest_bytes);
  for (std::uint64_t size = written.places[count - 3].offset; size <= written.newest_bytes;
       ++size) {
    CAPTURE(size);
    std::size_t kept = count - 3;
    for (std::size_t i = count - 2; i < count; ++i)
      kept += written.places[i].offset <= size ? 1U : 0U;
    kept += written.newest_bytes == size ? 1U : 0U;
    for (const bool zeros_behind : {false, true}) {
      MemDisk disk = written.disk;
      std::string cut = whole.substr(0, static_cast<std::size_t>(size));
      if (zeros_behind) cut.resize(8192);
      disk.set_contents(segment_name(written.newest), cut);
      check_recovered(disk, written, kept);
    }
  }
}

TEST_CASE("a sealed file cut at any byte is refused") {
  const Written written;
  const std::string whole = written.disk.contents(segment_name(2));
  for (std::size_t size = 0; size < whole.size(); size += size < 64 ? 1 : 37) {
    CAPTURE(size);
    MemDisk disk = written.disk;
    disk.set_contents(segment_name(2), whole.substr(0, size));
    const std::uint64_t at = size < kSegmentHeaderBytes ? 0 : size;
    check_refused(disk, Errc::corrupt, segment_name(2), at);
  }
}

TEST_CASE(
    "every flipped bit of a record in the middle of the newest file is refused with its place") {
  const Written written;
  const Seen& victim = written.places[written.places.size() - 4];
  REQUIRE(victim.segment == written.newest);
  const std::uint64_t end = written.places[written.places.size() - 3].offset;
  for (std::uint64_t at = victim.offset; at < end; ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      CAPTURE(at);
      CAPTURE(bit);
      MemDisk disk = written.disk;
      disk.flip_bit(segment_name(written.newest), at, bit);
      check_refused(disk, Errc::corrupt, segment_name(written.newest), victim.offset);
    }
  }
}

TEST_CASE("every flipped bit of a record in an earlier file is refused with its place") {
  const Written written;
  for (std::size_t i = 0; i + 1 < written.places.size(); ++i) {
    const Seen& victim = written.places[i];
    if (victim.segment != 2 || written.places[i + 1].segment != 3)
      continue;  // the last one of file 2
    for (std::uint64_t at = victim.offset; at < written.disk.contents(segment_name(2)).size();
         ++at) {
      CAPTURE(at);
      MemDisk disk = written.disk;
      disk.flip_bit(segment_name(2), at, static_cast<int>(at % 8));
      check_refused(disk, Errc::corrupt, segment_name(2), victim.offset);
    }
    return;
  }
  FAIL("no such record");
}

TEST_CASE("flipped bits in a group that shared one sync leave an exact prefix") {
  // All of the newest file was written before any sync of it: nothing states that it was synced, so
  // it cannot be told from torn.
  const Written written(true);
  for (std::size_t i = 0; i < written.places.size(); ++i) {
    if (written.places[i].segment != written.newest) continue;
    MemDisk disk = written.disk;
    disk.flip_bit(segment_name(written.newest), written.places[i].offset + 60, 3);
    check_recovered(disk, written, i);
  }
}

TEST_CASE("a damaged last batch cannot be told from a torn one: it is cut") {
  const Written written;
  for (std::uint64_t at = written.places.back().offset; at < written.newest_bytes; ++at) {
    MemDisk disk = written.disk;
    disk.flip_bit(segment_name(written.newest), at, static_cast<int>(at % 8));
    check_recovered(disk, written, written.bodies.size() - 1);
  }
}

TEST_CASE("every flipped bit of every segment header is refused, or was of no use") {
  const Written written;
  for (std::uint64_t number = 1; number <= written.newest; ++number) {
    for (std::uint64_t at = 0; at < kSegmentHeaderUsedBytes; ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        MemDisk disk = written.disk;
        disk.flip_bit(segment_name(number), at, bit);
        check_refused(disk, Errc::corrupt, segment_name(number), 0);
      }
    }
  }
}

TEST_CASE("zeros over a synced batch with others behind it are damage, not the end") {
  const Written written;
  const Seen& victim = written.places[written.places.size() - 3];
  std::string bytes = written.disk.contents(segment_name(written.newest));
  const std::uint64_t next = written.places[written.places.size() - 2].offset;
  for (std::uint64_t at = victim.offset; at < next; ++at) bytes[at] = 0;
  MemDisk disk = written.disk;
  disk.set_contents(segment_name(written.newest), bytes);
  check_refused(disk, Errc::corrupt, segment_name(written.newest), victim.offset);
}

TEST_CASE("an intact header proves the sync before it even when its own body is torn") {
  const Written written;
  const std::size_t count = written.places.size();
  const std::string name = segment_name(written.newest);
  MemDisk disk = written.disk;
  disk.flip_bit(name, written.places[count - 2].offset + 60, 1);   // damage in the last but one
  disk.flip_bit(name, written.places[count - 1].offset + 100, 1);  // and in the last one's body
  check_refused(disk, Errc::corrupt, name, written.places[count - 2].offset);
}

TEST_CASE("a missing file in the middle is refused; the newest cannot be missed") {
  const Written written;
  for (std::uint64_t number = 2; number < written.newest; ++number) {
    MemDisk disk = written.disk;
    REQUIRE(disk.remove(segment_name(number)));
    check_refused(disk, Errc::corrupt, segment_name(number));
  }
}

TEST_CASE("a file of another log in the middle is refused") {
  const Written written;
  MemDisk other;
  {
    SegmentedLog log = must_open(other, small_segments(), 99);
    while (log.newest_segment() < 4) REQUIRE(append_one(log, 1, body_of(1, 200)));
    REQUIRE(log.sync());
  }
  for (std::uint64_t number = 1; number <= 3; ++number) {
    MemDisk disk = written.disk;
    disk.set_contents(segment_name(number), other.contents(segment_name(number)));
    check_refused(disk, Errc::corrupt, segment_name(number == 1 ? 2 : number), 0);
  }
  SUBCASE("under another number") {
    MemDisk disk = written.disk;
    disk.set_contents(segment_name(3), disk.contents(segment_name(2)));
    check_refused(disk, Errc::corrupt, segment_name(3), 0);
  }
  SUBCASE("of another kind") {
    MemDisk disk = written.disk;
    LogOptions journal = small_segments();
    journal.kind = 7;
    const Opened opened = open_log(disk, journal);
    REQUIRE_FALSE(opened);
    CHECK(opened.error.code == Errc::corrupt);
    CHECK(names_place(opened.error, segment_name(1), 0));
  }
}

TEST_CASE(
    "an older copy of the newest file but one is refused: it ends before its successor says") {
  const Written written;
  const std::string whole = written.disk.contents(segment_name(3));
  const Seen* last = nullptr;
  for (const Seen& place : written.places) {
    if (place.segment == 3) last = &place;
  }
  REQUIRE(last != nullptr);
  MemDisk disk = written.disk;
  std::string older = whole.substr(0, last->offset);
  older.resize(8192);
  disk.set_contents(segment_name(3), older);
  check_refused(disk, Errc::corrupt, segment_name(3), last->offset);
}

TEST_CASE("a file under another of our names is refused") {
  MemDisk disk;
  must_open(disk);
  REQUIRE(disk.rename(segment_name(1), segment_name(5)));
  check_refused(disk, Errc::corrupt, segment_name(5), 0);
}

TEST_CASE("a foreign file under our name is refused, files of other names are left alone") {
  for (const std::string& bytes : {std::string("a letter to my mother"), std::string(20000, 'x')}) {
    MemDisk disk;
    disk.set_contents(segment_name(1), bytes);
    check_refused(disk, Errc::corrupt, segment_name(1), 0);
  }
  MemDisk disk;
  disk.set_contents("identity", "x");
  disk.set_contents("test-0000000001.log.bak", "x");
  disk.set_contents("other-0000000001.log", "x");
  CHECK(open_log(disk));
  CHECK(disk.image().size() == 4);
}

TEST_CASE("a newer format is refused as such, in a segment's header and in a batch") {
  const Written written;
  const auto rewrite = [](std::string& bytes, std::uint64_t at, std::uint64_t hash_at,
                          std::uint64_t seed) {
    bytes[at + 4] = 2;
    std::string hash;
    ByteWriter(hash).u64(hash64(std::string_view(bytes).substr(at, hash_at), seed));
    bytes.replace(at + hash_at, 8, hash);
  };
  std::string bytes = written.disk.contents(segment_name(written.newest));
  const std::uint64_t identity =
      decode_segment_header(std::string_view(bytes).substr(0, kSegmentHeaderBytes)).header.identity;
  SUBCASE("segment") {
    rewrite(bytes, 0, 56, 0);
    MemDisk disk = written.disk;
    disk.set_contents(segment_name(written.newest), bytes);
    check_refused(disk, Errc::unavailable, segment_name(written.newest), 0);
  }
  SUBCASE("a batch of an earlier file") {
    std::string earlier = written.disk.contents(segment_name(1));
    const std::uint64_t id =
        decode_segment_header(std::string_view(earlier).substr(0, kSegmentHeaderBytes))
            .header.identity;
    const std::uint64_t at = written.places[2].offset;
    rewrite(earlier, at, 40, id + at * 0x9e3779b97f4a7c15);
    MemDisk disk = written.disk;
    disk.set_contents(segment_name(1), earlier);
    check_refused(disk, Errc::unavailable, segment_name(1), at);
  }
  SUBCASE("last batch: it must not be cut as torn") {
    const std::uint64_t at = written.places.back().offset;
    rewrite(bytes, at, 40, identity + at * 0x9e3779b97f4a7c15);
    MemDisk disk = written.disk;
    disk.set_contents(segment_name(written.newest), bytes);
    check_refused(disk, Errc::unavailable, segment_name(written.newest), at);
  }
}

TEST_CASE("a record that the visitor refuses is refused with its place") {
  const Written written;
  MemDisk disk = written.disk;
  Random random(1);
  for (const Errc code : {Errc::invalid, Errc::unavailable}) {
    std::size_t calls = 0;
    const auto opened =
        SegmentedLog::open(disk, small_segments(), random, [&](const RecordRef&) -> Result<void> {
          if (++calls == 5) return Error{code, "an entry type from the future"};
          return success();
        });
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == (code == Errc::unavailable ? code : Errc::corrupt));
    CHECK(names_place(opened.error(), segment_name(1), written.places[4].offset));
    CHECK(opened.error().detail.find("from the future") != std::string::npos);
  }
}

TEST_CASE("a read error while opening is io, not damage, and changes nothing") {
  const Written written;
  for (std::uint64_t nth = 1;; ++nth) {
    MemDisk disk = written.disk;
    disk.fail_read(nth);
    const auto before = disk.image();
    const Opened opened = open_log(disk);
    if (opened) break;
    CHECK(opened.error.code == Errc::io);
    CHECK(disk.image() == before);
  }
}

TEST_CASE("a read that goes astray once while opening never loses or changes a record") {
  const Written each_synced{};
  const Written one_sync(true);
  Written large;  // more than one chunk of reading, the last of it unproven
  {
    SegmentedLog log = must_open(large.disk, small_segments(300000));
    for (int i = 0; i < 900; ++i) {
      large.bodies.push_back(body_of(large.bodies.size(), 200));
      REQUIRE(append_one(log, large.bodies.size(), large.bodies.back()));
      if (i == 850) REQUIRE(log.sync());
    }
    REQUIRE(log.sync());
  }
  Written empty_newest;
  REQUIRE(must_open(empty_newest.disk).roll());

  for (const Written* written :
       std::initializer_list<const Written*>{&each_synced, &one_sync, &large, &empty_newest}) {
    std::uint64_t refused = 0;
    bool happened = true;
    for (std::uint64_t nth = 1; happened; ++nth) {
      for (const std::uint64_t distance : {1U, 48U, 301U, 512U, 4096U, 1000000U}) {
        CAPTURE(nth);
        CAPTURE(distance);
        MemDisk disk = written->disk;
        disk.misdirect_read(nth, distance);
        const Opened opened = open_log(disk);
        happened = disk.reads() >= nth;
        if (opened) {
          CHECK(opened.bodies() == written->bodies);
        } else {
          ++refused;
          CHECK((opened.error.code == Errc::corrupt || opened.error.code == Errc::io));
        }
        disk.misdirect_read(0, 0);
        CHECK(open_log(disk).bodies() == written->bodies);
      }
    }
    CHECK(refused > 20);
  }
}

TEST_CASE("damage is refused also when a read goes astray while opening") {
  const Written written;
  const std::string newest = segment_name(written.newest);
  const std::uint64_t batch = written.places[written.places.size() - 3].offset;
  for (const std::uint64_t flipped : {std::uint64_t{20}, batch + 20, batch + 60}) {
    MemDisk damaged = written.disk;
    damaged.flip_bit(newest, flipped, 3);
    bool happened = true;
    for (std::uint64_t nth = 1; happened; ++nth) {
      for (const std::uint64_t distance : {48U, 512U, 4096U, 8192U, 1000000U}) {
        CAPTURE(flipped);
        CAPTURE(nth);
        CAPTURE(distance);
        MemDisk disk = damaged;
        disk.misdirect_read(nth, distance);
        CHECK_FALSE(open_log(disk));
        CHECK(disk.image() == damaged.image());  // the evidence stays
        happened = disk.reads() >= nth;
      }
    }
  }
}

TEST_CASE("the proof of damage is found wherever it lies behind the damage") {
  // The header that proves it lies 64 KiB and more behind, also across the border of two chunks of
  // the search.
  for (std::size_t size = 65536 - 200; size < 65536 + 200; size += 7) {
    CAPTURE(size);
    MemDisk disk;
    {
      SegmentedLog log = must_open(disk, small_segments(1 << 20));
      for (std::uint64_t key = 1; key <= 2; ++key) {
        REQUIRE(append_one(log, key, std::string(size, 'x')));
        REQUIRE(log.sync());
      }
    }
    disk.flip_bit(segment_name(1), kSegmentHeaderBytes + 20, 0);
    check_refused(disk, Errc::corrupt, segment_name(1), kSegmentHeaderBytes);
  }
}

TEST_CASE("a sealed file that still has its reserved space gives it back") {
  const Written written;
  MemDisk disk = written.disk;
  const std::string whole = disk.contents(segment_name(2));
  std::string longer = whole;
  longer.resize(8192);
  disk.set_contents(segment_name(2), longer);
  check_recovered(disk, written, written.bodies.size());
  CHECK(open_log(disk));
  CHECK(disk.contents(segment_name(2)) == whole);
}

TEST_CASE("a write that goes astray is never taken for data") {
  for (std::uint64_t nth = 1; nth < 30; ++nth) {
    MemDisk disk;
    std::vector<std::string> bodies;
    {
      SegmentedLog log = must_open(disk);
      disk.misdirect_write(nth, 700);
      for (std::uint64_t i = 0; i < 30; ++i) {
        bodies.push_back(body_of(i));
        REQUIRE(append_one(log, i + 1, bodies.back()));
        REQUIRE(log.sync());
      }
    }
    const Opened opened = open_log(disk);
    if (opened) {
      CHECK(is_prefix(opened.bodies(), bodies));
    } else {
      CHECK(opened.error.code == Errc::corrupt);
    }
  }
}
