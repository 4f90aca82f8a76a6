// Calls that a test makes on connections of its own choosing, and the answers to them.
#pragma once

#include <map>
#include <optional>
#include <string>

#include <doctest/doctest.h>

#include "support/virtual_cluster.hpp"

namespace causeway::testing {

class Calls {
 public:
  explicit Calls(VirtualCluster& cluster) : cluster_(cluster) {
    cluster.on_answer = [this](const std::string&, node::CallHandle handle,
                               const wire::Reply& reply) {
      replies_.insert_or_assign(handle, reply);
    };
  }

  node::CallHandle begin(const std::string& name, std::uint64_t connection, wire::Call call) {
    const node::CallHandle handle{connection, kFirst + ++given_};
    cluster_.node(name).give(node::CallArrived{handle, std::move(call)});
    return handle;
  }
  [[nodiscard]] const wire::Reply* reply(node::CallHandle handle) const {
    const auto found = replies_.find(handle);
    return found == replies_.end() ? nullptr : &found->second;
  }
  /// The code of the refusal within a moment; empty: not answered, or not refused.
  std::optional<Errc> refusal(node::CallHandle handle,
                              Duration within = std::chrono::milliseconds(5)) {
    static_cast<void>(cluster_.run_until([&] { return reply(handle) != nullptr; }, within));
    if (reply(handle) == nullptr) return std::nullopt;
    const auto* error = std::get_if<wire::CallError>(reply(handle));
    return error == nullptr ? std::nullopt : std::optional(error->error.code);
  }
  std::optional<Errc> refusal(const std::string& name, std::uint64_t connection, wire::Call call) {
    return refusal(begin(name, connection, std::move(call)));
  }

 private:
  static constexpr std::uint64_t kFirst = 1'000'000;  // apart from the cluster's own numbers
  VirtualCluster& cluster_;
  std::map<node::CallHandle, wire::Reply> replies_;
  std::uint64_t given_ = 0;
};

inline wire::Call get_call(std::string key, bool consistent) {
  return wire::GetCall{.key = std::move(key), .consistent = consistent, .timeout_ms = {}};
}
inline wire::WriteCall set_call(std::string key, std::string value, bool consistent) {
  wire::WriteCall call;
  call.key = std::move(key);
  call.value = Blob::copy_of(value);
  call.consistent = consistent;
  return call;
}

}  // namespace causeway::testing
