// A session's half of the talk with a peer that dialled: preamble, hello, then messages
// (wire/peer.hpp).
#include <utility>

#include "net/session.hpp"

namespace causeway::net {
namespace {

constexpr std::size_t kHelloBytesMax = 64u << 10;  // of who has not said its name yet

}  // namespace

std::size_t Session::take_preamble(std::string_view bytes) {
  if (bytes.size() < wire::kPreambleBytes) return 0;
  // Ours goes back in any case, so that both sides can say which versions met.
  channel_->write([](std::string& out) { out.append(wire::peer_preamble()); });
  const auto checked = wire::check_preamble(bytes.substr(0, wire::kPreambleBytes));
  if (!checked) {
    host_.complain(remote_ + ": " + checked.error().detail);
    end();
  } else {
    state_ = State::hello;
    flush();
  }
  return wire::kPreambleBytes;
}

std::size_t Session::take_frame(std::string_view bytes) {
  if (bytes.size() < wire::kFrameHeaderBytes) return 0;
  const auto header = wire::decode_frame_header(bytes.substr(0, wire::kFrameHeaderBytes));
  const std::size_t size = header ? wire::kFrameHeaderBytes + header.value().body_bytes : 0;
  if (!header) {
    fail(header.error().detail);
  } else if (state_ == State::hello && size > kHelloBytesMax) {
    fail("its hello has " + std::to_string(size) + " bytes");
  } else if (bytes.size() < size) {
    return 0;
  } else {
    const std::string_view body =
        bytes.substr(wire::kFrameHeaderBytes, size - wire::kFrameHeaderBytes);
    const auto checked = wire::check_body(header.value(), body);
    if (!checked) {
      fail(checked.error().detail);
    } else {
      on_frame(Blob::copy_of(body));
    }
  }
  return is_open() ? size : bytes.size();
}

void Session::on_frame(const Blob& body) {
  if (state_ == State::greeting) return fail("it sent a message before its hello was answered");
  if (state_ == State::hello) {
    auto hello = wire::decode_hello(body.view());
    if (!hello) return fail(hello.error().detail);
    state_ = State::greeting;
    known_ = true;
    return host_.handler().on_link_hello(id_, std::move(hello).value());
  }
  auto message = wire::decode_message(body);
  if (!message) return fail(message.error().detail);
  host_.handler().on_link_message(id_, std::move(message).value());
}

void Session::write_frame(std::string_view body) {
  char header[wire::kFrameHeaderBytes];
  wire::encode_frame_header(body, header);
  channel_->write([&](std::string& out) {
    out.append(header, sizeof header);
    out.append(body);
  });
}

void Session::answer_link(const wire::HelloReply& reply) {
  if (!is_open() || state_ != State::greeting) return;
  write_frame(wire::encode(reply));
  if (!reply.accepted) return end();
  state_ = State::link;
  deadline_ = Clock::time_point::max();
}

}  // namespace causeway::net
