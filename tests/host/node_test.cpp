// A node inside this process, through the Store API alone: starts, serves, stops, remembers; and
// leaves nothing behind when it cannot start. Two of its promises need a majority and are tested
// where there are several nodes (tests/process, tests/sim).
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <sys/socket.h>

#include <doctest/doctest.h>

#include "temp_dir.hpp"
#include <causeway/node.hpp>

using namespace causeway;
using causeway::testing::TempDir;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

NodeOptions options_in(const TempDir& dir) {
  NodeOptions options;
  options.id = "n1";
  options.listen = "127.0.0.1:0";
  options.data_dir = dir.path_of("d");
  options.election_timeout = milliseconds(50);
  options.heartbeat_interval = milliseconds(10);
  options.log_level = "error";
  return options;
}

std::unique_ptr<Node> start(NodeOptions options) {
  auto node = Node::start(std::move(options));
  REQUIRE_MESSAGE(node.has_value(), node.error().detail);
  return std::move(node).value();
}

// Guards against hanging: far more than is needed.
constexpr ReadOptions kRead{.blocking = false, .timeout = seconds(20)};
constexpr WriteOptions kWrite{.blocking = false, .timeout = seconds(20)};
constexpr ReadOptions kLocalRead{.consistent = false};
constexpr WriteOptions kLocalWrite{.consistent = false};

Response ok(Result<Response> result) {
  REQUIRE_MESSAGE(result.has_value(), result.error().detail);
  CHECK_FALSE(result.value().timeout);
  CHECK_FALSE(result.value().in_doubt);
  return std::move(result).value();
}

}  // namespace

TEST_CASE("get, set, swap and remove, consistent, on a cluster of one") {
  const TempDir dir;
  const auto node = start(options_in(dir));
  CHECK(node->id() == "n1");
  CHECK_FALSE(node->listen().ends_with(":0"));

  CHECK_FALSE(ok(node->get("door", kRead)).valid);
  const Response set = ok(node->set("door", "open", kWrite));
  CHECK(set.valid);
  REQUIRE(set.version.has_value());
  const Response got = ok(node->get("door", kRead));
  CHECK(got.valid);
  CHECK(got.value == "open");
  CHECK(got.version->revision == set.version->revision);

  const Response refused = ok(node->swap("door", "shut", "ajar", kWrite));
  CHECK_FALSE(refused.valid);
  CHECK(refused.value == "open");
  CHECK(ok(node->swap("door", "shut", "open", kWrite)).valid);
  CHECK(ok(node->swap("window", "new", std::nullopt, kWrite)).valid);
  CHECK_FALSE(ok(node->swap("window", "newer", std::nullopt, kWrite)).valid);
  CHECK(ok(node->get("door", kRead)).value == "shut");

  CHECK(ok(node->remove("door", kWrite)).valid);
  CHECK_FALSE(ok(node->remove("door", kWrite)).valid);
  CHECK_FALSE(ok(node->get("door", kRead)).valid);

  const Status status = node->status().value();
  CHECK(status.id == "n1");
  CHECK(status.role == "leader");
  CHECK(status.pending == 0);
}

TEST_CASE("an offline write is read here at once and settles by itself") {
  const TempDir dir;
  const auto node = start(options_in(dir));
  const Response set = ok(node->set("door", "ajar", kLocalWrite));
  CHECK(set.valid);
  CHECK_FALSE(set.token.empty());
  const Response got = ok(node->get("door", kLocalRead));
  CHECK(got.value == "ajar");
  const auto settled = node->await(set.token, seconds(20));
  REQUIRE(settled.has_value());
  CHECK(settled.value().state == AwaitResult::State::won);
  CHECK(ok(node->get("door", kRead)).value == "ajar");
  CHECK_FALSE(ok(node->get("door", kLocalRead)).pending);
  CHECK(node->pending().value().items.empty());
}

