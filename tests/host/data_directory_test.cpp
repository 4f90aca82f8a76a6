// What a node takes for its own directory, and what it refuses.
#include "host/data_directory.hpp"

#include <filesystem>
#include <functional>
#include <string>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "temp_dir.hpp"

using namespace causeway;
using causeway::host::DataDirectory;
using causeway::testing::TempDir;

namespace {

namespace fs = std::filesystem;

wire::Identity identity_of(const std::string& name) {
  wire::Identity identity;
  identity.name = name;
  identity.origin = {42};
  identity.listen = "127.0.0.1:7400";
  identity.cluster = {{name, "127.0.0.1:7400"}};
  return identity;
}

}  // namespace

TEST_CASE("a directory is a new node's, a known node's, or refused") {
  struct Row {
    const char* why;
    std::function<void(const TempDir&)> prepare;
    std::optional<Errc> refused;
    bool known = false;
  };
  const std::string good = wire::encode(identity_of("n1"));
  const Row rows[] = {
      {"absent", [](const TempDir& dir) { fs::remove(dir.path_of("d")); }, {}},
      {"empty", [](const TempDir&) {}, {}},
      {"a start that ended before its identity was written",
       [](const TempDir& dir) { dir.write("d/lock", "123\n"); },
       {}},
      {"a start that ended while it was written",
       [&](const TempDir& dir) {
         dir.write("d/lock", "");
         dir.write("d/identity.new", good.substr(0, 20));
       },
       {}},
      {"a node's", [&](const TempDir& dir) { dir.write("d/identity", good); }, {}, true},
      {"a node's, whose identity was about to be written anew",
       [&](const TempDir& dir) {
         dir.write("d/identity", good);
         dir.write("d/identity.new", "half");
       },
       {},
       true},
      {"somebody's letters", [](const TempDir& dir) { dir.write("d/letter.txt", "Dear"); },
       Errc::unavailable},
      {"another program's lock",
       [](const TempDir& dir) {
         dir.write("d/lock", "");
         dir.write("d/PG_VERSION", "15");
       },
       Errc::unavailable},
      {"a node's whose identity was removed",
       [](const TempDir& dir) {
         dir.write("d/lock", "");
         fs::create_directory(dir.path_of("d/log"));
       },
       Errc::corrupt},
      {"an empty identity", [](const TempDir& dir) { dir.write("d/identity", ""); }, Errc::corrupt},
      {"a cut identity",
       [&](const TempDir& dir) { dir.write("d/identity", good.substr(0, good.size() - 1)); },
       Errc::corrupt},
      {"garbage for an identity",
       [](const TempDir& dir) { dir.write("d/identity", std::string(200, 'x')); }, Errc::corrupt},
      {"a huge identity",
       [](const TempDir& dir) { dir.write("d/identity", std::string(2 << 20, 'x')); },
       Errc::corrupt},
      {"a file in its place",
       [](const TempDir& dir) {
         fs::remove(dir.path_of("d"));
         dir.write("d", "");
       },
       Errc::io},
      {"a directory for an identity",
       [](const TempDir& dir) { fs::create_directory(dir.path_of("d/identity")); }, Errc::io},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const TempDir dir;
    fs::create_directory(dir.path_of("d"));
    row.prepare(dir);
    const auto opened = DataDirectory::open(dir.path_of("d"));
    REQUIRE(opened.has_value() != row.refused.has_value());
    if (row.refused) {
      CHECK(opened.error().code == *row.refused);
      CHECK(opened.error().detail.find(dir.path_of("d")) != std::string::npos);
      CHECK(opened.error().detail.find('\n') == std::string::npos);
      const std::string& said = opened.error().detail;
      CHECK(
          (said.find("choose") != std::string::npos || said.find("start in") != std::string::npos));
      CHECK(fs::exists(dir.path_of("d/letter.txt")) ==
            (std::string_view(row.why) == "somebody's letters"));
    } else {
      CHECK(opened.value().identity().has_value() == row.known);
      CHECK_FALSE(fs::exists(dir.path_of("d/identity.new")));
    }
  }
}

TEST_CASE("nothing of ours goes into a directory that is refused") {
  const TempDir dir;
  dir.write("letter.txt", "Dear");
  CHECK_FALSE(DataDirectory::open(dir.path()).has_value());
  CHECK_FALSE(fs::exists(dir.path_of("lock")));
}

TEST_CASE("an identity is what was written last, and parents are made for it") {
  const TempDir dir;
  const std::string path = dir.path_of("var/lib/n1");
  for (const char* name : {"n1", "n2"}) {
    auto opened = DataDirectory::open(path);
    REQUIRE(opened.has_value());
    REQUIRE(opened.value().write_identity(identity_of(name)).has_value());
    CHECK(opened.value().identity() == identity_of(name));
  }
  CHECK(DataDirectory::open(path).value().identity() == identity_of("n2"));
}

TEST_CASE("a flipped bit of an identity is found") {
  const TempDir dir;
  const std::string good = wire::encode(identity_of("n1"));
  for (std::size_t bit = 0; bit < 8 * good.size(); bit += 11) {  // all of them: tests/wire
    CAPTURE(bit);
    std::string flipped = good;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    dir.write("identity", flipped);
    const auto opened = DataDirectory::open(dir.path());
    REQUIRE_FALSE(opened.has_value());
    const Errc code = opened.error().code;
    CHECK((code == Errc::corrupt || code == Errc::unavailable));
  }
}

TEST_CASE("one running node per directory: the second is told the process") {
  const TempDir dir;
  auto first = DataDirectory::open(dir.path());
  REQUIRE(first.has_value());
  const auto second = DataDirectory::open(dir.path());
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == Errc::unavailable);
  CHECK(second.error().detail.find(std::to_string(::getpid())) != std::string::npos);
  { const DataDirectory ends = std::move(first).value(); }
  CHECK(DataDirectory::open(dir.path()).has_value());
}

TEST_CASE("the lock goes with a process that is killed") {
  const TempDir dir;
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto held = DataDirectory::open(dir.path());
    if (held && ::write(ready[1], "x", 1) == 1) ::pause();
    ::_exit(1);
  }
  char byte = 0;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  CHECK_FALSE(DataDirectory::open(dir.path()).has_value());
  REQUIRE(::kill(child, SIGKILL) == 0);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  CHECK(DataDirectory::open(dir.path()).has_value());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("a directory that may not be written is refused in words" *
          doctest::skip(::geteuid() == 0)) {
  const TempDir dir;
  fs::permissions(dir.path(), fs::perms::owner_read | fs::perms::owner_exec);
  const auto refused = DataDirectory::open(dir.path());
  fs::permissions(dir.path(), fs::perms::owner_all);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == Errc::io);
  CHECK(refused.error().detail.find(dir.path()) != std::string::npos);
}
