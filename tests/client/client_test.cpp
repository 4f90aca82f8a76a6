#include <atomic>
#include <future>
#include <thread>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include "client/fake_server.hpp"
#include <causeway/client.hpp>

using namespace causeway;
using causeway::test::Act;
using causeway::test::dead_address;
using causeway::test::FakeServer;
using causeway::test::script_for;
using std::chrono::milliseconds;

namespace {

std::unique_ptr<Client> connected(std::vector<std::string> servers,
                                  milliseconds connect_timeout = milliseconds(5000)) {
  auto client =
      Client::connect({.servers = std::move(servers), .connect_timeout = connect_timeout});
  REQUIRE(client);
  return std::move(client).value();
}

/// Answers a get with its key.
Act echo(const wire::Call& call) {
  const auto* get = std::get_if<wire::GetCall>(&call);
  return Act::answer(Response{.valid = true, .value = get == nullptr ? "" : get->key});
}

/// The answer of a call that is under way.
template <class T>
class Later {
 public:
  Callback<T> callback() {
    return [promise = promise_](Result<T> answer) { promise->set_value(std::move(answer)); };
  }
  Result<T> wait() { return promise_->get_future().get(); }

 private:
  std::shared_ptr<std::promise<Result<T>>> promise_ = std::make_shared<std::promise<Result<T>>>();
};

/// A port that accepts (the kernel does) and never says a word.
class SilentPort {
 public:
  SilentPort() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    REQUIRE(::bind(fd_, raw, size) == 0);
    REQUIRE(::listen(fd_, 16) == 0);
    REQUIRE(::getsockname(fd_, raw, &size) == 0);
    port_ = ntohs(address.sin_port);
  }
  ~SilentPort() { ::close(fd_); }
  [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }

 private:
  int fd_;
  int port_ = 0;
};

}  // namespace

TEST_CASE("every call arrives with its options, and its answer comes back") {
  FakeServer server(script_for([](const wire::Call& call) -> Act {
    switch (wire::kind_of(call)) {
      case wire::CallKind::await:
        return Act::answer(AwaitResult{.state = AwaitResult::State::rejected, .reason = "r"});
      case wire::CallKind::outcome: return Act::answer(OutcomeResult{OutcomeResult::State::done});
      case wire::CallKind::pending: return Act::answer(PendingPage{{{"k", "v", "t", {5}}}, "more"});
      case wire::CallKind::conflicts: return Act::answer(ConflictPage{{}, "end"});
      default: return Act::answer(Response{.valid = true, .token = "tok"});
    }
  }));
  const auto client = connected({server.address()});
  CHECK(client->server() == server.address());

  CHECK(client->get("k", {.consistent = false, .blocking = false, .timeout = milliseconds(9000)})
            .value()
            .valid);
  CHECK(client->set("k", "v", {.consistent = false}).value().token == "tok");
  CHECK(
      client->swap("k", "n", "o", {.blocking = false, .in_doubt = InDoubt::report}).value().valid);
  CHECK(client->swap("k", "n", std::nullopt).value().valid);
  CHECK(client->remove("k").value().valid);
  CHECK(client->await("t", milliseconds(0)).value().reason == "r");
  CHECK(client->outcome("o").value().state == OutcomeResult::State::done);
  CHECK(client->pending(5, "c").value().items.front().token == "t");
  CHECK(client->conflicts().value().cursor == "end");
  CHECK(client->status().value().id == "fake");

  const auto calls = server.calls();
  REQUIRE(calls.size() == 9);
  const auto& get = std::get<wire::GetCall>(calls[0]);
  CHECK(get.key == "k");
  CHECK_FALSE(get.consistent);
  CHECK(get.timeout_ms.value() <= 9000);
  const auto& set = std::get<wire::WriteCall>(calls[1]);
  CHECK(set == wire::WriteCall{.key = "k", .value = Blob::copy_of("v"), .consistent = false});
  const auto& swap = std::get<wire::WriteCall>(calls[2]);
  CHECK(swap.op == wire::WriteOp::swap);
  CHECK(swap.value.view() == "n");
  CHECK(swap.expected == "o");
  CHECK(swap.in_doubt == InDoubt::report);
  CHECK(std::get<wire::WriteCall>(calls[3]).expected == std::nullopt);
  CHECK(std::get<wire::WriteCall>(calls[4]).op == wire::WriteOp::remove);
  CHECK(std::get<wire::AwaitCall>(calls[5]) == wire::AwaitCall{"t", 0});
  CHECK(std::get<wire::OutcomeCall>(calls[6]) == wire::OutcomeCall{"o", std::nullopt});
  CHECK(std::get<wire::PendingCall>(calls[7]) == wire::PendingCall{5, "c"});
}

