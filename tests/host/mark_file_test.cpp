// The mark file: the newest mark survives the process; a torn slot costs at most one mark.
#include "host/mark_file.hpp"

#include <string>

#include <doctest/doctest.h>

#include "host/posix_disk.hpp"
#include "temp_dir.hpp"
#include "wire/log_record.hpp"

using namespace causeway;
using causeway::host::MarkFile;
using causeway::host::PosixDisk;
using causeway::testing::TempDir;

namespace {

PosixDisk disk_in(const TempDir& dir) { return std::move(PosixDisk::open(dir.path())).value(); }

MarkFile open_marks(PosixDisk& disk) {
  auto marks = MarkFile::open(disk);
  REQUIRE(marks.has_value());
  return std::move(marks).value();
}

std::string bytes_of(PosixDisk& disk) {
  const auto file = std::move(disk.open("mark", storage::OpenMode::existing)).value();
  std::string bytes(2 * wire::kMarkSlotBytes, '\0');
  CHECK(file->read_at(0, bytes.data(), bytes.size()).value() == bytes.size());
  return bytes;
}

}  // namespace

TEST_CASE("a new mark file has no mark, and takes its space at once") {
  const TempDir dir;
  PosixDisk disk = disk_in(dir);
  CHECK_FALSE(open_marks(disk).found());
  CHECK(bytes_of(disk) == std::string(2 * wire::kMarkSlotBytes, '\0'));
}

TEST_CASE("the newest of many marks is found again, by every later start") {
  const TempDir dir;
  PosixDisk disk = disk_in(dir);
  std::uint64_t mark = 0;
  for (int start = 0; start < 5; ++start) {
    MarkFile marks = open_marks(disk);
    if (start > 0) CHECK(marks.found() == LogIndex{mark});
    for (int i = 0; i <= start; ++i) REQUIRE(marks.write({++mark}).has_value());
  }
  CHECK(open_marks(disk).found() == LogIndex{mark});
}

TEST_CASE("a slot torn at any byte, or flipped at any bit, leaves the mark before it") {
  const TempDir dir;
  PosixDisk disk = disk_in(dir);
  {
    MarkFile marks = open_marks(disk);
    REQUIRE(marks.write({7}).has_value());
    REQUIRE(marks.write({8}).has_value());
  }
  const std::string before = bytes_of(disk);
  const std::string newer = wire::encode_mark_slot(3, {9});  // would go over the slot of 7
  for (std::size_t written = 0; written <= wire::kMarkSlotBytes; ++written) {
    CAPTURE(written);
    std::string torn = before;
    torn.replace(0, written, newer, 0, written);
    dir.write("mark", torn);
    MarkFile marks = open_marks(disk);
    // A prefix may equal the whole, where the last bytes are the same.
    const bool whole = torn.substr(0, wire::kMarkSlotBytes) == newer;
    CHECK(marks.found() == (whole ? LogIndex{9} : LogIndex{8}));
    // And the next mark goes over the bad slot, not over the one that holds.
    REQUIRE(marks.write({10}).has_value());
    CHECK(open_marks(disk).found() == LogIndex{10});
  }
  for (std::size_t bit = 0; bit < 8 * wire::kMarkSlotBytes; ++bit) {
    CAPTURE(bit);
    std::string flipped = before;
    char& byte = flipped[wire::kMarkSlotBytes + bit / 8];
    byte = static_cast<char>(byte ^ (1 << (bit % 8)));
    dir.write("mark", flipped);
    CHECK(open_marks(disk).found() == LogIndex{7});
  }
}

TEST_CASE("a short mark file is as good as what it holds") {
  const TempDir dir;
  PosixDisk disk = disk_in(dir);
  const std::string slot = wire::encode_mark_slot(1, {5});
  for (std::size_t size = 0; size <= slot.size(); ++size) {
    CAPTURE(size);
    dir.write("mark", slot.substr(0, size));
    const MarkFile marks = open_marks(disk);
    CHECK(marks.found().has_value() == (size == slot.size()));
  }
}
