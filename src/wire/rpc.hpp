// MessagePack-RPC as published: client requests and answers to bytes and back
// (docs/formats.md#rpc).
//
// Everything here comes from strangers. A frame is first found whole by FrameScanner, which looks
// at each byte once and refuses before anything is allocated; then it is read in place, without a
// tree in between. What is wrong with a request is told in words: the field, and what to do.
//
// Each call goes both ways here (server: decode_request, encode_reply; client: encode_request,
// decode_reply), so that one file shows what stands in a message. rpc_decode.cpp and rpc_encode.cpp
// are the server's half, rpc_client.cpp and rpc_answer.cpp the client's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/blob.hpp"
#include "wire/frame_scanner.hpp"
#include <causeway/options.hpp>
#include <causeway/result.hpp>
#include <causeway/store.hpp>

namespace causeway::wire {

// ---- Calls and replies ----------------------------------------------------------------------

struct GetCall {
  std::string key;
  bool consistent = true;
  std::optional<std::uint64_t> timeout_ms;  ///< empty: blocking
  friend bool operator==(const GetCall&, const GetCall&) = default;
};

enum class WriteOp : std::uint8_t { set, remove, swap };

struct WriteCall {
  WriteOp op = WriteOp::set;
  std::string key;
  Blob value;                           ///< set: the value; swap: the new one
  std::optional<std::string> expected;  ///< swap: the old value; empty: the key must be absent
  bool consistent = true;
  std::optional<std::uint64_t> timeout_ms;  ///< empty: blocking
  InDoubt in_doubt = InDoubt::wait;
  friend bool operator==(const WriteCall&, const WriteCall&) = default;
};

struct AwaitCall {
  std::string token;
  std::optional<std::uint64_t> timeout_ms;  ///< empty: for ever; 0: not at all
  friend bool operator==(const AwaitCall&, const AwaitCall&) = default;
};

struct OutcomeCall {
  std::string operation;
  std::optional<std::uint64_t> timeout_ms;  ///< empty: for ever; 0: not at all
  friend bool operator==(const OutcomeCall&, const OutcomeCall&) = default;
};

struct PendingCall {
  std::uint64_t limit = 100;
  std::string cursor;
  friend bool operator==(const PendingCall&, const PendingCall&) = default;
};

struct ConflictsCall {
  std::uint64_t limit = 100;
  std::string cursor;
  friend bool operator==(const ConflictsCall&, const ConflictsCall&) = default;
};

struct StatusCall {
  friend bool operator==(const StatusCall&, const StatusCall&) = default;
};

using Call = std::variant<GetCall, WriteCall, AwaitCall, OutcomeCall, PendingCall, ConflictsCall,
                          StatusCall>;

using Answer =
    std::variant<Response, AwaitResult, OutcomeResult, PendingPage, ConflictPage, Status>;

/// What a caller learns beside an error's code and text.
struct CallError {
  Error error;
  std::string leader;     ///< id of the leader, where known
  std::string operation;  ///< in_doubt: for `outcome`
  friend bool operator==(const CallError& a, const CallError& b) {
    return a.error.code == b.error.code && a.error.detail == b.error.detail &&
           a.leader == b.leader && a.operation == b.operation;
  }
};

using Reply = std::variant<Answer, CallError>;

/// The methods. Which fields an answer has depends on what was asked.
enum class CallKind : std::uint8_t {
  get,
  set,
  remove,
  swap,
  await,
  outcome,
  pending,
  conflicts,
  status,
};

[[nodiscard]] CallKind kind_of(const Call& call);
/// The method's name as it stands in a request: `remove` is "delete" there.
[[nodiscard]] std::string_view method_of(CallKind kind);

// Names of outcomes as RPC and JSON write them.
[[nodiscard]] std::string_view name_of(TimeoutReason reason);  ///< none: empty
[[nodiscard]] std::string_view name_of(AwaitResult::State state);
[[nodiscard]] std::string_view name_of(OutcomeResult::State state);

// ---- The beginning of a message ------------------------------------------------------------

/// The msgid of a request or answer of which the beginning is here, also of one that is refused;
/// empty where it cannot be read.
[[nodiscard]] std::optional<std::uint32_t> peek_msgid(std::string_view frame);

// ---- The server's half ------------------------------------------------------------------------

/// What a request may hold; configurable downwards.
struct CallLimits {
  std::size_t key_bytes_max = 1024;
  std::size_t value_bytes_max = 1u << 20;
};

/// The largest `timeout_ms`: 49 days. Who wants to wait longer blocks.
inline constexpr std::uint64_t kTimeoutMsMax = UINT32_MAX;
inline constexpr std::uint64_t kPageLimitMax = 1000;

struct Request {
  std::uint32_t msgid = 0;
  Call call;
  bool notification = false;  ///< carried out like a request, answered to nobody
  friend bool operator==(const Request&, const Request&) = default;
};

struct BadRequest {
  /// Empty: no request at all, or a notification. Unless it is one, answer with a nil msgid and
  /// close.
  std::optional<std::uint32_t> msgid;
  bool notification = false;  ///< nobody waits for an answer
  CallError error;            ///< invalid or too_large; the text names the field and the way out
  friend bool operator==(const BadRequest&, const BadRequest&) = default;
};

/// `frame` should be exactly one object as FrameScanner found it; anything else is a BadRequest
/// too.
[[nodiscard]] std::variant<Request, BadRequest> decode_request(std::string_view frame,
                                                               const CallLimits& limits);

/// Appends one answer. `msgid` empty writes nil: the answer to what was no request.
/// An Answer must be of the type that belongs to `kind`. A Response in doubt goes out as the error
/// `in_doubt`, and Errc::io, which is nobody else's matter, as `unavailable`.
void encode_reply(std::optional<std::uint32_t> msgid, CallKind kind, const Reply& reply,
                  std::string& out);
/// The same for an error, where no kind is known.
void encode_error(std::optional<std::uint32_t> msgid, const CallError& error, std::string& out);

// ---- The client's half ------------------------------------------------------------------------

/// Appends one request.
void encode_request(std::uint32_t msgid, const Call& call, std::string& out);

struct DecodedReply {
  std::optional<std::uint32_t> msgid;  ///< empty: the server could not read a request's id
  Reply reply;
  friend bool operator==(const DecodedReply&, const DecodedReply&) = default;
};

/// `kind` is that of the request that `peek_msgid(frame)` names. The error `in_doubt` of a write
/// comes back as a Response. Fields that are not known are left out: a newer server may have more.
/// errors   corrupt: not an answer to such a call
[[nodiscard]] Result<DecodedReply> decode_reply(std::string_view frame, CallKind kind);

}  // namespace causeway::wire
