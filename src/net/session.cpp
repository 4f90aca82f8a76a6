#include "net/session.hpp"

#include <algorithm>
#include <utility>

namespace causeway::net {
namespace {

constexpr unsigned char kPeerFirst = 0xc1;
constexpr unsigned char kTlsFirst = 0x16;
constexpr std::size_t kPartBytesFree = 16u << 10;  // kept without asking what all keep together

std::string seconds_text(Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count()) + " s";
}

}  // namespace

Session::Session(SessionHost& host, std::shared_ptr<ChannelStock> stock, std::uint64_t id,
                 Socket socket, std::string remote)
    : host_(host),
      channel_(std::make_shared<Channel>(std::move(stock), std::move(socket), *this)),
      remote_(std::move(remote)),
      scanner_(host.options().frames),
      id_(id) {}

void Session::start() {
  deadline_ = Clock::now() + host_.options().handshake_timeout;
  host_.watch(*this);
  channel_->start();
}

// ---- what arrives

std::size_t Session::on_bytes(std::string_view bytes) {
  if (state_ == State::sniffing) sniff(bytes.front());
  std::size_t used = 0;
  while (is_open() && used < bytes.size()) {
    const std::size_t taken = take(bytes.substr(used));
    if (taken == 0) break;
    used += taken;
  }
  if (is_open()) {
    const std::size_t rest = bytes.size() - used;
    set_frame_deadline(used != 0, rest != 0);
    if (rest > kPartBytesFree &&
        host_.stock().input_bytes + rest > host_.options().input_bytes_max_total) {
      on_broken_request(bytes.substr(used),
                        {Errc::exhausted, "too many large requests are arriving; retry later"});
    }
  }
  if (known_) host_.handler().on_batch_end();
  return is_open() ? used : bytes.size();
}

void Session::sniff(char first) {
  const auto byte = static_cast<unsigned char>(first);
  if (byte == kPeerFirst) {
    if (!host_.admit_link()) {
      return fail("too many peers' links are open; is a node dialling in a loop?");
    }
    kind_ = Kind::link;
    state_ = State::preamble;
  } else if (byte >= 'A' && byte <= 'Z') {
    fail("it speaks HTTP, which this version does not; use kvcli or MessagePack-RPC");
  } else if (byte == kTlsFirst) {
    fail("it speaks TLS, which this version does not");
  } else if (host_.admit_connection()) {
    kind_ = Kind::rpc;
    state_ = State::rpc;
  } else {
    kind_ = Kind::refused;
    state_ = State::refusing;
  }
}

std::size_t Session::take(std::string_view bytes) {
  switch (state_) {
    case State::rpc:
    case State::refusing: return take_request(bytes);
    case State::preamble: return take_preamble(bytes);
    case State::hello:
    case State::greeting:
    case State::link: return take_frame(bytes);
    case State::sniffing:
    case State::ended: break;
  }
  return bytes.size();
}

/// A connection may be silent for ever between two requests, but not in the middle of one.
void Session::set_frame_deadline(bool began, bool unfinished) {
  if (state_ != State::rpc && state_ != State::refusing && state_ != State::link) return;
  if (!unfinished) {
    deadline_ = Clock::time_point::max();
  } else if (began || deadline_ == Clock::time_point::max()) {
    deadline_ = Clock::now() + host_.options().frame_timeout;
    host_.watch(*this);
  }
}

// ---- sending and ending

void Session::flush() {
  channel_->flush();
  if (channel_->blocked_since() != Clock::time_point::max()) host_.watch(*this);
  if (channel_->paused()) on_sent();
}

void Session::on_sent() {
  if (!is_open() || !channel_->paused()) return;
  if (crowded() || channel_->queued() > host_.options().output_bytes_max / 2) return;
  if (deadline_ != Clock::time_point::max()) {
    deadline_ = Clock::now() + host_.options().frame_timeout;  // it could not go on while we waited
  }
  channel_->resume_reading();
}

void Session::on_lost(std::string reason) {
  static_cast<void>(reason);  // a client that has gone is nothing to talk about
  state_ = State::ended;
  host_.on_session_over(*this);
}

void Session::fail(const std::string& reason) {
  if (!channel_->open()) return;
  host_.complain("closed the connection from " + remote_ + ": " + reason);
  state_ = State::ended;
  channel_->close();
  host_.on_session_over(*this);
}

void Session::end() {
  if (!is_open()) return;
  state_ = State::ended;
  deadline_ = Clock::now() + host_.options().linger_timeout;
  channel_->end();
  host_.watch(*this);
}

void Session::finish() {
  if (!is_open()) return;
  if (channel_->queued() != 0 || !channel_->input_is_empty()) return end();
  state_ = State::ended;
  channel_->close();
  host_.on_session_over(*this);
}

Clock::time_point Session::deadline() const {
  Clock::time_point due = Clock::time_point::max();
  if (!channel_->paused()) due = deadline_;
  if (channel_->blocked_since() != Clock::time_point::max()) {
    due = std::min(due, channel_->blocked_since() + host_.options().write_timeout);
  }
  return due;
}

void Session::expire() {
  const ServerOptions& options = host_.options();
  switch (state_) {
    case State::ended: channel_->close(); return host_.on_session_over(*this);
    case State::sniffing:
      return fail("it said nothing for " + seconds_text(options.handshake_timeout));
    case State::preamble:
    case State::hello:
    case State::greeting:
      return fail("its handshake took over " + seconds_text(options.handshake_timeout));
    case State::link: return fail("a message took over " + seconds_text(options.frame_timeout));
    case State::rpc:
    case State::refusing: break;
  }
  if (channel_->blocked_since() != Clock::time_point::max()) {
    return fail("it took no answers for " + seconds_text(options.write_timeout));
  }
  on_broken_request({},
                    {Errc::invalid, "a request took over " + seconds_text(options.frame_timeout) +
                                        " to arrive; send it faster or in parts"});
}

}  // namespace causeway::net
