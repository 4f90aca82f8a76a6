// The client's half: calls to bytes, and what came back, an answer or an error, to values.

#include <optional>
#include <string>
#include <utility>

#include "wire/msgpack_reader.hpp"
#include "wire/msgpack_writer.hpp"
#include "wire/rpc.hpp"
#include "wire/rpc_answer.hpp"
#include "wire/text.hpp"

namespace causeway::wire {
namespace {

void common_options(bool consistent, const std::optional<std::uint64_t>& timeout_ms,
                    InDoubt in_doubt, MsgpackWriter& out) {
  if (!consistent) out.field("consistent").boolean(false);
  if (timeout_ms) out.field("timeout_ms").natural(*timeout_ms);
  if (in_doubt == InDoubt::report) out.field("in_doubt").text("report");
}

std::size_t count_options(bool consistent, const std::optional<std::uint64_t>& timeout_ms,
                          InDoubt in_doubt) {
  return std::size_t{!consistent} + timeout_ms.has_value() + (in_doubt == InDoubt::report);
}

void write(const GetCall& call, MsgpackWriter& out) {
  out.map(1 + count_options(call.consistent, call.timeout_ms, InDoubt::wait));
  out.field("key").binary(call.key);
  common_options(call.consistent, call.timeout_ms, InDoubt::wait, out);
}

void write(const WriteCall& call, MsgpackWriter& out) {
  const std::size_t own = call.op == WriteOp::set ? 2 : call.op == WriteOp::swap ? 3 : 1;
  out.map(own + count_options(call.consistent, call.timeout_ms, call.in_doubt));
  out.field("key").binary(call.key);
  if (call.op == WriteOp::set) out.field("value").binary(call.value.view());
  if (call.op == WriteOp::swap) {
    out.field("new").binary(call.value.view());
    out.field("old");
    call.expected ? out.binary(*call.expected) : out.nil();
  }
  common_options(call.consistent, call.timeout_ms, call.in_doubt, out);
}

void write_named(std::string_view name, std::string_view id,
                 const std::optional<std::uint64_t>& timeout_ms, MsgpackWriter& out) {
  out.map(1u + timeout_ms.has_value());
  out.text(name);
  out.text(id);
  if (timeout_ms) out.field("timeout_ms").natural(*timeout_ms);
}

void write(const AwaitCall& call, MsgpackWriter& out) {
  write_named("token", call.token, call.timeout_ms, out);
}
void write(const OutcomeCall& call, MsgpackWriter& out) {
  write_named("operation", call.operation, call.timeout_ms, out);
}

void write_page(std::uint64_t limit, std::string_view cursor, MsgpackWriter& out) {
  out.map(1u + !cursor.empty());
  out.field("limit").natural(limit);
  if (!cursor.empty()) out.field("cursor").binary(cursor);
}

void write(const PendingCall& call, MsgpackWriter& out) {
  write_page(call.limit, call.cursor, out);
}
void write(const ConflictsCall& call, MsgpackWriter& out) {
  write_page(call.limit, call.cursor, out);
}
void write(const StatusCall&, MsgpackWriter& out) { out.map(0); }

bool is_write(CallKind kind) {
  return kind == CallKind::set || kind == CallKind::remove || kind == CallKind::swap;
}

Reply read_error(CallKind kind, MsgpackReader& in) {
  CallError error;
  std::string code;
  each_field(in, [&](std::string_view name) {
    if (name == "code")
      code = std::string(in.bytes());
    else if (name == "message")
      error.error.detail = std::string(in.bytes());
    else if (name == "leader")
      error.leader = std::string(in.bytes());
    else if (name == "operation")
      error.operation = std::string(in.bytes());
    else
      in.skip();
  });
  if (code.empty()) in.fail();
  if (code == name_of(Errc::in_doubt) && is_write(kind)) {
    return Answer{Response{.in_doubt = true, .operation = std::move(error.operation)}};
  }
  // A code of a later version means at least that this was not served.
  error.error.code = Errc::unavailable;
  constexpr auto kFirst = static_cast<std::uint16_t>(Errc::invalid);
  constexpr auto kLast = static_cast<std::uint16_t>(Errc::unauthorized);
  bool known = false;
  for (std::uint16_t number = kFirst; number <= kLast; ++number) {
    if (name_of(static_cast<Errc>(number)) != code) continue;
    error.error.code = static_cast<Errc>(number);
    known = true;
  }
  if (!known) error.error.detail.insert(0, printable(code, 40) + ": ");
  return error;
}

}  // namespace

void encode_request(std::uint32_t msgid, const Call& call, std::string& out) {
  MsgpackWriter writer(out);
  writer.array(4);
  writer.natural(0);
  writer.natural(msgid);
  writer.text(method_of(kind_of(call)));
  writer.array(1);
  std::visit([&](const auto& of_kind) { write(of_kind, writer); }, call);
}

Result<DecodedReply> decode_reply(std::string_view frame, CallKind kind) {
  MsgpackReader in(frame);
  if (in.array() != 4 || in.natural() != 1) in.fail();
  DecodedReply decoded;
  if (!in.nil()) {
    const std::uint64_t msgid = in.natural();
    if (msgid > UINT32_MAX) in.fail();
    decoded.msgid = static_cast<std::uint32_t>(msgid);
  }
  if (in.nil()) {
    decoded.reply = read_answer(kind, in);
  } else {
    decoded.reply = read_error(kind, in);
    in.skip();  // the result, nil beside an error
  }
  if (!in.done()) {
    return Error{Errc::corrupt, "what came is no answer to " + std::string(method_of(kind)) +
                                    "; is a Causeway node listening there?"};
  }
  return decoded;
}

}  // namespace causeway::wire
