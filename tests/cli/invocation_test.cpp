#include "cli/invocation.hpp"

#include <sstream>

#include <doctest/doctest.h>

using namespace causeway;
using namespace causeway::cli;
using std::chrono::milliseconds;

namespace {

using Arguments = std::vector<std::string>;

std::variant<Invocation, ExitCode> parse(const Arguments& arguments, std::string* said = nullptr) {
  std::ostringstream out;
  std::ostringstream err;
  auto parsed = parse_arguments(arguments, "", out, err);
  if (said != nullptr) *said = out.str() + err.str();
  return parsed;
}

}  // namespace

TEST_CASE("flags may stand before or behind the command") {
  const Arguments rows[] = {
      {"--inconsistent", "--timeout", "5s", "--json", "--server", "a:1,b:2", "set", "k", "v"},
      {"set", "k", "v", "--inconsistent", "--timeout", "5s", "--json", "--server", "a:1,b:2"},
      {"--server=a:1,b:2", "set", "--timeout=5s", "k", "--inconsistent", "v", "--json"},
  };
  for (const Arguments& row : rows) {
    const auto parsed = parse(row);
    REQUIRE(std::holds_alternative<Invocation>(parsed));
    const auto& invocation = std::get<Invocation>(parsed);
    CHECK(invocation.command == Command::set);
    CHECK(invocation.key == "k");
    CHECK(invocation.value == "v");
    CHECK(invocation.servers == Arguments{"a:1", "b:2"});
    CHECK(invocation.inconsistent);
    CHECK(invocation.json);
    CHECK(invocation.timeout == milliseconds(5000));
  }
}

TEST_CASE("without flags a call is consistent, blocks, and reports its doubt") {
  const auto parsed = parse({"get", "k"});
  const auto& invocation = std::get<Invocation>(parsed);
  CHECK(invocation.servers == Arguments{"127.0.0.1:7400"});
  CHECK_FALSE(invocation.inconsistent);
  CHECK_FALSE(invocation.timeout);
  CHECK(invocation.in_doubt == InDoubt::report);
  CHECK_FALSE(invocation.json);
  CHECK_FALSE(invocation.raw);
  CHECK(std::get<Invocation>(parse({"get", "k", "--blocking"})).timeout == std::nullopt);
  CHECK(std::get<Invocation>(parse({"--in-doubt", "wait", "get", "k"})).in_doubt == InDoubt::wait);
}

