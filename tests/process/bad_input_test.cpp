// Everything unusable that a person or a stranger's program can give to a node: it gets a clear
// error in one line that names the thing, and the node goes on serving others.
//
// One table for each way in: command lines and data directories here, frames in
// bad_frames_test.cpp. Rows say why; no text is compared, but the line must hold the name of what
// is wrong.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "cluster.hpp"

using namespace causeway;
using namespace causeway::test;

namespace {

namespace fs = std::filesystem;

std::size_t lines_of(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// One line on standard error that names the thing, nothing on standard output, the right exit code.
void check_refusal(const CommandResult& result, const std::set<ExitCode>& codes,
                   const std::string& names) {
  CAPTURE(result.code);
  CAPTURE(result.out);
  CAPTURE(result.err);
  CAPTURE(names);
  CHECK(codes.contains(result.code));
  CHECK(result.out.empty());
  CHECK(lines_of(result.err) == 1);
  CHECK(result.err.find(names) != std::string::npos);
}

// ---- Command lines

struct CommandRow {
  std::string why;
  std::vector<std::string> arguments;
  std::string names;  // what the error must name
  std::set<ExitCode> codes = {2};
  std::map<std::string, std::string> environment = {};
};

const std::string kEight = "a=h:1,b=h:2,c=h:3,d=h:4,e=h:5,f=h:6,g=h:7,h=h:8";

const std::vector<CommandRow> kvd_rows = {
    {"an id with capitals", {"--id", "N1"}, "N1"},
    {"an id that is too long", {"--id", std::string(65, 'a')}, std::string(65, 'a')},
    {"an empty id", {"--id", ""}, "id"},
    {"no port", {"--listen", "127.0.0.1"}, "127.0.0.1"},
    {"no number for a port", {"--listen", "127.0.0.1:http"}, "127.0.0.1:http"},
    {"a port that does not exist", {"--listen", "127.0.0.1:65536"}, "127.0.0.1:65536"},
    {"no host", {"--listen", ":7400"}, ":7400"},
    {"advertises no address", {"--advertise", "here"}, "here"},
    {"advertises port 0", {"--advertise", "127.0.0.1:0"}, "127.0.0.1:0"},
    {"an empty directory name", {"--data-dir", ""}, "data"},
    {"a cluster without addresses", {"--id", "n1", "--cluster", "n1,n2"}, "n1"},
    {"a cluster with a wrong id", {"--id", "n1", "--cluster", "N1=127.0.0.1:7401"}, "N1"},
    {"a cluster with a wrong address", {"--id", "n1", "--cluster", "n1=nowhere"}, "nowhere"},
    {"a cluster without this node", {"--id", "n9", "--cluster", "n1=127.0.0.1:7401"}, "n9"},
    {"a name twice", {"--id", "n1", "--cluster", "n1=127.0.0.1:7401,n1=127.0.0.1:7402"}, "n1"},
    {"an address twice",
     {"--id", "n1", "--cluster", "n1=127.0.0.1:7401,n2=127.0.0.1:7401"},
     "127.0.0.1:7401"},
    {"eight voters", {"--id", "a", "--cluster", kEight}, "cluster"},
    {"an empty cluster", {"--id", "n1", "--cluster", ""}, "cluster"},
    {"a duration without a unit", {"--election-timeout", "150"}, "150"},
    {"a duration with a wrong unit", {"--election-timeout", "150parsecs"}, "150parsecs"},
    {"an election timeout of nothing", {"--election-timeout", "0ms"}, "election"},
    {"a negative duration", {"--heartbeat-interval=-5ms"}, "heartbeat"},
    {"a heartbeat that is too slow",
     {"--election-timeout", "100ms", "--heartbeat-interval", "90ms"},
     "heartbeat"},
    {"no number of bytes", {"--journal-limit", "much"}, "much"},
    {"a journal that holds nothing", {"--journal-limit", "1"}, "journal"},
    {"a number of bytes that is too large", {"--journal-limit", "99999999999999999999"}, "journal"},
    {"a log level that does not exist", {"--log-level", "loud"}, "loud"},
    {"a configuration file that is missing",
     {"--config", "/nowhere/causeway.toml"},
     "/nowhere/causeway.toml",
     {1, 2}},
    {"a flag that does not exist", {"--frobnicate"}, "frobnicate"},
    {"a flag without its value", {"--id"}, "id"},
    {"a flag twice", {"--id", "n1", "--id", "n2"}, "id"},
    {"an argument that is no flag", {"start"}, "start"},
    {"--join, which later work brings", {"--join", "127.0.0.1:7401"}, "join"},
    {"--role, which later work brings", {"--role", "learner"}, "role"},
    {"--memory-limit, which later work brings", {"--memory-limit", "64MB"}, "memory-limit"},
    {"a wrong value in the environment", {}, "loud", {2}, {{"CAUSEWAY_LOG_LEVEL", "loud"}}},
    {"a wrong duration in the environment",
     {},
     "soon",
     {2},
     {{"CAUSEWAY_ELECTION_TIMEOUT", "soon"}}},
};

struct ConfigRow {
  std::string why;
  std::string text;
  std::string names;
};

const std::vector<ConfigRow> config_rows = {
    {"no TOML at all", "id = = n1\n", "causeway.toml"},
    {"a key that does not exist", "frobnicate = 1\n", "frobnicate"},
    {"a wrong type", "id = 7\n", "id"},
    {"a wrong value", "election-timeout = \"soon\"\n", "soon"},
    {"a wrong level", "log-level = \"loud\"\n", "loud"},
};

const std::vector<CommandRow> kvcli_rows = {
    {"no command", {}, "command"},
    {"a command that does not exist", {"frobnicate"}, "frobnicate"},
    {"get without a key", {"get"}, "KEY"},
    {"get with two", {"get", "a", "b"}, "b"},
    {"set without a value", {"set", "a"}, "VALUE"},
    {"swap without the old value", {"swap", "a", "b"}, "swap"},
    {"swap with the old value and --absent", {"swap", "a", "b", "c", "--absent"}, "absent"},
    {"swap on this node alone", {"--inconsistent", "swap", "a", "b", "c"}, "swap"},
    {"a flag that does not exist", {"--frobnicate", "get", "a"}, "frobnicate"},
    {"a timeout without a unit", {"--timeout", "5", "get", "a"}, "5"},
    {"a timeout of nothing", {"--timeout", "0s", "get", "a"}, "timeout"},
    {"a timeout and none", {"--timeout", "5s", "--blocking", "get", "a"}, "blocking"},
    {"neither report nor wait", {"--in-doubt", "maybe", "set", "a", "b"}, "maybe"},
    {"a server without a port", {"--server", "127.0.0.1", "get", "a"}, "127.0.0.1"},
    {"a wrong server in the environment",
     {"get", "a"},
     "nowhere",
     {2},
     {{"CAUSEWAY_SERVER", "nowhere"}}},
    {"--ttl, which later work brings", {"set", "a", "b", "--ttl", "5s"}, "ttl"},
    {"scan, which later work brings", {"scan", "a"}, "scan"},
    {"watch, which later work brings", {"watch", "a"}, "watch"},
    {"txn, which later work brings", {"txn"}, "txn"},
    {"member, which later work brings", {"member", "list"}, "member"},
    {"check, which later work brings", {"check"}, "check"},
    {"backup, which later work brings", {"backup", "file"}, "backup"},
};

// ---- Data directories

struct DirectoryRow {
  std::string why;
  std::function<void(const std::string& path)> spoil;  // given a good directory of node n1
  std::string names;                                   // beside the directory's path
  std::vector<std::string> flags = {};
  ExitCode code = 1;
};

void write_file(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

void flip(const std::string& path, std::size_t offset) {
  std::string bytes = read_file(path);
  REQUIRE(offset < bytes.size());
  bytes[offset] = static_cast<char>(bytes[offset] ^ 0x01);
  write_file(path, bytes);
}

void empty(const std::string& path) {
  fs::remove_all(path);
  fs::create_directory(path);
}

const std::vector<DirectoryRow> directory_rows = {
    {"somebody else's files",
     [](const std::string& path) {
       empty(path);
       write_file(path + "/letter.txt", "dear");
     },
     "letter.txt"},
    {"a file in its place",
     [](const std::string& path) {
       fs::remove_all(path);
       write_file(path, "a file");
     },
     ""},
    {"an empty identity", [](const std::string& path) { fs::resize_file(path + "/identity", 0); },
     "identity"},
    {"half an identity",
     [](const std::string& path) {
       fs::resize_file(path + "/identity", fs::file_size(path + "/identity") / 2);
     },
     "identity"},
    {"a damaged identity",
     [](const std::string& path) {
       flip(path + "/identity", fs::file_size(path + "/identity") - 3);
     },
     "identity"},
    {"an identity of a newer format",
     // docs/formats.md: the format number stands behind the magic of 8 bytes.
     [](const std::string& path) { flip(path + "/identity", 9); }, "identity"},
    {"the identity is gone, the log is there",
     [](const std::string& path) { fs::remove(path + "/identity"); }, "identity"},
    {"another node's", [](const std::string&) {}, "n2", {"--id", "n2"}, 2},
    {"another cluster's",
     [](const std::string&) {},
     "n9",
     {"--cluster", "n1=127.0.0.1:7401,n9=127.0.0.1:7409"},
     2},
};

// A good directory of a single node n1 with something in it.
std::string good_directory(const TemporaryDirectory& directory) {
  const std::string path = directory / "good";
  const std::string out = directory / "good.out";
  const std::string address = free_address();
  Process process({.arguments = {KVD_PATH, "--id", "n1", "--listen", address, "--data-dir", path},
                   .output_file = out});
  REQUIRE(eventually([&] { return !read_file(out).empty() || !process.running(); }));
  const auto result = run({KVCLI_PATH, "--server", address, "set", "k", "v"});
  REQUIRE(result.code == 0);
  process.signal(SIGTERM);
  REQUIRE(process.wait() == 0);
  return path;
}

}  // namespace

TEST_CASE("kvd refuses unusable flags, settings and files with one line, and touches nothing") {
  const TemporaryDirectory directory;
  for (const CommandRow& row : kvd_rows) {
    CAPTURE(row.why);
    std::vector<std::string> arguments = row.arguments;
    arguments.insert(arguments.begin(), KVD_PATH);
    const CommandOptions options{.environment = row.environment, .directory = directory.path()};
    check_refusal(run(arguments, options), row.codes, row.names);
    CHECK(fs::is_empty(directory.path()));  // no data directory was made
  }
  const std::string config = directory / "causeway.toml";
  for (const ConfigRow& row : config_rows) {
    CAPTURE(row.why);
    write_file(config, row.text);
    const CommandOptions options{.directory = directory.path()};
    check_refusal(run({KVD_PATH, "--config", config}, options), {2}, row.names);
  }
}

TEST_CASE(
    "kvd refuses data directories that are not its own, or not whole, and leaves them as they "
    "are") {
  const TemporaryDirectory directory;
  const std::string good = good_directory(directory);
  const std::string path = directory / "spoilt";
  for (const DirectoryRow& row : directory_rows) {
    CAPTURE(row.why);
    fs::remove_all(path);
    fs::copy(good, path, fs::copy_options::recursive);
    row.spoil(path);
    std::vector<std::string> arguments = {KVD_PATH, "--data-dir", path};
    arguments.insert(arguments.end(), row.flags.begin(), row.flags.end());
    const CommandResult result = run(arguments);
    check_refusal(result, {row.code}, path);
    CHECK(result.err.find(row.names) != std::string::npos);
  }

  // Nothing wrong with the copy itself.
  fs::remove_all(path);
  fs::copy(good, path, fs::copy_options::recursive);
  const std::string out = directory / "copy.out";
  Process process({.arguments = {KVD_PATH, "--data-dir", path, "--listen", free_address()},
                   .output_file = out});
  CHECK(eventually([&] { return !read_file(out).empty() || !process.running(); }));
  CHECK(process.running());

  CAPTURE("a directory that is in use");
  check_refusal(run({KVD_PATH, "--data-dir", path, "--listen", free_address()}), {1}, path);
  CHECK(process.running());

  CAPTURE("a place where nothing can be written");
  check_refusal(run({KVD_PATH, "--data-dir", "/proc/causeway/data"}), {1}, "/proc/causeway");

  CAPTURE("a directory that may not be written");
  if (::geteuid() != 0) {  // to root everything is writable
    const std::string locked = directory / "locked";
    fs::create_directory(locked);
    ::chmod(locked.c_str(), 0555);
    check_refusal(run({KVD_PATH, "--data-dir", locked}), {1}, locked);
  }
}

TEST_CASE(
    "what a crash in the first moments of a first start leaves is still a new node's directory") {
  const TemporaryDirectory directory;
  const std::string path = directory / "begun";
  fs::create_directory(path);
  write_file(path + "/lock", "");
  write_file(path + "/identity.new", "half a li");
  const std::string out = directory / "out";
  Process process(
      {.arguments = {KVD_PATH, "--id", "n1", "--data-dir", path, "--listen", free_address()},
       .output_file = out});
  CHECK(eventually([&] { return !read_file(out).empty() || !process.running(); }));
  CHECK(process.running());
}

TEST_CASE(
    "an address that is in use, or not this machine's, is named; no directory is made, and who has "
    "the address goes on serving") {
  Cluster cluster(1);
  cluster.start_all();
  cluster.wait_for_leader();
  const auto client = cluster.client(1);
  REQUIRE(take(client->set("served", "yes", kPatientWrite)).valid);
  const std::string data = cluster.directory() / "other";
  check_refusal(run({KVD_PATH, "--id", "n2", "--data-dir", data, "--listen", cluster.address(1)}),
                {1}, cluster.address(1));
  check_refusal(run({KVD_PATH, "--id", "n2", "--data-dir", data, "--listen", "192.0.2.1:7400"}),
                {1}, "192.0.2.1:7400");
  check_refusal(
      run({KVD_PATH, "--id", "n2", "--data-dir", data, "--listen", "nobody.invalid:7400"}), {1, 2},
      "nobody.invalid");
  CHECK_FALSE(fs::exists(data));
  CHECK(is_served(*client));
}

TEST_CASE("kvcli refuses unusable commands with one line and exit code 2") {
  for (const CommandRow& row : kvcli_rows) {
    CAPTURE(row.why);
    std::vector<std::string> arguments = row.arguments;
    arguments.insert(arguments.begin(), KVCLI_PATH);
    check_refusal(run(arguments, {.environment = row.environment}), row.codes, row.names);
  }
}

TEST_CASE("what a node refuses is exit code 6, nobody there is 5, out of time is 3") {
  Cluster cluster(3);
  cluster.start({1});  // no majority: timeouts are certain
  const std::string long_key(1025, 'k');
  check_refusal(cluster.cli(1, {"get", ""}), {6}, "key");
  check_refusal(cluster.cli(1, {"get", long_key}), {6}, "key");
  check_refusal(cluster.cli(1, {"await", "yesterday's"}), {6}, "token");
  check_refusal(cluster.cli(1, {"outcome", "that one"}), {6}, "operation");
  check_refusal(run({KVCLI_PATH, "--server", free_address(), "get", "k"}), {5}, "127.");
  check_refusal(cluster.cli(1, {"--timeout", "100ms", "get", "k"}), {3}, "");
  check_refusal(cluster.cli(1, {"--timeout", "100ms", "set", "k", "v"}), {3}, "");
  check_refusal(cluster.cli(1, {"--inconsistent", "get", "k"}), {6}, "");  // no_data
  const CommandResult too_large = run({KVCLI_PATH, "--server", cluster.address(1), "set", "k", "-"},
                                      {.input = std::string((1 << 20) + 1, 'v')});
  check_refusal(too_large, {6}, "value");
}
