// PosixDisk keeps what storage::Disk promises, and says in words what the system said in numbers.
#include "host/posix_disk.hpp"

#include <csignal>
#include <filesystem>
#include <optional>
#include <string>

#include <sys/resource.h>
#include <sys/stat.h>

#include <doctest/doctest.h>

#include "small_disk.hpp"
#include "temp_dir.hpp"

using namespace causeway;
using causeway::host::PosixDisk;
using causeway::storage::OpenMode;
using causeway::testing::open_disk;
using causeway::testing::TempDir;

namespace {

std::unique_ptr<storage::File> open_file(PosixDisk& disk, std::string_view name, OpenMode mode) {
  auto file = disk.open(name, mode);
  REQUIRE(file.has_value());
  return std::move(file).value();
}

std::string content(storage::File& file) {
  const auto size = file.size();
  REQUIRE(size.has_value());
  std::string bytes(size.value(), '?');
  const auto got = file.read_at(0, bytes.data(), bytes.size());
  REQUIRE(got.has_value());
  CHECK(got.value() == bytes.size());
  return bytes;
}

bool names(const Error& error, std::string_view what) {
  return error.detail.find(what) != std::string::npos;
}

}  // namespace

TEST_CASE("a file gives back what was written, beyond its old end too") {
  const TempDir dir;
  PosixDisk disk = open_disk(dir.path());
  const auto file = open_file(disk, "a", OpenMode::create);
  REQUIRE(file->write_at(0, "hello").has_value());
  REQUIRE(file->write_at(8, "world").has_value());
  CHECK(content(*file) == std::string("hello\0\0\0world", 13));

  char bytes[8];
  const auto short_read = file->read_at(10, bytes, sizeof bytes);
  REQUIRE(short_read.has_value());
  CHECK(short_read.value() == 3);  // fewer only at the end
  const auto beyond = file->read_at(100, bytes, sizeof bytes);
  REQUIRE(beyond.has_value());
  CHECK(beyond.value() == 0);

  REQUIRE(file->truncate(4).has_value());
  CHECK(content(*file) == "hell");
  CHECK(file->sync().has_value());
}

TEST_CASE("reserving extends with zeros, takes the space, and never shrinks") {
  const TempDir dir;
  PosixDisk disk = open_disk(dir.path());
  const auto file = open_file(disk, "a", OpenMode::create);
  REQUIRE(file->write_at(0, "x").has_value());
  REQUIRE(file->reserve(1 << 20).has_value());
  CHECK(file->size().value() == 1 << 20);
  CHECK(content(*file) == "x" + std::string((1 << 20) - 1, '\0'));
  struct stat info {};
  REQUIRE(::stat(dir.path_of("a").c_str(), &info) == 0);
  CHECK(info.st_blocks * 512 >= 1 << 20);
  REQUIRE(file->reserve(10).has_value());
  CHECK(file->size().value() == 1 << 20);
}

TEST_CASE("opening keeps to its mode and names the file when it cannot") {
  struct Row {
    const char* why;
    const char* name;
    OpenMode mode;
    bool opens;
  };
  const Row rows[] = {
      {"create makes a new one", "new", OpenMode::create, true},
      {"create refuses one that is there", "there", OpenMode::create, false},
      {"existing opens one that is there", "there", OpenMode::existing, true},
      {"existing refuses one that is not", "absent", OpenMode::existing, false},
      {"either makes one", "other", OpenMode::either, true},
      {"either keeps one", "there", OpenMode::either, true},
      {"a directory is no file", "directory", OpenMode::either, false},
      {"a link is not followed out of the directory", "link", OpenMode::either, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const TempDir dir;
    dir.write("there", "kept");
    std::filesystem::create_directory(dir.path_of("directory"));
    std::filesystem::create_symlink("there", dir.path_of("link"));
    PosixDisk disk = open_disk(dir.path());
    const auto opened = disk.open(row.name, row.mode);
    CHECK(opened.has_value() == row.opens);
    if (!opened) {
      CHECK(opened.error().code == Errc::io);
      CHECK(names(opened.error(), dir.path_of(row.name)));
    } else if (std::string_view(row.name) == "there") {
      CHECK(content(*opened.value()) == "kept");
    }
  }
}

TEST_CASE("names are listed in order, renamed over others, removed") {
  const TempDir dir;
  PosixDisk disk = open_disk(dir.path());
  for (const char* name : {"b", "c", "a"}) {
    REQUIRE(open_file(disk, name, OpenMode::create)->write_at(0, name).has_value());
  }
  CHECK(disk.list().value() == std::vector<std::string>{"a", "b", "c"});
  REQUIRE(disk.rename("c", "a").has_value());
  REQUIRE(disk.remove("b").has_value());
  REQUIRE(disk.sync_directory().has_value());
  CHECK(disk.list().value() == std::vector<std::string>{"a"});
  CHECK(content(*open_file(disk, "a", OpenMode::existing)) == "c");

  const auto gone = disk.remove("b");
  REQUIRE_FALSE(gone.has_value());
  CHECK(names(gone.error(), dir.path_of("b")));
  const auto absent = disk.rename("b", "x");
  REQUIRE_FALSE(absent.has_value());
  CHECK(names(absent.error(), dir.path_of("b")));
}

TEST_CASE("a directory is made where only its parent stands, and refused where it cannot be") {
  const TempDir dir;
  CHECK(PosixDisk::open(dir.path_of("new")).has_value());
  CHECK(std::filesystem::is_directory(dir.path_of("new")));
  dir.write("file", "");
  for (const char* name : {"file", "absent/new"}) {
    const auto refused = PosixDisk::open(dir.path_of(name));
    REQUIRE_FALSE(refused.has_value());
    CHECK(names(refused.error(), dir.path_of(name)));
  }
}

TEST_CASE("a file over the process's size limit is disk_full, with what fitted written") {
  const TempDir dir;
  PosixDisk disk = open_disk(dir.path());
  const auto file = open_file(disk, "a", OpenMode::create);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 64 << 10, .rlim_max = before.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const auto written = file->write_at(0, std::string(100 << 10, 'x'));
  const auto reserved = file->reserve(1 << 20);
  const auto size = file->size();
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, old_handler);

  REQUIRE_FALSE(written.has_value());
  CHECK(written.error().code == Errc::disk_full);
  CHECK(names(written.error(), dir.path_of("a")));
  REQUIRE_FALSE(reserved.has_value());
  CHECK(reserved.error().code == Errc::disk_full);
  CHECK(size.value() == 64 << 10);  // the short write was continued up to the limit
}

TEST_CASE("a full file system is disk_full, and usable again when there is space") {
  const causeway::testing::SmallDisk small("256k");
  if (!small.mounted()) return;
  PosixDisk disk = open_disk(small.path());
  const auto ballast = open_file(disk, "ballast", OpenMode::create);
  REQUIRE(ballast->reserve(128 << 10).has_value());
  const auto file = open_file(disk, "a", OpenMode::create);
  const auto reserved = file->reserve(200 << 10);
  REQUIRE_FALSE(reserved.has_value());
  CHECK(reserved.error().code == Errc::disk_full);
  const auto written = file->write_at(0, std::string(200 << 10, 'x'));
  REQUIRE_FALSE(written.has_value());
  CHECK(written.error().code == Errc::disk_full);
  REQUIRE(ballast->truncate(0).has_value());
  CHECK(file->write_at(0, std::string(200 << 10, 'x')).has_value());
  CHECK(file->sync().has_value());
}
