// The operations of a store for programs that use Boost.Asio: each takes any completion token.
//
//     Result<Response> answer = co_await async_get(store, "door", {}, boost::asio::use_awaitable);
//     std::future<Result<Response>> answer =
//         async_set(store, "door", "open", {}, boost::asio::use_future);
//     async_status(store, [](Result<Status> status) { ... });
//
// The completion signature is void(Result<T>): errors are values here too. The handler runs on its
// associated executor, which is kept busy meanwhile (an io_context does not run out of work); a
// handler without one runs on the store's own thread and must not block. The store outlives the
// call, and the io_context the store (declare it first): the store's thread may still be on its way
// out of posting to it when the handler has already run.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>  // Asio 1.18 with GCC 12 needs it before its own headers

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>

#include <causeway/store.hpp>

namespace causeway {
namespace detail {

/// A callback for Store that carries the answer over to the handler's executor.
template <class T, class Handler>
Callback<T> carry_over(Handler&& handler) {
  using Kept = std::decay_t<Handler>;
  struct Waiting {
    explicit Waiting(Handler&& given)
        : handler(std::forward<Handler>(given)),
          work(boost::asio::get_associated_executor(handler)) {}
    Kept handler;
    boost::asio::executor_work_guard<boost::asio::associated_executor_t<Kept>> work;
  };
  // std::function copies what it holds, and a coroutine's handler can only be moved.
  auto waiting = std::make_shared<Waiting>(std::forward<Handler>(handler));
  return [waiting](Result<T> answer) {
    const auto executor = waiting->work.get_executor();
    boost::asio::dispatch(executor, [waiting, answer = std::move(answer)]() mutable {
      Kept kept = std::move(waiting->handler);
      waiting->work.reset();
      std::move(kept)(std::move(answer));
    });
  };
}

/// Calls `start(Callback<T>)` when the token says so.
template <class T, class Token, class Start>
auto initiate(Start start, Token&& token) {
  return boost::asio::async_initiate<Token, void(Result<T>)>(
      [start = std::move(start)](auto&& handler) mutable {
        start(carry_over<T>(std::forward<decltype(handler)>(handler)));
      },
      token);
}

}  // namespace detail

template <class Token>
auto async_get(Store& store, std::string key, ReadOptions options, Token&& token) {
  return detail::initiate<Response>(
      [&store, key = std::move(key), options](Callback<Response> done) mutable {
        store.get(std::move(key), options, std::move(done));
      },
      std::forward<Token>(token));
}

template <class Token>
auto async_set(Store& store, std::string key, std::string value, WriteOptions options,
               Token&& token) {
  return detail::initiate<Response>(
      [&store, key = std::move(key), value = std::move(value),
       options](Callback<Response> done) mutable {
        store.set(std::move(key), std::move(value), options, std::move(done));
      },
      std::forward<Token>(token));
}

/// `old_value` empty: the key must be absent (create).
template <class Token>
auto async_swap(Store& store, std::string key, std::string new_value,
                std::optional<std::string> old_value, WriteOptions options, Token&& token) {
  return detail::initiate<Response>(
      [&store, key = std::move(key), next = std::move(new_value), old = std::move(old_value),
       options](Callback<Response> done) mutable {
        store.swap(std::move(key), std::move(next), std::move(old), options, std::move(done));
      },
      std::forward<Token>(token));
}

template <class Token>
auto async_remove(Store& store, std::string key, WriteOptions options, Token&& token) {
  return detail::initiate<Response>(
      [&store, key = std::move(key), options](Callback<Response> done) mutable {
        store.remove(std::move(key), options, std::move(done));
      },
      std::forward<Token>(token));
}

/// Waits until the offline write named by `write` is settled, at most `timeout` (empty: for ever).
template <class Token>
auto async_await(Store& store, std::string write, std::optional<std::chrono::milliseconds> timeout,
                 Token&& token) {
  return detail::initiate<AwaitResult>(
      [&store, write = std::move(write), timeout](Callback<AwaitResult> done) mutable {
        store.await(std::move(write), timeout, std::move(done));
      },
      std::forward<Token>(token));
}

template <class Token>
auto async_outcome(Store& store, std::string operation,
                   std::optional<std::chrono::milliseconds> timeout, Token&& token) {
  return detail::initiate<OutcomeResult>(
      [&store, operation = std::move(operation), timeout](Callback<OutcomeResult> done) mutable {
        store.outcome(std::move(operation), timeout, std::move(done));
      },
      std::forward<Token>(token));
}

template <class Token>
auto async_pending(Store& store, std::size_t limit, std::string cursor, Token&& token) {
  return detail::initiate<PendingPage>(
      [&store, limit, cursor = std::move(cursor)](Callback<PendingPage> done) mutable {
        store.pending(limit, std::move(cursor), std::move(done));
      },
      std::forward<Token>(token));
}

template <class Token>
auto async_conflicts(Store& store, std::size_t limit, std::string cursor, Token&& token) {
  return detail::initiate<ConflictPage>(
      [&store, limit, cursor = std::move(cursor)](Callback<ConflictPage> done) mutable {
        store.conflicts(limit, std::move(cursor), std::move(done));
      },
      std::forward<Token>(token));
}

template <class Token>
auto async_status(Store& store, Token&& token) {
  return detail::initiate<Status>(
      [&store](Callback<Status> done) { store.status(std::move(done)); },
      std::forward<Token>(token));
}

}  // namespace causeway
