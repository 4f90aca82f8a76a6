// A session's MessagePack-RPC: requests taken out of the stream, answers put into it.
#include <utility>
#include <variant>

#include "net/session.hpp"

namespace causeway::net {
namespace {

// A CallId: 27 bits of a count of this connection's calls, so that no two open calls have the same;
// whether nobody waits; 4 bits of the kind, which the answer's fields depend on; the msgid.
constexpr int kKindShift = 32;
constexpr int kSilentShift = 36;
constexpr int kSerialShift = 37;

CallId call_id_of(std::uint64_t serial, const wire::Request& request) {
  return serial << kSerialShift | std::uint64_t{request.notification} << kSilentShift |
         std::uint64_t{static_cast<std::uint8_t>(wire::kind_of(request.call))} << kKindShift |
         request.msgid;
}

/// Nothing but what is stored: refusing to send it leaves nobody in doubt about a write.
bool only_carries_values(const wire::Reply& reply) {
  const auto* answer = std::get_if<wire::Answer>(&reply);
  if (answer == nullptr) return false;
  if (const auto* response = std::get_if<Response>(answer)) {
    return !response->value.empty() && !response->in_doubt;
  }
  return std::holds_alternative<PendingPage>(*answer) ||
         std::holds_alternative<ConflictPage>(*answer);
}

}  // namespace

std::size_t Session::take_request(std::string_view bytes) {
  const wire::FrameScanner::Scan scan = scanner_.scan(bytes);
  switch (scan.state) {
    case wire::FrameScanner::State::need_more: return 0;
    case wire::FrameScanner::State::failed:
      on_broken_request(bytes, scan.error);
      return bytes.size();
    case wire::FrameScanner::State::complete: break;
  }
  scanner_.reset();
  const std::string_view frame = bytes.substr(0, scan.size);
  if (state_ == State::refusing) {
    on_broken_request(frame, {Errc::exhausted, "this node has as many connections as it takes (" +
                                                   std::to_string(host_.options().connections_max) +
                                                   "); close some, or retry later"});
  } else {
    on_request(frame);
  }
  return scan.size;
}

void Session::on_request(std::string_view frame) {
  auto decoded = wire::decode_request(frame, host_.options().calls);
  if (auto* request = std::get_if<wire::Request>(&decoded)) {
    known_ = true;
    const CallId call = call_id_of(++serial_, *request);
    return host_.handler().on_call(id_, call, std::move(request->call));
  }
  const auto& bad = std::get<wire::BadRequest>(decoded);
  if (bad.notification) return;
  channel_->write([&](std::string& out) { wire::encode_error(bad.msgid, bad.error, out); });
  if (!bad.msgid) {
    host_.complain(remote_ + ": " + bad.error.error.detail);
    return end();
  }
  flush();
  if (crowded()) channel_->pause_reading();
}

void Session::on_broken_request(std::string_view frame, const Error& error) {
  if (kind_ == Kind::link) return fail(error.detail);
  channel_->write([&](std::string& out) {
    wire::encode_error(wire::peek_msgid(frame), wire::CallError{.error = error}, out);
  });
  host_.complain(remote_ + ": " + error.detail);
  end();
}

void Session::answer(CallId call, const wire::Reply& reply) {
  if (!is_open() || kind_ != Kind::rpc || (call >> kSilentShift & 1) != 0) return;
  if (crowded()) flush();
  const auto msgid = static_cast<std::uint32_t>(call);
  const bool may_refuse = only_carries_values(reply);
  channel_->write([&](std::string& out) {
    const std::size_t before = out.size();
    if (!may_refuse || !crowded()) {
      wire::encode_reply(msgid, static_cast<wire::CallKind>(call >> kKindShift & 0xf), reply, out);
      if (!may_refuse || has_room_for(out.size() - before)) return;
      out.resize(before);
      out.shrink_to_fit();  // or each connection would keep the room for what it did not get
    }
    wire::encode_error(
        msgid,
        {.error = {Errc::exhausted, "too many answers wait to be read; read them, then retry"}},
        out);
  });
  if (crowded()) channel_->pause_reading();
}

bool Session::has_room_for(std::size_t answer_bytes) const {
  const ServerOptions& options = host_.options();
  return answer_bytes <= options.small_answer_bytes ||
         host_.stock().output_bytes + answer_bytes <= options.output_bytes_limit;
}

bool Session::crowded() const {
  const ServerOptions& options = host_.options();
  return channel_->queued() > options.output_bytes_max ||
         (channel_->queued() != 0 && host_.stock().output_bytes > options.output_bytes_max_total);
}

}  // namespace causeway::net
