// What kvcli prints and how it ends, against a node that answers as the row says.
#include "cli/run.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <sstream>
#include <thread>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "client/fake_server.hpp"

using namespace causeway;
using causeway::test::Act;
using causeway::test::dead_address;
using causeway::test::fake_status;
using causeway::test::FakeServer;
using causeway::test::script_for;
using nlohmann::json;

namespace {

struct Ran {
  int code = -1;
  std::string out;
  std::string err;
};

Ran run(std::vector<std::string> arguments, const std::string& servers,
        const std::string& input = {}) {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  const int code = cli::run(arguments, servers, in, out, err);
  return {code, out.str(), err.str()};
}

/// Standard error that tells when a line has gone out.
struct Heard : std::stringbuf {
  std::promise<void> flushed;
  int sync() override {
    flushed.set_value();
    return 0;
  }
};

Version version_of(std::uint64_t revision) {
  return {.revision = {revision},
          .stamp = {1'700'000'000'000u << 16},
          .origin = {0xabcdef},
          .sequence = {12}};
}

const std::string kWriter = "0000000000abcdef-12";

}  // namespace

TEST_CASE("each answer has its output and its exit code") {
  struct Row {
    const char* why;
    std::vector<std::string> arguments;
    Act act;
    int code;
    std::string out;
    const char* err;  // what standard error holds; "": nothing at all
  };
  const auto response = [](Response answer) { return Act::answer(std::move(answer)); };
  const auto settled = [](AwaitResult answer) { return Act::answer(std::move(answer)); };
  const Row rows[] = {
      {"get", {"get", "k"}, response({.valid = true, .value = "v"}), 0, "v\n", ""},
      {"get raw", {"get", "k", "--raw"}, response({.valid = true, .value = "v"}), 0, "v", ""},
      {"get an empty value", {"get", "k"}, response({.valid = true}), 0, "\n", ""},
      {"get no such key", {"get", "k"}, response({}), 1, "", "no such key: k"},
      {"get in vain",
       {"get", "k", "--timeout", "1s"},
       response({.timeout = true, .reason = TimeoutReason::budget}),
       3,
       "",
       "timeout"},
      {"get without data",
       {"get", "k", "--inconsistent"},
       Act::refuse(Errc::no_data, "never held data"),
       6,
       "",
       "no_data: never held data"},
      {"get refused",
       {"get", "k"},
       Act::refuse(Errc::invalid, "key: empty"),
       6,
       "",
       "invalid: key: empty"},
      {"get from a node that is stopping",
       {"get", "k"},
       Act::refuse(Errc::unavailable, "stopping"),
       6,
       "",
       "unavailable: stopping"},
      {"set", {"set", "k", "v"}, response({.valid = true, .version = version_of(3)}), 0, "", ""},
      {"set offline",
       {"set", "k", "v", "--inconsistent"},
       response({.valid = true, .token = kWriter}),
       0,
       "",
       "0000000000abcdef-12\n"},
      {"set in vain",
       {"set", "k", "v", "--timeout", "1s"},
       response({.timeout = true, .reason = TimeoutReason::budget}),
       3,
       "",
       "timeout"},
      {"set overtaken",
       {"set", "k", "v"},
       response({.timeout = true, .reason = TimeoutReason::overtaken}),
       3,
       "",
       "offline write of k"},
      {"set in doubt",
       {"set", "k", "v", "--timeout", "1s"},
       Act::refuse(Errc::in_doubt, "no majority", "op-7"),
       4,
       "",
       "op-7"},
      {"set beyond a limit",
       {"set", "k", "v"},
       Act::refuse(Errc::exhausted, "too many"),
       6,
       "",
       "exhausted: too many"},
      {"set into a full journal",
       {"set", "k", "v", "--inconsistent"},
       Act::refuse(Errc::journal_full, "full"),
       6,
       "",
       "journal_full"},
      {"set lost in the middle", {"set", "k", "v"}, Act::die(), 4, "", "in doubt"},
      {"get lost in the middle", {"get", "k"}, Act::die(), 5, "", "no server reached"},
      {"del", {"del", "k"}, response({.valid = true}), 0, "", ""},
      {"del offline",
       {"del", "k", "--inconsistent"},
       response({.valid = true, .token = kWriter}),
       0,
       "",
       "0000000000abcdef-12\n"},
      {"del an absent key", {"del", "k"}, response({}), 1, "", "no such key: k"},
      {"swap", {"swap", "k", "new", "old"}, response({.valid = true}), 0, "", ""},
      {"swap mismatch",
       {"swap", "k", "new", "old"},
       response({.value = "other"}),
       1,
       "other\n",
       "not swapped"},
      {"swap of an absent key",
       {"swap", "k", "new", "old"},
       response({.absent = true}),
       1,
       "",
       "no value of k"},
      {"await won",
       {"await", kWriter},
       settled({.state = AwaitResult::State::won, .winner = version_of(4)}),
       0,
       "won\n",
       ""},
      {"await superseded",
       {"await", kWriter},
       settled({.state = AwaitResult::State::superseded, .winner = version_of(4)}),
       1,
       "superseded by " + kWriter + " at 2023-11-14T22:13:20.000Z\n",
       ""},
      {"await rejected",
       {"await", kWriter},
       settled({.state = AwaitResult::State::rejected, .reason = "too large"}),
       1,
       "rejected: too large\n",
       ""},
      {"await replaced",
       {"await", kWriter},
       settled({.state = AwaitResult::State::replaced, .replaced_by = "o-13"}),
       1,
       "replaced by o-13\n",
       ""},
      {"await in vain", {"await", kWriter, "--timeout", "0s"}, settled({}), 3, "pending\n", ""},
      {"await too late",
       {"await", kWriter},
       settled({.state = AwaitResult::State::forgotten}),
       6,
       "forgotten\n",
       ""},
      {"outcome done",
       {"outcome", "op"},
       Act::answer(OutcomeResult{OutcomeResult::State::done}),
       0,
       "done\n",
       ""},
      {"outcome mismatch",
       {"outcome", "op"},
       Act::answer(OutcomeResult{OutcomeResult::State::mismatch}),
       1,
       "mismatch\n",
       ""},
      {"outcome no",
       {"outcome", "op"},
       Act::answer(OutcomeResult{OutcomeResult::State::did_not_happen}),
       3,
       "did_not_happen\n",
       ""},
      {"outcome open", {"outcome", "op"}, Act::answer(OutcomeResult{}), 4, "pending\n", ""},
      {"pending",
       {"pending"},
       Act::answer(PendingPage{
           {{"a\tb", "line\nline", kWriter, {5}}, {"gone", std::nullopt, "o-2", {6}}}, ""}),
       0,
       "a\\tb\tline\\nline\t" + kWriter + "\ngone\t(deleted)\to-2\n",
       ""},
      {"nothing pending", {"pending"}, Act::answer(PendingPage{}), 0, "", ""},
      {"conflicts",
       {"conflicts"},
       Act::answer(ConflictPage{{{.key = "k",
                                  .lost = {"mine", false, version_of(0)},
                                  .won = {std::nullopt, false, version_of(9)}}},
                                ""}),
       0,
       "k\tsuperseded\tlost mine by " + kWriter +
           " at 2023-11-14T22:13:20.000Z\twon (deleted) by " + kWriter +
           " at 2023-11-14T22:13:20.000Z\n",
       ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    FakeServer server(script_for([&](const wire::Call&) { return row.act; }));
    const Ran ran = run(row.arguments, server.address());
    CHECK(ran.code == row.code);
    CHECK(ran.out == row.out);
    CAPTURE(ran.err);
    if (std::string_view(row.err).empty()) {
      CHECK(ran.err.empty());
    } else {
      CHECK(ran.err.find(row.err) != std::string::npos);
      CHECK(ran.err.find('\n') == ran.err.size() - 1);
    }

    INFO("with --json: the same code, everything on standard output, one object a line");
    FakeServer again(script_for([&](const wire::Call&) { return row.act; }));
    std::vector<std::string> arguments = row.arguments;
    arguments.push_back("--json");
    const Ran as_json = run(arguments, again.address());
    CHECK(as_json.code == row.code);
    CHECK(as_json.err.empty());
    std::istringstream lines(as_json.out);
    for (std::string line; std::getline(lines, line);) {
      const json object = json::parse(line, nullptr, false);
      REQUIRE(object.is_object());
      if (row.code >= 3 && !row.act.reply.valueless_by_exception() && row.out.empty()) {
        CHECK(object["code"].is_string());
        CHECK(object["message"].is_string());
      }
    }
  }
}

TEST_CASE("who is in doubt is told what to type, and that only this server can answer") {
  FakeServer server(
      script_for([](const wire::Call&) { return Act::refuse(Errc::in_doubt, "nobody", "op-7"); }));
  const std::string command = "kvcli --server " + server.address() + " outcome op-7";
  const std::string servers = dead_address() + "," + server.address();
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"set", "k", "v"}, {"del", "k"}}) {
    std::vector<std::string> words = arguments;
    CHECK(run(words, servers).err.find(command) != std::string::npos);
    words.push_back("--json");
    CHECK(run(words, servers).out.find(command) != std::string::npos);
  }
}