TEST_CASE("a start after a stop finds what was written, again and again") {
  const TempDir dir;
  std::uint64_t revision = 0;
  for (int life = 0; life < 4; ++life) {
    CAPTURE(life);
    NodeOptions options = options_in(dir);
    if (life > 0) options.id.clear();  // stands in the directory
    const auto node = start(options);
    CHECK(node->id() == "n1");
    if (life > 0) {
      CHECK(ok(node->get("life", kLocalRead)).value == std::to_string(life - 1));
      CHECK(ok(node->get("life", kRead)).value == std::to_string(life - 1));
    }
    const Response set = ok(node->set("life", std::to_string(life), kWrite));
    CHECK(set.version->revision.value > revision);
    revision = set.version->revision.value;
    node->stop();
    CHECK(node->wait().has_value());
    node->stop();  // idempotent
    const auto after = node->get("life", kLocalRead);
    REQUIRE_FALSE(after.has_value());
    CHECK(after.error().code == Errc::unavailable);
    // The directory is free while the stopped node's object still lives: the next round starts in
    // it.
  }
}

TEST_CASE("two nodes in one directory: the second is refused, the first goes on") {
  const TempDir dir;
  const auto node = start(options_in(dir));
  const auto second = Node::start(options_in(dir));
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().code == Errc::unavailable);
  CHECK(second.error().detail.find("running") != std::string::npos);
  CHECK(ok(node->set("a", "1", kWrite)).valid);
}

TEST_CASE("an address in use: the error names it, and directory and port are free afterwards") {
  const TempDir dir;
  const TempDir other;
  const auto node = start(options_in(dir));
  NodeOptions options = options_in(other);
  options.listen = node->listen();
  const auto refused = Node::start(options);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().detail.find(node->listen()) != std::string::npos);
  options.listen = "127.0.0.1:0";
  CHECK(ok(start(options)->set("a", "1", kWrite)).valid);
}

TEST_CASE("unusable options and directories start nothing") {
  const TempDir dir;
  NodeOptions options = options_in(dir);
  options.id = "N 1";
  CHECK(Node::start(options).error().code == Errc::invalid);
  CHECK_FALSE(std::filesystem::exists(dir.path_of("d")));

  std::filesystem::create_directory(dir.path_of("d"));
  dir.write("d/letter", "Dear");
  CHECK_FALSE(Node::start(options_in(dir)).has_value());
  std::filesystem::remove(dir.path_of("d/letter"));

  start(options_in(dir))->stop();
  options = options_in(dir);
  options.id = "n2";
  CHECK(Node::start(options).error().code == Errc::invalid);
  options = options_in(dir);
  options.cluster = {{"n1", "127.0.0.1:1"}, {"n2", "127.0.0.1:2"}};
  CHECK(Node::start(options).error().code == Errc::invalid);
  CHECK(start(options_in(dir)) != nullptr);
}

TEST_CASE("limits at the door: empty and long keys, large values") {
  const TempDir dir;
  NodeOptions options = options_in(dir);
  options.key_bytes_max = 8;
  options.value_bytes_max = 16;
  const auto node = start(options);
  CHECK(node->set("", "v", kWrite).error().code == Errc::invalid);
  CHECK(node->set("123456789", "v", kWrite).error().code == Errc::too_large);
  CHECK(node->set("12345678", std::string(17, 'v'), kWrite).error().code == Errc::too_large);
  CHECK(node->get("123456789", kRead).error().code == Errc::too_large);
  CHECK(node->swap("a", "b", "c", kLocalWrite).error().code == Errc::invalid);
  CHECK(ok(node->set("12345678", std::string(16, 'v'), kWrite)).valid);
}

