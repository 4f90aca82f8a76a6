// kvd's settings, from wherever they come. What an unusable one does to the process is tested in
// tests/process/bad_input_test.cpp.
#include "daemon/command_line.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <unistd.h>

#include <doctest/doctest.h>

#include "daemon/settings.hpp"

using namespace causeway;
using namespace causeway::daemon;
using std::chrono::milliseconds;

namespace {

Result<std::variant<NodeOptions, Text>> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "kvd");
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

NodeOptions options_of(std::vector<const char*> words) {
  auto parsed = parse(std::move(words));
  REQUIRE_MESSAGE(parsed.has_value(), parsed.error().detail);
  return std::get<NodeOptions>(parsed.value());
}

/// A configuration file and environment of the test's own.
class Surroundings {
 public:
  Surroundings()
      : file_(std::filesystem::temp_directory_path() /
              ("kvd-" + std::to_string(::getpid()) + ".toml")) {}
  ~Surroundings() {
    std::filesystem::remove(file_);
    for (const std::string& name : set_) ::unsetenv(name.c_str());
  }
  std::string config(const std::string& text) {
    std::ofstream(file_) << text;
    return file_.string();
  }
  void variable(const std::string& name, const std::string& value) {
    ::setenv(name.c_str(), value.c_str(), 1);
    set_.push_back(name);
  }

 private:
  std::filesystem::path file_;
  std::vector<std::string> set_;
};

}  // namespace

TEST_CASE("without flags the defaults stand") {
  const NodeOptions options = options_of({});
  const NodeOptions defaults;
  CHECK(options.id.empty());
  CHECK(options.data_dir == "causeway-data");
  CHECK(options.election_timeout == defaults.election_timeout);
  CHECK(options.journal_limit == defaults.journal_limit);
}

TEST_CASE("every setting comes through each of the three ways") {
  struct Row {
    const char* name;
    const char* value;
    bool (*arrived)(const NodeOptions&);
  };
  const Row rows[] = {
      {"id", "n7", [](const NodeOptions& o) { return o.id == "n7"; }},
      {"listen", "h:1", [](const NodeOptions& o) { return o.listen == "h:1"; }},
      {"advertise", "h:2", [](const NodeOptions& o) { return o.advertise == "h:2"; }},
      {"data-dir", "dd", [](const NodeOptions& o) { return o.data_dir == "dd"; }},
      {"cluster", "a=h:1,b=h:2",
       [](const NodeOptions& o) {
         return o.cluster == std::map<std::string, std::string>{{"a", "h:1"}, {"b", "h:2"}};
       }},
      {"election-timeout", "3s",
       [](const NodeOptions& o) { return o.election_timeout == milliseconds(3000); }},
      {"heartbeat-interval", "70ms",
       [](const NodeOptions& o) { return o.heartbeat_interval == milliseconds(70); }},
      {"journal-limit", "3MB", [](const NodeOptions& o) { return o.journal_limit == 3 << 20; }},
      {"key-limit", "100", [](const NodeOptions& o) { return o.key_bytes_max == 100; }},
      {"value-limit", "3KB", [](const NodeOptions& o) { return o.value_bytes_max == 3 << 10; }},
      {"log-level", "warn", [](const NodeOptions& o) { return o.log_level == "warn"; }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const std::string flag = "--" + std::string(row.name);
    CHECK(row.arrived(options_of({flag.c_str(), row.value})));
    CHECK(row.arrived(options_of({(flag + "=" + row.value).c_str()})));
    {
      Surroundings around;
      around.variable(environment_name(row.name), row.value);
      CHECK(row.arrived(options_of({})));
    }
    {
      Surroundings around;
      const std::string path = around.config(std::string(row.name) + " = \"" + row.value + "\"\n");
      CHECK(row.arrived(options_of({"--config", path.c_str()})));
      around.variable("CAUSEWAY_CONFIG", path);
      CHECK(row.arrived(options_of({})));
    }
  }
}

TEST_CASE("a flag beats the environment, the environment beats the file") {
  Surroundings around;
  const std::string path =
      around.config("id = \"file\"\nlisten = \"file:1\"\nadvertise = \"file:1\"\n");
  around.variable("CAUSEWAY_ID", "variable");
  around.variable("CAUSEWAY_LISTEN", "variable:1");
  const NodeOptions options = options_of({"--config", path.c_str(), "--id", "flag"});
  CHECK(options.id == "flag");
  CHECK(options.listen == "variable:1");
  CHECK(options.advertise == "file:1");
}

TEST_CASE("an empty variable counts as none, a wrong value that is not used does no harm") {
  Surroundings around;
  around.variable("CAUSEWAY_LISTEN", "");
  around.variable("CAUSEWAY_ELECTION_TIMEOUT", "soon");
  const NodeOptions options = options_of({"--election-timeout", "1s"});
  CHECK(options.listen.empty());
  CHECK_FALSE(parse({}).has_value());
}

TEST_CASE("the file may hold the cluster as a table and sizes as numbers") {
  Surroundings around;
  const std::string path = around.config(
      "journal-limit = 1048576\n[cluster]\nn1 = \"h:1\"\nn2 = \"h:2\"\n\"n.3\" = \"h:3\"\n");
  const NodeOptions options = options_of({"--config", path.c_str()});
  CHECK(options.journal_limit == 1048576);
  CHECK(options.cluster ==
        std::map<std::string, std::string>{{"n1", "h:1"}, {"n2", "h:2"}, {"n.3", "h:3"}});
}

TEST_CASE("the sample file is a working one, with the defaults") {
  // Builds stand in build/PRESET of the sources.
  std::filesystem::path root = std::filesystem::current_path();
  while (root.has_relative_path() && !std::filesystem::exists(root / "packaging/kvd.toml")) {
    root = root.parent_path();
  }
  const std::filesystem::path sample = root / "packaging/kvd.toml";
  if (!std::filesystem::exists(sample)) {
    MESSAGE("skipped: this build stands outside of the sources");
    return;
  }
  const NodeOptions options = options_of({"--config", sample.c_str()});
  const NodeOptions defaults;
  CHECK(options.data_dir == defaults.data_dir);
  CHECK(options.election_timeout == defaults.election_timeout);
  CHECK(options.heartbeat_interval == defaults.heartbeat_interval);
  CHECK(options.journal_limit == defaults.journal_limit);
  CHECK(options.key_bytes_max == defaults.key_bytes_max);
  CHECK(options.value_bytes_max == defaults.value_bytes_max);
  CHECK(options.log_level == defaults.log_level);
}

TEST_CASE("help and version are texts") {
  for (const char* flag : {"-h", "--help", "--version"}) {
    const auto parsed = parse({flag});
    REQUIRE(parsed.has_value());
    CHECK(std::holds_alternative<Text>(parsed.value()));
  }
}

TEST_CASE("a variable of a setting that is planned is refused by its name") {
  for (const char* name : {"CAUSEWAY_JOIN", "CAUSEWAY_ROLE", "CAUSEWAY_MEMORY_LIMIT"}) {
    Surroundings around;
    around.variable(name, "64MB");
    const auto parsed = parse({});
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().code == Errc::invalid);
    CHECK(parsed.error().detail.find(name) != std::string::npos);
  }
}
