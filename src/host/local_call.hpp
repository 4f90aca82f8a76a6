// Calls of the app that embeds the node: the same calls as a client's, answered to a callback in
// place of a connection.
#pragma once

#include <cstdint>
#include <map>
#include <variant>

#include "wire/rpc.hpp"
#include <causeway/options.hpp>
#include <causeway/store.hpp>

namespace causeway::host {

/// The connection number of the app's calls; the net's count from 1.
inline constexpr std::uint64_t kLocalConnection = 0;

/// The callback, of the type that belongs to the call.
using LocalDone = std::variant<Callback<Response>, Callback<AwaitResult>, Callback<OutcomeResult>,
                               Callback<PendingPage>, Callback<ConflictPage>, Callback<Status>>;

struct LocalCall {
  wire::Call call;
  LocalDone done;
};

/// Gives the reply, as the node made it for any caller, to the app.
void deliver(const LocalDone& done, wire::Reply reply);

/// The calls that the loop has taken and not answered yet. Owned by the loop thread.
class LocalCalls {
 public:
  /// The call's number, which its answer will name.
  std::uint64_t add(LocalDone done, bool writes);
  /// Runs the callback. A number that is not open: nothing.
  void answer(std::uint64_t number, wire::Reply reply);
  /// The node has ended: reads end `unavailable`, writes `in_doubt`, since nobody will look any
  /// more.
  void abandon();

 private:
  struct Open {
    LocalDone done;
    bool writes = false;
  };
  std::map<std::uint64_t, Open> open_;
  std::uint64_t last_ = 0;
};

}  // namespace causeway::host
