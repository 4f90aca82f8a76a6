// From what the state machine says to what callers read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "consensus/raft.hpp"
#include "kv/applier.hpp"
#include "node/loop.hpp"
#include "wire/rpc.hpp"
#include <causeway/store.hpp>

namespace causeway::node {

[[nodiscard]] Version public_version(const crdt::StoredVersion& version);
[[nodiscard]] wire::Reply reply_to(const kv::WriteResult& result);
[[nodiscard]] OutcomeResult::State outcome_of(const kv::WriteResult& result);
[[nodiscard]] wire::Reply timeout_reply(TimeoutReason reason);
[[nodiscard]] AwaitResult await_result(const crdt::Verdict& verdict);
[[nodiscard]] ConflictItem conflict_item(kv::Conflict conflict);

/// Why a call cannot be carried out by any node; empty: it can.
[[nodiscard]] std::optional<wire::Reply> unusable(const Limits& limits, const wire::Call& call);

/// leader, follower, candidate or learner.
[[nodiscard]] std::string role_name(const consensus::Raft& raft);
/// The age of the last word from a leader; empty: never heard one.
[[nodiscard]] std::optional<std::uint64_t> behind_ms(const consensus::Raft& raft, const Now& now);

/// Names a consistent write for `outcome`: who took it, in which start, under which number.
struct Operation {
  Origin origin;
  Incarnation incarnation;
  std::uint64_t number = 0;
  friend bool operator==(const Operation&, const Operation&) = default;
};
/// `ORIGIN-INCARNATION-NUMBER`, the first two as 16 hex digits.
[[nodiscard]] std::string operation_id(Origin origin, Incarnation incarnation,
                                       std::uint64_t number);
/// errors   invalid
[[nodiscard]] Result<Operation> parse_operation(std::string_view text);

}  // namespace causeway::node
