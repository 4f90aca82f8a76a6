#include <string>
#include <utility>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <doctest/doctest.h>

#include "client/fake_server.hpp"
#include <causeway/asio.hpp>
#include <causeway/client.hpp>

using namespace causeway;
using causeway::test::Act;
using causeway::test::FakeServer;
using causeway::test::script_for;
namespace asio = boost::asio;

namespace {

struct Scene {
  Scene()
      : server(script_for([](const wire::Call& call) -> Act {
          switch (wire::kind_of(call)) {
            case wire::CallKind::await: return Act::answer(AwaitResult{AwaitResult::State::won});
            case wire::CallKind::outcome:
              return Act::answer(OutcomeResult{OutcomeResult::State::done});
            case wire::CallKind::pending: return Act::answer(PendingPage{{}, "p"});
            case wire::CallKind::conflicts: return Act::answer(ConflictPage{{}, "c"});
            case wire::CallKind::get: return Act::answer(Response{.valid = true, .value = "open"});
            case wire::CallKind::remove: return Act::refuse(Errc::invalid, "no");
            default: return Act::answer(Response{.valid = true});
          }
        })) {
    auto connected = Client::connect({.servers = {server.address()}});
    REQUIRE(connected);
    client = std::move(connected).value();
  }
  FakeServer server;
  std::unique_ptr<Client> client;
};

asio::awaitable<void> use_all(Store& store, std::vector<std::string>& seen) {
  const Result<Response> set = co_await async_set(store, "door", "open", {}, asio::use_awaitable);
  seen.push_back(set.value().valid ? "set" : "not set");
  const Result<Response> get = co_await async_get(store, "door", {}, asio::use_awaitable);
  seen.push_back(get.value().value);
  const Result<Response> swap =
      co_await async_swap(store, "door", "shut", "open", {}, asio::use_awaitable);
  seen.push_back(swap.value().valid ? "swapped" : "not swapped");
  const Result<Response> removed = co_await async_remove(store, "door", {}, asio::use_awaitable);
  seen.push_back(removed ? "removed" : removed.error().detail);
  const Result<AwaitResult> won =
      co_await async_await(store, "token", std::nullopt, asio::use_awaitable);
  seen.push_back(won.value().state == AwaitResult::State::won ? "won" : "?");
  const Result<OutcomeResult> outcome =
      co_await async_outcome(store, "operation", std::nullopt, asio::use_awaitable);
  seen.push_back(outcome.value().state == OutcomeResult::State::done ? "done" : "?");
  const Result<PendingPage> pending = co_await async_pending(store, 10, "", asio::use_awaitable);
  seen.push_back(pending.value().cursor);
  const Result<ConflictPage> conflicts =
      co_await async_conflicts(store, 10, "", asio::use_awaitable);
  seen.push_back(conflicts.value().cursor);
  const Result<Status> status = co_await async_status(store, asio::use_awaitable);
  seen.push_back(status.value().id);
}

}  // namespace

TEST_CASE("a coroutine awaits each operation and resumes on its own executor") {
  asio::io_context io;
  Scene scene;
  std::vector<std::string> seen;
  asio::co_spawn(io, use_all(*scene.client, seen), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
  io.run();  // returns when the coroutine is through: waiting for an answer is work
  CHECK(seen ==
        std::vector<std::string>{"set", "open", "swapped", "no", "won", "done", "p", "c", "fake"});
}

TEST_CASE("a future holds the result, errors included") {
  Scene scene;
  auto get = async_get(*scene.client, "door", {}, asio::use_future);
  auto removed = async_remove(*scene.client, "door", {}, asio::use_future);
  CHECK(get.get().value().value == "open");
  CHECK(removed.get().error().code == Errc::invalid);
}

TEST_CASE("a callback runs on the executor that it is bound to") {
  asio::io_context io;
  Scene scene;
  std::thread::id where;
  async_status(*scene.client, asio::bind_executor(io.get_executor(), [&](Result<Status> status) {
    CHECK(status);
    where = std::this_thread::get_id();
  }));
  io.run();
  CHECK(where == std::this_thread::get_id());
}

TEST_CASE("a callback without an executor runs on the store's thread") {
  Scene scene;
  std::promise<std::string> value;
  async_get(*scene.client, "door", {},
            [&](Result<Response> answer) { value.set_value(answer.value().value); });
  CHECK(value.get_future().get() == "open");
}
