#include "wire/rpc.hpp"

#include "base/check.hpp"
#include "wire/msgpack_reader.hpp"

namespace causeway::wire {

CallKind kind_of(const Call& call) {
  struct Visitor {
    CallKind operator()(const GetCall&) const { return CallKind::get; }
    CallKind operator()(const WriteCall& write) const {
      switch (write.op) {
        case WriteOp::set: return CallKind::set;
        case WriteOp::remove: return CallKind::remove;
        case WriteOp::swap: return CallKind::swap;
      }
      CAUSEWAY_CHECK(!"a WriteOp without a method");
      return {};
    }
    CallKind operator()(const AwaitCall&) const { return CallKind::await; }
    CallKind operator()(const OutcomeCall&) const { return CallKind::outcome; }
    CallKind operator()(const PendingCall&) const { return CallKind::pending; }
    CallKind operator()(const ConflictsCall&) const { return CallKind::conflicts; }
    CallKind operator()(const StatusCall&) const { return CallKind::status; }
  };
  return std::visit(Visitor{}, call);
}

std::string_view method_of(CallKind kind) {
  switch (kind) {
    case CallKind::get: return "get";
    case CallKind::set: return "set";
    case CallKind::remove: return "delete";
    case CallKind::swap: return "swap";
    case CallKind::await: return "await";
    case CallKind::outcome: return "outcome";
    case CallKind::pending: return "pending";
    case CallKind::conflicts: return "conflicts";
    case CallKind::status: return "status";
  }
  CAUSEWAY_CHECK(!"a CallKind without a method");
  return {};
}

std::string_view name_of(TimeoutReason reason) {
  switch (reason) {
    case TimeoutReason::none: return "";
    case TimeoutReason::budget: return "budget";
    case TimeoutReason::withdrawn: return "withdrawn";
    case TimeoutReason::overtaken: return "overtaken";
  }
  CAUSEWAY_CHECK(!"a TimeoutReason without a name");
  return {};
}

std::string_view name_of(AwaitResult::State state) {
  switch (state) {
    case AwaitResult::State::pending: return "pending";
    case AwaitResult::State::won: return "won";
    case AwaitResult::State::superseded: return "superseded";
    case AwaitResult::State::rejected: return "rejected";
    case AwaitResult::State::replaced: return "replaced";
    case AwaitResult::State::forgotten: return "forgotten";
  }
  CAUSEWAY_CHECK(!"an AwaitResult::State without a name");
  return {};
}

std::string_view name_of(OutcomeResult::State state) {
  switch (state) {
    case OutcomeResult::State::pending: return "pending";
    case OutcomeResult::State::done: return "done";
    case OutcomeResult::State::mismatch: return "mismatch";
    case OutcomeResult::State::did_not_happen: return "did_not_happen";
    case OutcomeResult::State::forgotten: return "forgotten";
  }
  CAUSEWAY_CHECK(!"an OutcomeResult::State without a name");
  return {};
}

std::optional<std::uint32_t> peek_msgid(std::string_view frame) {
  // Not MsgpackReader::array: of a frame that is still coming, or is refused for its size, less may
  // be here than it announces.
  MsgpackHead head;
  if (parse_head(frame, head) != HeadState::good || head.kind != MsgpackKind::array) return {};
  MsgpackReader in(frame.substr(head.bytes));
  const std::uint64_t type = in.natural();
  const std::uint64_t msgid = in.natural();
  if (!in.ok() || type > 1 || msgid > UINT32_MAX) return {};
  return static_cast<std::uint32_t>(msgid);
}

}  // namespace causeway::wire