TEST_CASE("a call that waits for others says so once, unless it will end by itself") {
  struct Row {
    std::vector<std::string> arguments;
    wire::Answer answer;
    bool says;
  };
  const Row rows[] = {
      {{"get", "k"}, Response{.valid = true}, true},
      {{"set", "k", "v"}, Response{.valid = true}, true},
      {{"del", "k"}, Response{.valid = true}, true},
      {{"swap", "k", "new", "old"}, Response{.valid = true}, true},
      {{"await", kWriter}, AwaitResult{.state = AwaitResult::State::won}, true},
      {{"outcome", "op"}, OutcomeResult{OutcomeResult::State::done}, true},
      {{"get", "k", "--timeout", "90s"}, Response{.valid = true}, false},
      {{"get", "k", "--inconsistent"}, Response{.valid = true}, false},
      {{"set", "k", "v", "--inconsistent"}, Response{.valid = true}, false},
      {{"set", "k", "v", "--json"}, Response{.valid = true}, false},
      {{"pending"}, PendingPage{}, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.arguments[0]);
    FakeServer server(script_for([&](const wire::Call&) { return Act::hold(row.answer); }));
    std::istringstream in;
    std::ostringstream out;
    Heard heard;
    std::ostream err(&heard);
    auto code = std::async(std::launch::async, [&] {
      return cli::run(row.arguments, server.address(), in, out, err, std::chrono::milliseconds(1));
    });
    server.wait_for_calls(1);
    if (row.says) {
      heard.flushed.get_future().wait();
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    server.release();
    CHECK(code.get() == 0);
    CHECK(out.str().find("waiting") == std::string::npos);
    const std::string said = heard.str();
    CHECK(said.starts_with("kvcli: still waiting for ") == row.says);
    CHECK(std::count(said.begin(), said.end(), '\n') == (row.says ? 1 : 0));
  }
  INFO("who answers at once is not told to wait");
  FakeServer quick;
  CHECK(run({"get", "k"}, quick.address()).err.empty());
}

TEST_CASE("options reach the server as they were given") {
  FakeServer server;
  REQUIRE(run({"get", "k", "--inconsistent", "--timeout", "90s"}, server.address()).code == 0);
  REQUIRE(run({"set", "k", "-", "--timeout", "90s", "--in-doubt", "wait"}, server.address(),
              "from input\n")
              .code == 0);
  REQUIRE(run({"set", "k", "v", "--inconsistent"}, server.address()).code == 0);
  REQUIRE(run({"swap", "k", "n", "--absent", "--timeout", "90s"}, server.address()).code == 0);
  const auto calls = server.calls();
  REQUIRE(calls.size() == 4);
  const auto& get = std::get<wire::GetCall>(calls[0]);
  CHECK_FALSE(get.consistent);
  CHECK(get.timeout_ms.value() > 60'000);
  const auto& set = std::get<wire::WriteCall>(calls[1]);
  CHECK(set.value.view() == "from input\n");
  CHECK(set.in_doubt == InDoubt::wait);
  CHECK(set.timeout_ms.value() > 60'000);
  const auto& offline = std::get<wire::WriteCall>(calls[2]);
  CHECK_FALSE(offline.consistent);
  CHECK_FALSE(offline.timeout_ms);
  const auto& swap = std::get<wire::WriteCall>(calls[3]);
  CHECK(swap.expected == std::nullopt);
  CHECK(swap.in_doubt == InDoubt::report);
}

TEST_CASE("numbers that doubles cannot hold are strings in JSON, and other bytes are base64") {
  FakeServer server(script_for([](const wire::Call&) {
    return Act::answer(Response{.valid = true,
                                .value = "\xff\xfe",
                                .version = version_of(17),
                                .pending = true,
                                .served_by = {"n1", "leader"},
                                .behind_ms = 40});
  }));
  const Ran ran = run({"get", "k", "--json"}, server.address());
  const json object = json::parse(ran.out);
  CHECK(object == json{{"key", "k"},
                       {"valid", true},
                       {"timeout", false},
                       {"value", "//4="},
                       {"encoding", "base64"},
                       {"pending", true},
                       {"version",
                        {{"revision", 17},
                         {"stamp", "111411200000000000"},
                         {"origin", "0000000000abcdef"},
                         {"sequence", "12"},
                         {"time_ms", 1'700'000'000'000},
                         {"expires_ms", nullptr}}},
                       {"served_by", {{"id", "n1"}, {"role", "leader"}}},
                       {"behind_ms", 40}});
}

TEST_CASE("pages follow each other until there are no more") {
  FakeServer server(script_for([](const wire::Call& call) {
    const auto& cursor = std::get<wire::PendingCall>(call).cursor;
    const std::string next = cursor.empty() ? "1" : cursor == "1" ? "2" : "";
    return Act::answer(PendingPage{{{"key" + cursor, "v", "t", {1}}}, next});
  }));
  CHECK(run({"pending"}, server.address()).out == "key\tv\tt\nkey1\tv\tt\nkey2\tv\tt\n");
}

TEST_CASE("without a server the exit code is 5, with an unusable address 2") {
  const std::string dead = dead_address();
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"get", "k"},
                                                    {"set", "k", "v"},
                                                    {"status"},
                                                    {"status", "--all"},
                                                    {"pending"}}) {
    const Ran ran = run(arguments, dead);
    CHECK(ran.code == 5);
    CHECK(ran.out.empty());
    CHECK(ran.err.find(dead) != std::string::npos);
    CHECK(run(arguments, "nonsense").code == 2);
  }
  const json object = json::parse(run({"get", "k", "--json"}, dead).out);
  CHECK(object["code"] == "unavailable");
}

