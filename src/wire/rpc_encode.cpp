// Answers to bytes. The fields of a method's answer are always all there, nil where they say
// nothing, so that a client may index without asking first; `reason` comes with timeout=true alone,
// and `token` with an offline write.

#include "base/check.hpp"
#include "wire/msgpack_writer.hpp"
#include "wire/rpc.hpp"
#include "wire/text.hpp"

namespace causeway::wire {
namespace {

constexpr std::size_t kDetailBytesMax = 1024;

void text_or_nil(std::string_view text, MsgpackWriter& out) {
  text.empty() ? out.nil() : out.text(text);
}

// Not text: a cursor may hold a key, and keys are any bytes.
void cursor_or_nil(std::string_view cursor, MsgpackWriter& out) {
  cursor.empty() ? out.nil() : out.binary(cursor);
}

void natural_or_nil(const std::optional<std::uint64_t>& number, MsgpackWriter& out) {
  number ? out.natural(*number) : out.nil();
}

void value_or_nil(const std::optional<std::string>& value, MsgpackWriter& out) {
  value ? out.binary(*value) : out.nil();
}

void write(const Version& version, MsgpackWriter& out) {
  out.map(6);
  out.field("revision").natural(version.revision.value);
  out.field("stamp").natural(version.stamp.value);
  out.field("origin").natural(version.origin.value);
  out.field("sequence").natural(version.sequence.value);
  out.field("time_ms").natural(version.stamp.wall_ms());
  out.field("expires_ms").natural(version.expires_ms);
}

void version_field(const std::optional<Version>& version, MsgpackWriter& out) {
  out.field("version");
  version ? write(*version, out) : out.nil();
}

void write(CallKind kind, const Response& response, MsgpackWriter& out) {
  CAUSEWAY_CHECK(kind == CallKind::get || kind == CallKind::set || kind == CallKind::remove ||
                 kind == CallKind::swap);
  const bool has_value = kind == CallKind::get || kind == CallKind::swap;
  const bool has_reason = response.timeout;
  const bool has_token = !response.token.empty();
  out.map(3u + has_value + has_reason + has_token + (kind == CallKind::get ? 3u : 0u));
  out.field("valid").boolean(response.valid);
  out.field("timeout").boolean(response.timeout);
  if (has_reason) {
    out.field("reason");
    text_or_nil(name_of(response.reason), out);
  }
  if (has_value) {
    // get: what was found. swap: what stood there in place of `old`.
    const bool found = kind == CallKind::get ? response.valid : !response.valid && !response.absent;
    out.field("value");
    found && !response.timeout ? out.binary(response.value) : out.nil();
  }
  version_field(response.version, out);
  if (has_token) out.field("token").text(response.token);
  if (kind == CallKind::get) {
    out.field("pending").boolean(response.pending);
    out.field("served_by").map(2);
    out.field("id").text(response.served_by.id);
    out.field("role").text(response.served_by.role);
    out.field("behind_ms");
    natural_or_nil(response.behind_ms, out);
  }
}

void write(CallKind kind, const AwaitResult& result, MsgpackWriter& out) {
  CAUSEWAY_CHECK(kind == CallKind::await);
  out.map(4);
  out.field("state").text(name_of(result.state));
  version_field(result.winner, out);
  out.field("reason");
  text_or_nil(printable(result.reason, kDetailBytesMax), out);
  out.field("replaced_by");
  text_or_nil(result.replaced_by, out);
}

void write(CallKind kind, const OutcomeResult& result, MsgpackWriter& out) {
  CAUSEWAY_CHECK(kind == CallKind::outcome);
  out.map(1);
  out.field("state").text(name_of(result.state));
}

void write(CallKind kind, const PendingPage& page, MsgpackWriter& out) {
  CAUSEWAY_CHECK(kind == CallKind::pending);
  out.map(2);
  out.field("items").array(page.items.size());
  for (const PendingItem& item : page.items) {
    out.map(5);
    out.field("key").binary(item.key);
    if (item.value) {
      out.field("value").binary(*item.value);
    } else {
      out.field("deleted").boolean(true);
    }
    out.field("token").text(item.token);
    out.field("stamp").natural(item.stamp.value);
    out.field("time_ms").natural(item.stamp.wall_ms());
  }
  out.field("cursor");
  cursor_or_nil(page.cursor, out);
}

void write(const ConflictItem::Side& side, MsgpackWriter& out) {
  out.map(side.dropped ? 3 : 2);
  out.field("value");
  value_or_nil(side.value, out);
  if (side.dropped) out.field("dropped").boolean(true);
  out.field("version");
  write(side.version, out);
}

void write(CallKind kind, const ConflictPage& page, MsgpackWriter& out) {
  CAUSEWAY_CHECK(kind == CallKind::conflicts);
  out.map(2);
  out.field("items").array(page.items.size());
  for (const ConflictItem& item : page.items) {
    out.map(5);
    out.field("key").binary(item.key);
    out.field("verdict").text(name_of(item.verdict));
    out.field("reason");
    text_or_nil(printable(item.reason, kDetailBytesMax), out);
    out.field("lost");
    write(item.lost, out);
    out.field("won");
    write(item.won, out);
  }
  out.field("cursor");
  cursor_or_nil(page.cursor, out);
}

void write(const MemberInfo& member, MsgpackWriter& out) {
  out.map(5);
  out.field("id").text(member.id);
  out.field("address").text(member.address);
  out.field("role").text(member.role);
  out.field("reachable").boolean(member.reachable);
  out.field("behind");
  natural_or_nil(member.behind, out);
}

void write(CallKind kind, const Status& status, MsgpackWriter& out) {
  CAUSEWAY_CHECK(kind == CallKind::status);
  out.map(13);
  out.field("id").text(status.id);
  out.field("origin").natural(status.origin.value);
  out.field("cluster").natural(status.cluster);
  out.field("role").text(status.role);
  out.field("state").text(status.state);
  out.field("term").natural(status.term.value);
  out.field("leader");
  text_or_nil(status.leader, out);
  out.field("commit_index").natural(status.commit_index.value);
  out.field("applied_index").natural(status.applied_index.value);
  out.field("log_time").natural(status.log_time.value);
  out.field("pending").natural(status.pending);
  out.field("verdicts").map(4);
  out.field("won").natural(status.verdicts.won);
  out.field("superseded").natural(status.verdicts.superseded);
  out.field("rejected").natural(status.verdicts.rejected);
  out.field("replaced").natural(status.verdicts.replaced);
  out.field("members").array(status.members.size());
  for (const MemberInfo& member : status.members) write(member, out);
}

// [1, msgid, ...: error and result follow.
void begin(std::optional<std::uint32_t> msgid, MsgpackWriter& out) {
  out.array(4);
  out.natural(1);
  msgid ? out.natural(*msgid) : out.nil();
}

}  // namespace

void encode_error(std::optional<std::uint32_t> msgid, const CallError& error, std::string& out) {
  MsgpackWriter writer(out);
  begin(msgid, writer);
  // What the operating system said is this node's own matter: to a caller the node is unable to
  // serve.
  const Errc code = error.error.code == Errc::io ? Errc::unavailable : error.error.code;
  writer.map(2u + !error.leader.empty() + !error.operation.empty());
  writer.field("code").text(name_of(code));
  writer.field("message").text(printable(error.error.detail, kDetailBytesMax));
  if (!error.leader.empty()) writer.field("leader").text(error.leader);
  if (!error.operation.empty()) writer.field("operation").text(error.operation);
  writer.nil();
}

void encode_reply(std::optional<std::uint32_t> msgid, CallKind kind, const Reply& reply,
                  std::string& out) {
  if (const auto* error = std::get_if<CallError>(&reply)) return encode_error(msgid, *error, out);
  const Answer& answer = std::get<Answer>(reply);
  if (const auto* response = std::get_if<Response>(&answer); response && response->in_doubt) {
    const CallError error{
        .error = {Errc::in_doubt, "may or may not have happened; outcome(operation) tells later"},
        .operation = response->operation};
    return encode_error(msgid, error, out);
  }
  MsgpackWriter writer(out);
  begin(msgid, writer);
  writer.nil();
  std::visit([&](const auto& of_kind) { write(kind, of_kind, writer); }, answer);
}

}  // namespace causeway::wire
