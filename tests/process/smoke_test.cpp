// The shortest look at the whole: three real nodes, the commands, their exit codes. Also run with
// sanitizers, so it stays small.

#include <doctest/doctest.h>

#include "cluster.hpp"

using namespace causeway;
using namespace causeway::test;

namespace {

void check(const CommandResult& result, ExitCode code, const std::string& out) {
  CAPTURE(result.err);
  CHECK(result.code == code);
  CHECK(result.out == out);
}

}  // namespace

TEST_CASE("three nodes answer each other's reads and writes, and say so in exit codes") {
  Cluster cluster(3);
  cluster.start_all();
  cluster.wait_for_leader();

  check(cluster.cli(1, {"set", "hello", "world"}), 0, "");
  check(cluster.cli(2, {"get", "hello"}), 0, "world\n");
  check(cluster.cli(2, {"get", "--raw", "hello"}), 0, "world");
  check(cluster.cli(3, {"get", "nothing"}), 1, "");

  check(cluster.cli(3, {"swap", "hello", "moon", "world"}), 0, "");
  check(cluster.cli(1, {"swap", "hello", "sun", "world"}), 1, "moon\n");
  check(cluster.cli(1, {"swap", "new", "made", "--absent"}), 0, "");
  check(cluster.cli(2, {"swap", "new", "again", "--absent"}), 1, "made\n");

  check(cluster.cli(2, {"del", "hello"}), 0, "");
  check(cluster.cli(1, {"del", "hello"}), 1, "");
  check(cluster.cli(3, {"get", "hello"}), 1, "");

  check(cluster.cli(1, {"frobnicate"}), 2, "");
  check(cluster.cli(1, {"--timeout", "10s", "get", ""}), 6, "");

  const CommandResult offline = cluster.cli(2, {"--inconsistent", "set", "note", "mine"});
  CHECK(offline.code == 0);
  CHECK(offline.out.empty());
  REQUIRE(!offline.err.empty());
  const std::string token = offline.err.substr(0, offline.err.find('\n'));
  CHECK(cluster.cli(2, {"await", token}).code == 0);
  check(cluster.cli(3, {"get", "note"}), 0, "mine\n");

  check(run({KVCLI_PATH, "--server", free_address(), "get", "hello"}), 5, "");

  for (Cluster::Number node = 1; node <= 3; ++node) CHECK(cluster.terminate(node) == 0);

  // Its life in its log, and nothing there that a start always brings and nobody need look at.
  for (Cluster::Number node = 1; node <= 3; ++node) {
    const std::string log = cluster.log(node);
    CAPTURE(log);
    const std::size_t starting = log.find(": starting in ");
    const std::size_t ready = log.find(": ready at " + cluster.address(node) + "\n");
    CHECK(starting < ready);
    CHECK(ready < log.find(" in term "));
    CHECK(log.ends_with(": stopped\n"));
    CHECK(log.find("is not reached: this node is starting") == std::string::npos);
  }
}
