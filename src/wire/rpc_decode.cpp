// Requests from strangers: bytes to a Call, or to words that say what is wrong with them.
//
// Two passes over the parameters. The first only sorts them by name, so that an unknown or repeated
// name is found whatever else is wrong. The second reads those that the method has a use for; the
// first field that does not fit is the one that is reported.

#include <array>
#include <optional>
#include <string>
#include <utility>

#include "wire/msgpack_reader.hpp"
#include "wire/rpc.hpp"
#include "wire/text.hpp"

namespace causeway::wire {
namespace {

// All parameters of all methods; one without meaning for a call is passed over. Those of later work
// (ttl_ms, session, ...) are unknown until then: taking them silently would promise what is not
// kept.
enum class Param : std::uint8_t {
  key,
  value,
  fresh,
  old,
  consistent,
  timeout_ms,
  in_doubt,
  token,
  operation,
  limit,
  cursor,
};
constexpr std::array<std::string_view, 11> kParamNames{
    "key",      "value", "new",       "old",   "consistent", "timeout_ms",
    "in_doubt", "token", "operation", "limit", "cursor",
};

constexpr std::array kMethods{
    CallKind::get,     CallKind::set,     CallKind::remove,    CallKind::swap,   CallKind::await,
    CallKind::outcome, CallKind::pending, CallKind::conflicts, CallKind::status,
};

// Tokens, operation ids and cursors are made by nodes and shorter than this.
constexpr std::size_t kTokenBytesMax = 128;
constexpr std::size_t kCursorExtraBytesMax = 128;  // a cursor may hold a key

constexpr std::string_view param_name(Param param) {
  return kParamNames[static_cast<std::size_t>(param)];
}

// The parameters of one request as they came, and the first thing found wrong with them.
class Params {
 public:
  explicit Params(const CallLimits& limits) : limits_(limits) {}

  void sort(MsgpackReader& in) {
    const std::uint64_t pairs = in.map();
    for (std::uint64_t i = 0; i < pairs && in.ok() && !error_; ++i) {
      const std::string_view name = in.bytes();
      const std::string_view value = in.skip();
      if (in.ok()) put(name, value);
    }
    if (!in.ok()) refuse("params must be an array of one map, with names that are strings");
  }

  std::string key() {
    const std::string_view key = required_bytes(Param::key, limits_.key_bytes_max);
    if (!error_ && key.empty()) {
      refuse("key is empty; it needs 1 to " + std::to_string(limits_.key_bytes_max) + " bytes");
    }
    return std::string(key);
  }

  Blob value(Param param) { return Blob::copy_of(required_bytes(param, limits_.value_bytes_max)); }

  std::optional<std::string> expected() {
    if (raw(Param::old).empty()) {
      refuse(
          "old is missing; give the value that must stand there, or nil when the key must be "
          "absent");
      return {};
    }
    if (MsgpackReader(raw(Param::old)).nil()) return {};
    return std::string(required_bytes(Param::old, limits_.value_bytes_max));
  }

  std::string token(Param param) { return std::string(required_bytes(param, kTokenBytesMax)); }

  std::string cursor() {
    // nil is what the last page answers; asking with it begins anew.
    if (raw(Param::cursor).empty() || MsgpackReader(raw(Param::cursor)).nil()) return {};
    return std::string(required_bytes(Param::cursor, limits_.key_bytes_max + kCursorExtraBytesMax));
  }

  bool consistent() {
    if (raw(Param::consistent).empty()) return true;
    MsgpackReader in(raw(Param::consistent));
    const bool consistent = in.boolean();
    if (!in.done()) refuse("consistent must be true or false");
    return consistent;
  }

  InDoubt in_doubt() {
    if (raw(Param::in_doubt).empty()) return InDoubt::wait;
    const std::string_view name = MsgpackReader(raw(Param::in_doubt)).bytes();
    if (name == "report") return InDoubt::report;
    if (name != "wait") refuse("in_doubt must be \"wait\" or \"report\"");
    return InDoubt::wait;
  }

  std::optional<std::uint64_t> timeout_ms() {
    if (raw(Param::timeout_ms).empty()) return {};
    MsgpackReader in(raw(Param::timeout_ms));
    if (in.nil()) return {};
    return natural(Param::timeout_ms, 0, kTimeoutMsMax,
                   "; leave it out to wait as long as it takes");
  }

  std::uint64_t limit(std::uint64_t without) {
    if (raw(Param::limit).empty()) return without;
    return natural(Param::limit, 1, kPageLimitMax, "; ask for more pages with cursor");
  }

  void refuse(std::string why, Errc code = Errc::invalid) {
    if (!error_) error_ = Error{code, std::move(why)};
  }
  [[nodiscard]] std::optional<Error>& error() { return error_; }

 private:
  // The bytes of a parameter's value; empty where it was not given, for no value has no bytes.
  [[nodiscard]] std::string_view raw(Param param) const {
    return raw_[static_cast<std::size_t>(param)];
  }

  void put(std::string_view name, std::string_view value) {
    for (std::size_t i = 0; i < kParamNames.size(); ++i) {
      if (name != kParamNames[i]) continue;
      if (!raw_[i].empty()) refuse("parameter " + std::string(name) + " is given twice");
      raw_[i] = value;
      return;
    }
    refuse("unknown parameter " + quoted(name) + "; this version knows " + listed(kParamNames));
  }