TEST_CASE("a server that refuses and closes at once has refused: the exit code is 6, not 5") {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"get", "k"}, {"set", "k", "v"}, {"pending"}, {"await", "t"}}) {
    for (int i = 0; i < 20; ++i) {
      FakeServer server(script_for(
          [](const wire::Call&) { return Act::refuse_and_die(Errc::unavailable, "stopping"); }));
      const Ran ran = run(arguments, server.address());
      CHECK(ran.code == 6);
      CHECK(ran.err.find("is a node running there?") == std::string::npos);
    }
  }
}

TEST_CASE("the first server that answers is used") {
  FakeServer server;
  CHECK(run({"get", "k"}, dead_address() + "," + server.address()).code == 0);
}

TEST_CASE("status tells of one node, and with --all of every member that can be found") {
  const std::string dead = dead_address();
  FakeServer second([](const wire::Call&) {
    Status status = fake_status();
    status.id = "n2";
    status.role = "follower";
    return Act::answer(status);
  });
  FakeServer first([&](const wire::Call&) {
    Status status = fake_status();
    status.id = "n1";
    status.members = {{"n1", "192.0.2.1:1", "voter", true, 0},
                      {"n2", second.address(), "voter", true, 3},
                      {"n3", dead, "voter", false, std::nullopt}};
    return Act::answer(status);
  });
  const Ran one = run({"status"}, first.address());
  CHECK(one.code == 0);
  CHECK(one.out.starts_with("id: n1\n"));
  CHECK(one.out.find("role: leader\n") != std::string::npos);
  CHECK(one.out.find("member: n2 " + second.address() + " voter reachable, behind by 3\n") !=
        std::string::npos);
  CHECK(one.out.find("member: n3 " + dead + " voter not reachable\n") != std::string::npos);
  CHECK(one.out.find("id: n2\n") == std::string::npos);

  const Ran all = run({"status", "--all"}, first.address());
  CHECK(all.code == 0);
  CHECK(all.out.find("id: n1\n") != std::string::npos);
  CHECK(all.out.find("id: n2\n") != std::string::npos);
  CHECK(all.err.find(dead) != std::string::npos);

  const Ran as_json = run({"status", "--all", "--json"}, first.address());
  CHECK(as_json.err.empty());
  std::istringstream lines(as_json.out);
  std::vector<json> objects;
  for (std::string line; std::getline(lines, line);) objects.push_back(json::parse(line));
  REQUIRE(objects.size() == 3);
  CHECK(objects[0]["id"] == "n1");
  CHECK(objects[0]["cluster"] == "0000000000000007");
  CHECK(objects[0]["members"].size() == 3);
  CHECK(objects[1]["id"] == "n2");
  CHECK(objects[1]["server"] == second.address());
  CHECK(objects[2]["code"] == "unavailable");
  CHECK(objects[2]["server"] == dead);
}

TEST_CASE(
    "a server that does not answer costs what --timeout says, not the two seconds of a connect") {
  FakeServer server([](const wire::Call&) { return Act::keep_silent(); });
  for (const char* command : {"status", "pending"}) {
    CAPTURE(command);
    const auto began = std::chrono::steady_clock::now();
    CHECK(run({command, "--timeout", "20ms"}, server.address()).code == 5);
    CHECK(std::chrono::steady_clock::now() - began < std::chrono::milliseconds(1900));
  }
}
