#include "host/local_call.hpp"

#include <string>
#include <utility>

#include "base/check.hpp"

namespace causeway::host {
namespace {

template <class T>
void give(const Callback<T>& done, Result<T> result) {
  if (done) done(std::move(result));
}

/// In doubt is a field of a Response and an error of everything else.
void give_error(const LocalDone& done, wire::CallError refused) {
  if (refused.error.code == Errc::in_doubt) {
    if (const auto* write = std::get_if<Callback<Response>>(&done)) {
      Response response;
      response.in_doubt = true;
      response.operation = std::move(refused.operation);
      return give(*write, Result<Response>(std::move(response)));
    }
  }
  std::visit([&refused](const auto& callback) { give(callback, {std::move(refused.error)}); },
             done);
}

template <class T>
void give_answer(const Callback<T>& done, wire::Answer answer) {
  T* const value = std::get_if<T>(&answer);
  CAUSEWAY_CHECK(value != nullptr);
  give(done, Result<T>(std::move(*value)));
}

}  // namespace

void deliver(const LocalDone& done, wire::Reply reply) {
  if (auto* refused = std::get_if<wire::CallError>(&reply)) {
    give_error(done, std::move(*refused));
    return;
  }
  auto& answer = std::get<wire::Answer>(reply);
  std::visit([&answer](const auto& callback) { give_answer(callback, std::move(answer)); }, done);
}

std::uint64_t LocalCalls::add(LocalDone done, bool writes) {
  open_.emplace_hint(open_.end(), ++last_, Open{std::move(done), writes});
  return last_;
}

void LocalCalls::answer(std::uint64_t number, wire::Reply reply) {
  const auto found = open_.find(number);
  if (found == open_.end()) return;
  // Out of the table first: the callback may make the next call.
  const LocalDone done = std::move(found->second.done);
  open_.erase(found);
  deliver(done, std::move(reply));
}

void LocalCalls::abandon() {
  const auto left = std::exchange(open_, {});
  for (const auto& [number, call] : left) {
    Error error{Errc::unavailable, "the node has ended: start it again"};
    if (call.writes) {
      error = {Errc::in_doubt,
               "the node has ended while the write was under way: it may have happened"};
    }
    deliver(call.done, wire::CallError{std::move(error), {}, {}});
  }
}

}  // namespace causeway::host