  std::string_view required_bytes(Param param, std::size_t bytes_max) {
    if (raw(param).empty()) {
      refuse(std::string(param_name(param)) + " is missing");
      return {};
    }
    MsgpackReader in(raw(param));
    const std::string_view bytes = in.bytes();
    if (!in.done()) refuse(std::string(param_name(param)) + " must be a binary or a string");
    if (bytes.size() > bytes_max) {
      refuse(std::string(param_name(param)) + " has " + std::to_string(bytes.size()) +
                 " bytes; at most " + std::to_string(bytes_max) + " are taken here",
             Errc::too_large);
    }
    return bytes;
  }

  std::uint64_t natural(Param param, std::uint64_t min, std::uint64_t max, std::string_view hint) {
    MsgpackReader in(raw(param));
    const std::uint64_t number = in.natural();
    if (in.done() && number >= min && number <= max) return number;
    refuse(std::string(param_name(param)) + " must be a whole number from " + std::to_string(min) +
           " to " + std::to_string(max) + std::string(hint));
    return min;
  }

  CallLimits limits_;
  std::array<std::string_view, kParamNames.size()> raw_{};
  std::optional<Error> error_;
};

WriteCall read_write(WriteOp op, Params& params) {
  WriteCall call{.op = op, .key = params.key()};
  if (op == WriteOp::set) call.value = params.value(Param::value);
  if (op == WriteOp::swap) {
    call.value = params.value(Param::fresh);
    call.expected = params.expected();
  }
  call.consistent = params.consistent();
  call.timeout_ms = params.timeout_ms();
  call.in_doubt = params.in_doubt();
  if (op == WriteOp::swap && !call.consistent) {
    params.refuse("consistent must be true for a swap: only a majority can compare and set");
  }
  return call;
}

Call read_call(CallKind kind, Params& params) {
  switch (kind) {
    case CallKind::get: {
      GetCall call{.key = params.key(),
                   .consistent = params.consistent(),
                   .timeout_ms = params.timeout_ms()};
      static_cast<void>(params.in_doubt());  // without meaning, yet listed for get
      return call;
    }
    case CallKind::set: return read_write(WriteOp::set, params);
    case CallKind::remove: return read_write(WriteOp::remove, params);
    case CallKind::swap: return read_write(WriteOp::swap, params);
    case CallKind::await:
      return AwaitCall{.token = params.token(Param::token), .timeout_ms = params.timeout_ms()};
    case CallKind::outcome:
      return OutcomeCall{.operation = params.token(Param::operation),
                         .timeout_ms = params.timeout_ms()};
    case CallKind::pending:
      return PendingCall{.limit = params.limit(PendingCall{}.limit), .cursor = params.cursor()};
    case CallKind::conflicts:
      return ConflictsCall{.limit = params.limit(ConflictsCall{}.limit), .cursor = params.cursor()};
    case CallKind::status: return StatusCall{};
  }
  return StatusCall{};
}

std::optional<CallKind> kind_named(std::string_view method) {
  for (const CallKind kind : kMethods) {
    if (method_of(kind) == method) return kind;
  }
  return {};
}

std::string method_list() {
  std::array<std::string_view, kMethods.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = method_of(kMethods[i]);
  return listed(names);
}

}  // namespace

std::variant<Request, BadRequest> decode_request(std::string_view frame, const CallLimits& limits) {
  BadRequest bad;
  const auto refused = [&bad](std::string why) {
    bad.error.error = {Errc::invalid, std::move(why)};
    return std::move(bad);
  };

  MsgpackReader in(frame);
  const std::uint64_t fields = in.array();
  const std::uint64_t type = in.natural();
  bad.notification = in.ok() && type == 2;
  if (in.ok() && type == 0) bad.msgid = peek_msgid(frame);
  const bool request = bad.msgid.has_value() && fields == 4;
  if (!request && !(bad.notification && fields == 3)) {
    return refused("no MessagePack-RPC request: [0, msgid, method, [{name: value, ...}]] is");
  }
  if (request) static_cast<void>(in.natural());

  const std::string_view method = in.bytes();
  if (!in.ok()) return refused("the method must be a string, one of " + method_list());
  const std::optional<CallKind> kind = kind_named(method);
  if (!kind) return refused("unknown method " + quoted(method) + "; there are " + method_list());

  Params params(limits);
  const std::uint64_t maps = in.array();
  if (maps > 1) params.refuse("params must be an array of exactly one map, this one has more");
  if (maps == 1) params.sort(in);
  // Without a map every parameter is absent: fine for a call that needs none.
  if (!params.error() && !in.ok()) params.refuse("params must be an array of one map");
  if (!params.error() && !in.done()) params.refuse("there are bytes behind the request");
  Call call = params.error() ? Call{StatusCall{}} : read_call(*kind, params);
  if (params.error()) {
    bad.error.error = std::move(*params.error());
    return bad;
  }
  return Request{.msgid = bad.msgid.value_or(0), .call = std::move(call), .notification = !request};
}

}  // namespace causeway::wire