TEST_CASE("calls do not wait for each other, and answers find their call in any order") {
  FakeServer server(script_for([](const wire::Call& call) {
    return Act::hold(Response{.valid = true, .value = std::get<wire::GetCall>(call).key});
  }));
  const auto client = connected({server.address()});
  std::vector<Later<Response>> answers(100);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    client->get(std::to_string(i), {}, answers[i].callback());
  }
  server.wait_for_calls(answers.size());
  server.release();  // the last one first
  for (std::size_t i = 0; i < answers.size(); ++i) {
    CHECK(answers[i].wait().value().value == std::to_string(i));
  }
}

TEST_CASE("many threads may use one client") {
  FakeServer server(script_for(echo));
  const auto client = connected({server.address()});
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        const std::string key = std::to_string(t) + "/" + std::to_string(i);
        const auto answer = client->get(key);
        good += answer && answer.value().value == key;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(good == 800);
}

TEST_CASE("the first server that answers is used") {
  FakeServer alive(script_for(echo));
  FakeServer full(script_for(echo), {.connections_max = 0});
  const SilentPort silent;
  struct Row {
    const char* why;
    std::string before;
  };
  const Row rows[] = {
      {"nobody listens there", dead_address()},
      {"it accepts and never answers", silent.address()},
      {"it has as many connections as it takes", full.address()},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto client = connected({row.before, alive.address()}, milliseconds(1000));
    CHECK(client->server() == alive.address());
    CHECK(client->get("k").value().value == "k");
  }
  const auto client = connected({alive.address(), silent.address()});
  CHECK(client->server() == alive.address());
}

TEST_CASE("where no server answers, connect says why for each and nothing was sent") {
  const SilentPort silent;
  const std::string dead = dead_address();
  const auto client =
      Client::connect({.servers = {dead, silent.address()}, .connect_timeout = milliseconds(20)});
  REQUIRE_FALSE(client);
  CHECK(client.error().code == Errc::unavailable);
  CHECK(client.error().detail.find(dead) != std::string::npos);
  CHECK(client.error().detail.find(silent.address()) != std::string::npos);
}

