#include "node/answers.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/check.hpp"
#include "crdt/dot.hpp"

namespace causeway::node {
namespace {

std::string hex16(std::uint64_t value) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t i = 16; i-- > 0; value >>= 4) text[i] = kDigits[value & 15];
  return text;
}

bool parse_number(std::string_view text, int base, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

AwaitResult::State state_of(crdt::VerdictKind kind) {
  switch (kind) {
    case crdt::VerdictKind::won: return AwaitResult::State::won;
    case crdt::VerdictKind::superseded: return AwaitResult::State::superseded;
    case crdt::VerdictKind::rejected: return AwaitResult::State::rejected;
    case crdt::VerdictKind::replaced: return AwaitResult::State::replaced;
  }
  CAUSEWAY_CHECK(!"a verdict without a state");
  return AwaitResult::State::pending;
}

}  // namespace

Version public_version(const crdt::StoredVersion& version) {
  return {.revision = version.revision,
          .stamp = version.stamp,
          .origin = version.origin,
          .sequence = version.sequence,
          .expires_ms = version.expires_ms};
}

wire::Reply timeout_reply(TimeoutReason reason) {
  Response response;
  response.timeout = true;
  response.reason = reason;
  return wire::Answer(std::move(response));
}

wire::Reply reply_to(const kv::WriteResult& result) {
  using Status = kv::WriteResult::Status;
  Response response;
  switch (result.status) {
    case Status::done:
    case Status::absent:
      response.valid = result.status == Status::done;
      response.version = public_version(result.version);
      break;
    case Status::mismatch:
      response.absent = !result.current;
      response.value = result.current.value_or(std::string());
      if (result.version.revision.value != 0) response.version = public_version(result.version);
      break;
    case Status::overtaken: return timeout_reply(TimeoutReason::overtaken);
    // Only another process with this directory's origin can have ended our session.
    case Status::stale: return timeout_reply(TimeoutReason::withdrawn);
    case Status::exhausted:
      return wire::CallError{
          .error =
              {Errc::exhausted,
               "too many writes of this node wait behind one that is not decided: retry later"},
          .leader = {},
          .operation = {}};
  }
  return wire::Answer(std::move(response));
}

OutcomeResult::State outcome_of(const kv::WriteResult& result) {
  using Status = kv::WriteResult::Status;
  switch (result.status) {
    case Status::done:
    case Status::absent: return OutcomeResult::State::done;
    case Status::mismatch: return OutcomeResult::State::mismatch;
    case Status::overtaken:
    case Status::stale:
    case Status::exhausted: return OutcomeResult::State::did_not_happen;
  }
  CAUSEWAY_CHECK(!"a result without an outcome");
  return OutcomeResult::State::pending;
}

AwaitResult await_result(const crdt::Verdict& verdict) {
  AwaitResult result;
  result.state = state_of(verdict.kind);
  result.reason = verdict.reason;
  if (verdict.kind == crdt::VerdictKind::won || verdict.kind == crdt::VerdictKind::superseded) {
    result.winner = public_version(verdict.winner);
  }
  if (verdict.kind == crdt::VerdictKind::replaced)
    result.replaced_by = crdt::to_string(verdict.replaced_by);
  return result;
}

ConflictItem conflict_item(kv::Conflict conflict) {
  ConflictItem item;
  item.key = std::move(conflict.key);
  item.verdict = state_of(conflict.verdict);
  item.reason = std::move(conflict.reason);
  item.lost = {.value = std::move(conflict.lost_value),
               .dropped = conflict.lost_value_dropped,
               .version = public_version(conflict.lost)};
  item.won = {.value = std::move(conflict.won_value),
              .dropped = false,
              .version = public_version(conflict.won)};
  return item;
}

std::optional<wire::Reply> unusable(const Limits& limits, const wire::Call& call) {
  const auto refused = [](Errc code, std::string detail) {
    return std::optional<wire::Reply>(
        wire::CallError{.error = {code, std::move(detail)}, .leader = {}, .operation = {}});
  };
  const auto check_key = [&](const std::string& key) -> std::optional<wire::Reply> {
    if (key.empty()) return refused(Errc::invalid, "'key' is empty: a key has 1 byte or more");
    if (key.size() <= limits.key_bytes_max) return std::nullopt;
    return refused(Errc::too_large, "'key' has " + std::to_string(key.size()) +
                                        " bytes, more than " +
                                        std::to_string(limits.key_bytes_max));
  };
  if (const auto* get = std::get_if<wire::GetCall>(&call)) return check_key(get->key);
  const auto* write = std::get_if<wire::WriteCall>(&call);
  if (write == nullptr) return std::nullopt;
  if (auto bad_key = check_key(write->key)) return bad_key;
  if (write->value.size() > limits.value_bytes_max) {
    return refused(Errc::too_large, "'value' has " + std::to_string(write->value.size()) +
                                        " bytes, more than " +
                                        std::to_string(limits.value_bytes_max));
  }
  if (write->expected && write->expected->size() > limits.value_bytes_max) {
    return refused(Errc::too_large, "'old' has " + std::to_string(write->expected->size()) +
                                        " bytes, more than " +
                                        std::to_string(limits.value_bytes_max));
  }
  if (write->op == wire::WriteOp::swap && !write->consistent) {
    return refused(
        Errc::invalid,
        "'consistent' must be true for swap: what a swap compares with is the committed value");
  }
  return std::nullopt;
}

std::string role_name(const consensus::Raft& raft) {
  switch (raft.role()) {
    case consensus::Role::leader: return "leader";
    case consensus::Role::follower: return "follower";
    case consensus::Role::candidate: return "candidate";
    case consensus::Role::learner: return "learner";
  }
  CAUSEWAY_CHECK(!"a role without a name");
  return {};
}

std::optional<std::uint64_t> behind_ms(const consensus::Raft& raft, const Now& now) {
  const auto heard = raft.last_word(now);
  if (!heard) return std::nullopt;
  const Duration age = now.mono - *heard;
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, age.count() / 1'000'000));
}

std::string operation_id(Origin origin, Incarnation incarnation, std::uint64_t number) {
  return hex16(origin.value) + '-' + hex16(incarnation.value) + '-' + std::to_string(number);
}

Result<Operation> parse_operation(std::string_view text) {
  Operation operation;
  if (text.size() > 34 && text[16] == '-' && text[33] == '-' &&
      parse_number(text.substr(0, 16), 16, operation.origin.value) &&
      parse_number(text.substr(17, 16), 16, operation.incarnation.value) &&
      parse_number(text.substr(34), 10, operation.number)) {
    return operation;
  }
  return Error{Errc::invalid,
               "'operation' is no operation id: give the one that came with in_doubt, "
               "ORIGIN-INCARNATION-NUMBER"};
}

}  // namespace causeway::node
