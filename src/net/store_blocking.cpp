// The waiting half of Store: each call starts its counterpart with a callback and waits for that.
//
// It stands here because a node and a client both need it, and std threads are for edges only.
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/check.hpp"
#include <causeway/store.hpp>

namespace causeway {
namespace {

/// Where an answer is left for the thread that waits. Shared with the callback, which may still be
/// returning when the waiter has long gone.
template <class T>
class Mailbox {
 public:
  void put(Result<T> answer) {
    const std::lock_guard lock(mutex_);
    CAUSEWAY_CHECK(!answer_);
    answer_.emplace(std::move(answer));
    arrived_.notify_one();
  }
  Result<T> wait() {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return answer_.has_value(); });
    return std::move(*answer_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::optional<Result<T>> answer_;
};

template <class T, class Start>
Result<T> wait_for(Start start) {
  const auto mailbox = std::make_shared<Mailbox<T>>();
  start(Callback<T>([mailbox](Result<T> answer) { mailbox->put(std::move(answer)); }));
  return mailbox->wait();
}

}  // namespace

Result<Response> Store::get(std::string key, ReadOptions options) {
  return wait_for<Response>(
      [&](Callback<Response> done) { get(std::move(key), options, std::move(done)); });
}

Result<Response> Store::set(std::string key, std::string value, WriteOptions options) {
  return wait_for<Response>([&](Callback<Response> done) {
    set(std::move(key), std::move(value), options, std::move(done));
  });
}

Result<Response> Store::swap(std::string key, std::string new_value,
                             std::optional<std::string> old_value, WriteOptions options) {
  return wait_for<Response>([&](Callback<Response> done) {
    swap(std::move(key), std::move(new_value), std::move(old_value), options, std::move(done));
  });
}

Result<Response> Store::remove(std::string key, WriteOptions options) {
  return wait_for<Response>(
      [&](Callback<Response> done) { remove(std::move(key), options, std::move(done)); });
}

Result<AwaitResult> Store::await(std::string token,
                                 std::optional<std::chrono::milliseconds> timeout) {
  return wait_for<AwaitResult>(
      [&](Callback<AwaitResult> done) { await(std::move(token), timeout, std::move(done)); });
}

Result<OutcomeResult> Store::outcome(std::string operation,
                                     std::optional<std::chrono::milliseconds> timeout) {
  return wait_for<OutcomeResult>([&](Callback<OutcomeResult> done) {
    outcome(std::move(operation), timeout, std::move(done));
  });
}

Result<PendingPage> Store::pending(std::size_t limit, std::string cursor) {
  return wait_for<PendingPage>(
      [&](Callback<PendingPage> done) { pending(limit, std::move(cursor), std::move(done)); });
}

Result<ConflictPage> Store::conflicts(std::size_t limit, std::string cursor) {
  return wait_for<ConflictPage>(
      [&](Callback<ConflictPage> done) { conflicts(limit, std::move(cursor), std::move(done)); });
}

Result<Status> Store::status() {
  return wait_for<Status>([&](Callback<Status> done) { status(std::move(done)); });
}

}  // namespace causeway