TEST_CASE("unusable addresses are refused") {
  for (const char* text : {"", "nonsense", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999"}) {
    CAPTURE(text);
    const auto client = Client::connect({.servers = {text}});
    REQUIRE_FALSE(client);
    CHECK(client.error().code == Errc::invalid);
  }
  CHECK(Client::connect({.servers = {}}).error().code == Errc::invalid);
}

TEST_CASE("a connection lost: reads go to the next server, writes that were sent are in doubt") {
  FakeServer second(script_for(echo));
  std::atomic<int> heard = 0;
  FakeServer first(script_for(
      [&](const wire::Call&) { return ++heard == 4 ? Act::die() : Act::keep_silent(); }));
  const auto client = connected({first.address(), second.address()});
  Later<Response> get, consistent_set, offline_set, swap;
  client->get("k", {}, get.callback());
  client->set("k", "v", {}, consistent_set.callback());
  client->set("k", "v", {.consistent = false}, offline_set.callback());
  client->swap("k", "n", "o", {}, swap.callback());
  CHECK(get.wait().value().value == "k");
  for (Later<Response>* write : {&consistent_set, &offline_set, &swap}) {
    const Response answer = write->wait().value();
    CHECK(answer.in_doubt);
    CHECK_FALSE(answer.valid);
    CHECK_FALSE(answer.timeout);
    CHECK(answer.operation.empty());
  }
  CHECK(client->server() == second.address());
  CHECK(second.calls().size() == 1);
  CHECK(client->set("k", "v").value().valid);
}

TEST_CASE("a write made while no connection stands is sent once to the server that comes") {
  FakeServer server(script_for(echo));
  const auto client = connected({server.address()});
  server.kill();
  Later<Response> set;
  // The client may not have noticed yet: a read tells it.
  Later<Response> get;
  client->get("k", {}, get.callback());
  while (!client->server().empty()) std::this_thread::yield();
  client->set("k", "v", {}, set.callback());
  server.revive();
  CHECK(get.wait().value().value == "k");
  CHECK(set.wait().value().valid);
  CHECK(server.calls().size() == 2);
}

TEST_CASE("when no server comes back, what was not sent ends unavailable") {
  std::optional<FakeServer> server(std::in_place,
                                   script_for([](const wire::Call&) { return Act::die(); }));
  const auto client = connected({server->address()}, milliseconds(500));
  const auto get = client->get("k");
  REQUIRE_FALSE(get);
  CHECK(get.error().code == Errc::unavailable);
  CHECK(client->server().empty());
  const auto set = client->set("k", "v");
  REQUIRE_FALSE(set);
  CHECK(set.error().code == Errc::unavailable);
}

TEST_CASE("a call that was not sent within its time has timed out for certain") {
  FakeServer server(script_for([](const wire::Call&) { return Act::die(); }));
  const auto client = connected({server.address()}, milliseconds(600'000));
  Later<Response> get;
  client->get("k", {}, get.callback());  // blocking: kills the server and then waits for one
  while (!client->server().empty()) std::this_thread::yield();
  const Response set =
      client->set("k", "v", {.blocking = false, .timeout = milliseconds(1)}).value();
  CHECK(set.timeout);
  CHECK(set.reason == TimeoutReason::budget);
  CHECK_FALSE(set.in_doubt);
}

TEST_CASE(
    "a server that leaves calls unanswered: reads time out, writes are in doubt, and it is left") {
  FakeServer second(script_for(echo));
  FakeServer first(script_for([](const wire::Call&) { return Act::keep_silent(); }));
  const auto client = connected({first.address(), second.address()});
  Later<Response> get, set;
  client->get("k", {.blocking = false, .timeout = milliseconds(1)}, get.callback());
  client->set("k", "v",
              {.blocking = false, .timeout = milliseconds(1), .in_doubt = InDoubt::report},
              set.callback());
  const Response read = get.wait().value();
  CHECK(read.timeout);
  CHECK_FALSE(read.valid);
  const Response written = set.wait().value();
  CHECK(written.in_doubt);
  CHECK_FALSE(written.timeout);
  CHECK(client->get("after").value().value == "after");
  CHECK(client->server() == second.address());
}

TEST_CASE("a server's errors come back as errors, and its doubt as data") {
  FakeServer server(script_for([](const wire::Call& call) {
    if (std::holds_alternative<wire::GetCall>(call))
      return Act::refuse(Errc::no_data, "never held data");
    return Act::refuse(Errc::in_doubt, "no majority", "op-1");
  }));
  const auto client = connected({server.address()});
  const auto get = client->get("k");
  REQUIRE_FALSE(get);
  CHECK(get.error().code == Errc::no_data);
  CHECK(get.error().detail == "never held data");
  const auto set = client->set("k", "v");
  REQUIRE(set);
  CHECK(set.value().in_doubt);
  CHECK(set.value().operation == "op-1");
}

TEST_CASE("a call that no server would take is refused here, and costs the others nothing") {
  FakeServer server(script_for(echo));
  const auto client = connected({server.address()});
  CHECK(client->set("k", std::string(5u << 20, 'v')).error().code == Errc::too_large);
  CHECK(client->get("k", {.blocking = false, .timeout = milliseconds(0)}).error().code ==
        Errc::invalid);
  CHECK(client->get("k").value().value == "k");
  CHECK(server.calls().size() == 1);
}

TEST_CASE("destroying a client answers everything that is open") {
  FakeServer server(script_for([](const wire::Call&) { return Act::keep_silent(); }));
  auto client = connected({server.address()});
  Later<Response> get, set, nested;
  Store* store = client.get();
  client->get("k", {}, [&](Result<Response> answer) {
    store->set("k", "v", {}, nested.callback());  // answered as well
    get.callback()(std::move(answer));
  });
  client->set("k", "v", {}, set.callback());
  server.wait_for_calls(2);
  client.reset();
  CHECK(get.wait().error().code == Errc::unavailable);
  CHECK(set.wait().value().in_doubt);
  CHECK(nested.wait().error().code == Errc::unavailable);
}