TEST_CASE("many threads at once: every call is answered once, and nothing is lost") {
  const TempDir dir;
  const auto node = start(options_in(dir));
  constexpr int kThreads = 4;
  constexpr int kCalls = 250;
  std::atomic<int> answered = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCalls; ++i) {
        const std::string key = std::to_string(t) + "-" + std::to_string(i % 50);
        const WriteOptions options = i % 2 == 0 ? kWrite : kLocalWrite;
        node->set(key, std::to_string(i), options, [&](Result<Response> result) {
          if (result && result.value().valid) ++answered;
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  // One more call of each kind ends behind all of them only in part, so wait for the count.
  for (int i = 0; i < 2000 && answered < kThreads * kCalls; ++i) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  CHECK(answered == kThreads * kCalls);
  for (int t = 0; t < kThreads; ++t) {
    CHECK(ok(node->get(std::to_string(t) + "-49", kRead)).value == std::to_string(kCalls - 1));
  }
}

TEST_CASE("a callback may make the next call, and stop, without waiting for itself") {
  const TempDir dir;
  const auto node = start(options_in(dir));
  std::promise<std::string> chained;
  node->set("a", "1", kWrite, [&](Result<Response>) {
    node->get("a", kRead, [&](Result<Response> got) { chained.set_value(got.value().value); });
  });
  CHECK(chained.get_future().get() == "1");
  node->get("a", kRead, [&](Result<Response>) { node->stop(); });
  CHECK(node->wait().has_value());
}

TEST_CASE("a stop answers what waits for a majority that is not there") {
  const TempDir dir;
  NodeOptions options = options_in(dir);
  options.cluster = {{"n1", "127.0.0.1:1"}, {"n2", "127.0.0.1:2"}, {"n3", "127.0.0.1:3"}};
  const auto node = start(options);
  std::promise<Result<Response>> read;
  std::promise<Result<Response>> write;
  node->get("a", {}, [&](Result<Response> result) { read.set_value(std::move(result)); });
  node->set("a", "1", {}, [&](Result<Response> result) { write.set_value(std::move(result)); });
  const Response offline = ok(node->set("b", "2", kLocalWrite));
  CHECK(ok(node->get("b", kLocalRead)).value == "2");
  CHECK(ok(node->get("b", kLocalRead)).pending);
  node->stop();
  CHECK_FALSE(read.get_future().get().has_value());
  const Result<Response> withdrawn = write.get_future().get();
  // Never left this node: certain. Unavailable, or the timeout whose reason is `withdrawn`.
  if (withdrawn) CHECK(withdrawn.value().reason == TimeoutReason::withdrawn);
  if (!withdrawn) CHECK(withdrawn.error().code == Errc::unavailable);

  const auto again = start(options);
  CHECK(ok(again->get("b", kLocalRead)).value == "2");
  CHECK(again->await(offline.token, milliseconds(0)).value().state == AwaitResult::State::pending);
  CHECK(again->pending().value().items.size() == 1);
}

TEST_CASE("a first start without its port decides nothing: the cluster may still be given") {
  const TempDir dir;
  const TempDir other;
  const auto running = start(options_in(other));
  NodeOptions options = options_in(dir);
  options.listen = running->listen();
  REQUIRE_FALSE(Node::start(options).has_value());
  options.listen = "127.0.0.1:0";
  options.cluster = {{"n1", "127.0.0.1:1"}, {"n2", "127.0.0.1:2"}};
  CHECK(start(options)->status().value().members.size() == 2);
}

TEST_CASE(
    "the status names the address of this start: a picked port, another one, an advertised one") {
  const TempDir dir;
  const auto own = [](Node& node) { return node.status().value().members.at(0).address; };
  NodeOptions options = options_in(dir);
  for (int i = 0; i < 2; ++i) {
    const auto node = start(options);
    CHECK(own(*node) == node->listen());
  }
  options.listen = "localhost:0";
  options.advertise = "door.example:7";
  CHECK(own(*start(options)) == "door.example:7");
  options.listen.clear();
  options.advertise.clear();
  CHECK(own(*start(options)) == "door.example:7");
}
