#include <thread>

#include <doctest/doctest.h>

#include <causeway/store.hpp>

using namespace causeway;

namespace {

/// Answers every call with its own arguments, from another thread.
class Echo final : public Store {
 public:
  using Store::await, Store::conflicts, Store::get, Store::outcome, Store::pending, Store::remove,
      Store::set, Store::status, Store::swap;

  void get(std::string key, ReadOptions, Callback<Response> done) override {
    later(done, Response{.valid = true, .value = key});
  }
  void set(std::string key, std::string value, WriteOptions, Callback<Response> done) override {
    later(done, Response{.valid = true, .value = key + value});
  }
  void swap(std::string key, std::string next, std::optional<std::string> old, WriteOptions,
            Callback<Response> done) override {
    later(done, Response{.value = key + next + old.value_or("-")});
  }
  void remove(std::string, WriteOptions, Callback<Response> done) override {
    threads_.emplace_back([done] { done(Error{Errc::unavailable, "no"}); });
  }
  void await(std::string token, std::optional<std::chrono::milliseconds>,
             Callback<AwaitResult> done) override {
    later(done, AwaitResult{.reason = token});
  }
  void outcome(std::string, std::optional<std::chrono::milliseconds>,
               Callback<OutcomeResult> done) override {
    later(done, OutcomeResult{OutcomeResult::State::done});
  }
  void pending(std::size_t, std::string cursor, Callback<PendingPage> done) override {
    later(done, PendingPage{.cursor = cursor});
  }
  void conflicts(std::size_t, std::string cursor, Callback<ConflictPage> done) override {
    later(done, ConflictPage{.cursor = cursor});
  }
  void status(Callback<Status> done) override {
    done(Status{.id = "n1"});  // a store may answer within the call
  }

  ~Echo() override {
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  template <class T>
  void later(Callback<T> done, T answer) {
    threads_.emplace_back([done, answer] { done(answer); });
  }
  std::vector<std::thread> threads_;
};

}  // namespace

TEST_CASE("the waiting calls return what their callback would get") {
  Echo store;
  CHECK(store.get("k").value().value == "k");
  CHECK(store.set("k", "v").value().value == "kv");
  CHECK(store.swap("k", "n", "o").value().value == "kno");
  CHECK(store.swap("k", "n", std::nullopt).value().value == "kn-");
  CHECK(store.await("t").value().reason == "t");
  CHECK(store.outcome("o").value().state == OutcomeResult::State::done);
  CHECK(store.pending(1, "c").value().cursor == "c");
  CHECK(store.conflicts(1, "c").value().cursor == "c");
  CHECK(store.status().value().id == "n1");
  const auto removed = store.remove("k");
  REQUIRE_FALSE(removed);
  CHECK(removed.error().code == Errc::unavailable);
}
