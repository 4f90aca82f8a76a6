#include "simcli/command_line.hpp"

#include <sstream>

#include <doctest/doctest.h>

using namespace causeway;
using namespace causeway::simcli;
using std::chrono::milliseconds;

namespace {

using Arguments = std::vector<std::string>;

std::variant<Invocation, ExitCode> parse(const Arguments& arguments, std::string* said = nullptr) {
  std::ostringstream out;
  std::ostringstream err;
  auto parsed = parse_arguments(arguments, out, err);
  if (said != nullptr) *said = out.str() + err.str();
  return parsed;
}

Invocation good(const Arguments& arguments) {
  std::string said;
  auto parsed = parse(arguments, &said);
  REQUIRE_MESSAGE(std::holds_alternative<Invocation>(parsed), said);
  return std::get<Invocation>(parsed);
}

}  // namespace

TEST_CASE("which seeds are run") {
  struct Row {
    Arguments arguments;
    std::optional<std::uint64_t> first;
    std::optional<std::uint64_t> count;
    std::optional<milliseconds> time;
  };
  const Row rows[] = {
      {{}, {}, 100, {}},
      {{"--seed", "7"}, 7, 1, {}},
      {{"--seed=0"}, 0, 1, {}},
      {{"--seed", "18446744073709551615"}, UINT64_MAX, 1, {}},
      {{"--seeds", "1000"}, {}, 1000, {}},
      {{"--seeds", "3..12"}, 3, 10, {}},
      {{"--seeds", "3..3"}, 3, 1, {}},
      {{"--minutes", "60"}, {}, {}, milliseconds(3'600'000)},
      {{"--minutes", "0.5"}, {}, {}, milliseconds(30'000)},
      {{"--minutes", "0"}, {}, {}, {}},
  };
  for (const Row& row : rows) {
    const Invocation invocation = good(row.arguments);
    CHECK(invocation.first == row.first);
    CHECK(invocation.count == row.count);
    CHECK(invocation.time == row.time);
    CHECK(invocation.jobs >= 1);
    CHECK(invocation.overrides == Overrides{});
  }
}

TEST_CASE("what stands in place of what the seed draws, and how it is told") {
  const Invocation invocation = good({"--seed",
                                      "7",
                                      "--trace",
                                      "--nodes",
                                      "3",
                                      "--clients",
                                      "2",
                                      "--keys",
                                      "5",
                                      "--rate",
                                      "100",
                                      "--seconds",
                                      "9",
                                      "--jobs",
                                      "3",
                                      "--shrink",
                                      "--json",
                                      "--faults",
                                      "kill=2,loss=1",
                                      "--until-failure",
                                      "--keep-failures",
                                      "f"});
  CHECK(invocation.overrides == Overrides{.nodes = 3,
                                          .clients = 2,
                                          .keys = 5,
                                          .seconds = 9,
                                          .rate = 100,
                                          .faults = "kill=2,loss=1"});
  CHECK(invocation.jobs == 3);
  CHECK(invocation.trace);
  CHECK(invocation.shrink);
  CHECK(invocation.json);
  CHECK(invocation.until_failure);
  CHECK(invocation.keep_failures == "f");
  CHECK(good({"--seeds", "4..4", "--trace"}).trace);
  CHECK(good({"--faults", "none"}).overrides.faults == "none");
}

TEST_CASE("an unusable command line ends with 2 and one line that says why") {
  const Arguments rows[] = {
      {"--seed"},
      {"--seed", "x"},
      {"--seed", ""},
      {"--seed", "-1"},
      {"--seed", "1.5"},
      {"--seed", "1 "},
      {"--seed", "0x1"},
      {"--seed", "18446744073709551616"},
      {"--seeds", "0"},
      {"--seeds", "a..b"},
      {"--seeds", "5..3"},
      {"--seeds", "5.."},
      {"--seeds", "..5"},
      {"--seeds", "5...6"},
      {"--seeds", "0..18446744073709551615"},
      {"--seed", "1", "--seeds", "2"},
      {"--seed", "1", "--minutes", "2"},
      {"--seeds", "1", "--minutes", "2"},
      {"--minutes", "-1"},
      {"--minutes", "soon"},
      {"--minutes", "nan"},
      {"--minutes", "inf"},
      {"--minutes", "1e300"},
      {"--jobs", "0"},
      {"--jobs", "many"},
      {"--nodes", "0"},
      {"--nodes", "8"},
      {"--nodes", "-3"},
      {"--clients", "0"},
      {"--clients", "99999999999"},
      {"--keys", "0"},
      {"--rate", "0"},
      {"--seconds", "0"},
      {"--seconds", "99999999999999999"},
      {"--faults", ""},
      {"--faults", "bogus=1"},
      {"--faults", "kill"},
      {"--faults", "kill=4"},
      {"--faults", "kill=1,,loss=1"},
      {"--faults", "wipe=1", "--nodes", "2"},
      {"--trace"},
      {"--trace", "--seeds", "2"},
      {"--trace", "--seeds", "1"},
      {"--keep-failures", ""},
      {"--json=perhaps"},
      {"--nonsense"},
      {"nonsense"},
      {"--seed", "1", "2"},
  };
  for (const Arguments& row : rows) {
    std::string line;
    for (const std::string& argument : row) line += argument + " ";
    CAPTURE(line);
    std::string said;
    const auto parsed = parse(row, &said);
    REQUIRE(std::holds_alternative<ExitCode>(parsed));
    CHECK(std::get<ExitCode>(parsed) == ExitCode::usage);
    CHECK(said.starts_with("causeway-sim: "));
    CHECK(said.find('\n') == said.size() - 1);
  }
}

TEST_CASE("the line names the flag, and what it takes") {
  const std::pair<Arguments, std::string> rows[] = {
      {{"--seed"}, "--seed must stand once, with one value"},
      {{"--nodes", "3", "--nodes", "5"}, "--nodes must stand once, with one value"},
      {{"--nodes", "0"}, "--nodes 0: write a whole number from 1 to 7"},
      {{"--nodes", "8"}, "--nodes 8: write a whole number from 1 to 7"},
      {{"--clients", "257"}, "--clients 257: write a whole number from 1 to 256"},
      {{"--keys", "x"}, "--keys x: write a whole number from 1 to 10000"},
      {{"--rate", "-1"}, "--rate -1: write a whole number from 1 to 100000"},
      {{"--seconds", "86401"}, "--seconds 86401: write a whole number from 1 to 86400"},
      {{"--minutes", "1e9"}, "--minutes 1e9: write a number up to 1000000, as in 60; 0: no end"},
  };
  for (const auto& [arguments, why] : rows) {
    std::string said;
    CHECK(std::holds_alternative<ExitCode>(parse(arguments, &said)));
    CHECK(said == "causeway-sim: " + why + "; see causeway-sim --help\n");
  }
}

TEST_CASE("help and version end with 0") {
  for (const Arguments& row : {Arguments{"--help"}, {"-h"}, {"--version"}}) {
    std::string said;
    const auto parsed = parse(row, &said);
    REQUIRE(std::holds_alternative<ExitCode>(parsed));
    CHECK(std::get<ExitCode>(parsed) == ExitCode::passed);
    CHECK(said.find("causeway-sim") != std::string::npos);
  }
}