TEST_CASE("keys and values may look like anything") {
  struct Row {
    const char* why;
    Arguments arguments;
    const char* key;
    const char* value;
  };
  const Row rows[] = {
      {"named like commands", {"set", "get", "status"}, "get", "status"},
      {"named like their own command", {"set", "set", "set"}, "set", "set"},
      {"an empty value", {"set", "k", ""}, "k", ""},
      {"an empty key, which the node refuses", {"set", "", "v"}, "", "v"},
      {"a negative number", {"set", "k", "-5"}, "k", "-5"},
      {"dashes, behind --", {"set", "--", "-k", "--json"}, "-k", "--json"},
      {"spaces, quotes and brackets", {"set", "a b", "[\"x\", 'y']"}, "a b", "[\"x\", 'y']"},
      {"an equals sign", {"set", "k=1", "v=2"}, "k=1", "v=2"},
      {"bytes that are no text", {"set", "\xff\xfe", "\x80"}, "\xff\xfe", "\x80"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    std::string said;
    const auto parsed = parse(row.arguments, &said);
    CAPTURE(said);
    REQUIRE(std::holds_alternative<Invocation>(parsed));
    CHECK(std::get<Invocation>(parsed).command == Command::set);
    CHECK(std::get<Invocation>(parsed).key == row.key);
    CHECK(std::get<Invocation>(parsed).value == row.value);
  }
  CHECK(std::get<Invocation>(parse({"set", "k", "-"})).value_from_input);
}

TEST_CASE("swap takes the old value or --absent") {
  const auto with = std::get<Invocation>(parse({"swap", "k", "new", "old"}));
  CHECK(with.value == "new");
  CHECK(with.expected == "old");
  CHECK(std::get<Invocation>(parse({"swap", "k", "new", ""})).expected == "");
  CHECK(std::get<Invocation>(parse({"swap", "k", "new", "--absent"})).expected == std::nullopt);
  CHECK(std::get<Invocation>(parse({"swap", "--absent", "k", "new"})).expected == std::nullopt);
}

TEST_CASE("an unusable command line ends with 2 and one line that says why") {
  const Arguments rows[] = {
      {},
      {"get"},
      {"get", "a", "b"},
      {"set", "k"},
      {"swap", "k", "new"},
      {"swap", "k", "new", "old", "--absent"},
      {"swap", "k", "new", "old", "--inconsistent"},
      {"--timeout", "5s", "--blocking", "get", "k"},
      {"get", "k", "--timeout", "5"},
      {"get", "k", "--timeout", "s"},
      {"get", "k", "--timeout", "-5s"},
      {"get", "k", "--timeout", "5 s"},
      {"get", "k", "--timeout", "0s"},
      {"get", "k", "--timeout", "99999999999h"},
      {"get", "k", "--timeout"},
      {"get", "k", "--in-doubt", "maybe"},
      {"get", "k", "--raw=perhaps"},
      {"set", "k", "v", "--raw"},
      {"await"},
      {"outcome"},
      // Later work.
      {"set", "k", "v", "--ttl", "30s"},
      {"scan", "p"},
      {"watch", "p"},
      {"txn"},
      {"member", "list"},
      {"transfer", "n1"},
      {"check"},
      {"backup", "f"},
      {"restore", "f"},
      {"nonsense"},
      {"--nonsense", "get", "k"},
  };
  for (const Arguments& row : rows) {
    std::string line;
    for (const std::string& argument : row) line += argument + " ";
    CAPTURE(line);
    std::string said;
    const auto parsed = parse(row, &said);
    REQUIRE(std::holds_alternative<ExitCode>(parsed));
    CHECK(std::get<ExitCode>(parsed) == ExitCode::usage);
    CHECK(said.starts_with("kvcli: "));
    CHECK(said.find('\n') == said.size() - 1);
  }
}

TEST_CASE("an unusable command line is an object with --json") {
  std::string said;
  const auto parsed = parse({"get", "--json"}, &said);
  CHECK(std::get<ExitCode>(parsed) == ExitCode::usage);
  CHECK(said.starts_with("{\"code\":\"invalid\",\"message\":"));
}

TEST_CASE("help and version end with 0") {
  for (const Arguments& row : {Arguments{"--help"}, {"--version"}, {"get", "--help"}, {"-h"}}) {
    std::string said;
    const auto parsed = parse(row, &said);
    REQUIRE(std::holds_alternative<ExitCode>(parsed));
    CHECK(std::get<ExitCode>(parsed) == ExitCode::done);
    CHECK(said.find("kvcli") != std::string::npos);
  }
}

TEST_CASE("help has words for every argument, and each command's names the options of all") {
  std::string all;
  parse({"--help"}, &all);
  CHECK(all.find("CAUSEWAY_SERVER") != std::string::npos);
  for (const char* command :
       {"get", "set", "del", "swap", "pending", "conflicts", "await", "outcome", "status"}) {
    std::string said;
    parse({command, "--help"}, &said);
    CAPTURE(said);
    CHECK(said.find("--server, --inconsistent, --timeout") != std::string::npos);
    std::istringstream lines(said);
    for (std::string line; std::getline(lines, line);) {
      // "  KEY TEXT REQUIRED" and nothing behind it
      CHECK_FALSE(line.ends_with(" TEXT"));
      CHECK_FALSE(line.ends_with(" REQUIRED"));
    }
  }
  for (const char* command : {"set", "del"}) {
    std::string said;
    parse({command, "--help"}, &said);
    CHECK(said.find("standard error") != std::string::npos);
  }
}

TEST_CASE("CAUSEWAY_SERVER stands in for --server, which beats it") {
  std::ostringstream none;
  const auto from_environment = parse_arguments({"status"}, "a:1,b:2", none, none);
  CHECK(std::get<Invocation>(from_environment).servers == Arguments{"a:1", "b:2"});
  const auto from_flag = parse_arguments({"status", "--server", "c:3"}, "a:1,b:2", none, none);
  CHECK(std::get<Invocation>(from_flag).servers == Arguments{"c:3"});
}

TEST_CASE("durations have a unit") {
  struct Row {
    const char* text;
    std::optional<std::int64_t> ms;
  };
  const Row rows[] = {
      {"5s", 5000},
      {"150ms", 150},
      {"2m", 120'000},
      {"1h", 3'600'000},
      {"0ms", 0},
      {"", {}},
      {"5", {}},
      {"ms", {}},
      {"1.5s", {}},
      {"5S", {}},
      {"+5s", {}},
      {"-5s", {}},
      {"5ss", {}},
      {"5s ", {}},
      {" 5s", {}},
      {"2000h", {}},
      {"99999999999999999999s", {}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto duration = parse_duration(row.text);
    REQUIRE(duration.has_value() == row.ms.has_value());
    if (duration) CHECK(duration->count() == *row.ms);
  }
}
