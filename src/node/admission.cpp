#include "node/admission.hpp"

#include <utility>

namespace causeway::node {

bool Admission::admit(Turn& turn, CallHandle handle, Waits waits) {
  const Limits& limits = turn.core.options.limits;
  Counts& own = connections_[handle.connection];
  const char* full = nullptr;
  if (own.calls >= limits.calls_per_connection_max) {
    full = "this connection has too many calls in flight";
  } else if (all_.calls >= limits.calls_max) {
    full = "the node has too many calls in flight";
  } else if (waits == Waits::for_majority &&
             own.waiting >= limits.waiting_calls_per_connection_max) {
    full = "too many calls of this connection wait for a majority";
  } else if (waits == Waits::for_majority && all_.waiting >= limits.waiting_calls_max) {
    full = "too many calls wait for a majority at this node";
  }
  if (full != nullptr) {
    if (own.calls == 0) connections_.erase(handle.connection);
    turn.out.answers.push_back(
        {handle, refuse(Errc::exhausted, std::string(full) + ": nothing was done, retry later")});
    return false;
  }
  for (Counts* counts : {&own, &all_}) {
    ++counts->calls;
    if (waits == Waits::for_majority) ++counts->waiting;
  }
  return true;
}

void Admission::answer(Turn& turn, CallHandle handle, Waits waits, wire::Reply reply) {
  const auto release = [waits](Counts& counts) {
    --counts.calls;
    if (waits == Waits::for_majority) --counts.waiting;
  };
  release(all_);
  const auto own = connections_.find(handle.connection);
  if (own == connections_.end()) return;  // closed meanwhile
  release(own->second);
  if (own->second.calls == 0) connections_.erase(own);
  turn.out.answers.push_back({handle, std::move(reply)});
}

}  // namespace causeway::node
