// The greeting and the frames of a connection between nodes; peer_message.cpp has what flows then.

#include "wire/peer.hpp"

#include <algorithm>
#include <cstring>

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "base/hash.hpp"
#include "wire/msgpack_reader.hpp"
#include "wire/msgpack_writer.hpp"
#include "wire/text.hpp"

namespace causeway::wire {
namespace {

constexpr char kPreamble[kPreambleBytes] = {'\xc1', 'C', 'W', 'Y', kPeerProtocol};

// Numbers as in docs/formats.md; those of consensus messages stand in peer_message.cpp.
constexpr std::uint64_t kHello = 32;
constexpr std::uint64_t kHelloReply = 33;

constexpr std::size_t kNameBytesMax = 64;
constexpr std::size_t kReasonBytesMax = 512;

// Both end in logs and messages of the other side, so what they may hold is narrow.
bool is_name(std::string_view name) {
  return name.size() <= kNameBytesMax && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                  c == '-';
         });
}

bool is_reason(std::string_view reason) {
  return reason.size() <= kReasonBytesMax && printable(reason, kReasonBytesMax) == reason;
}

void write(const Hello& hello, MsgpackWriter& out) {
  out.array(8);
  out.natural(kHello);
  out.natural(hello.cluster);
  out.text(hello.name);
  out.natural(hello.origin.value);
  out.natural(hello.incarnation.value);
  out.natural(hello.start_number);
  out.natural(hello.voters_hash);
  out.boolean(hello.barred);
}

Hello read_hello(MsgpackReader& in) {
  if (in.array() != 8 || in.natural() != kHello) in.fail();
  Hello hello{.cluster = in.natural(),
              .name = std::string(in.text()),
              .origin = {in.natural()},
              .incarnation = {in.natural()},
              .start_number = in.natural(),
              .voters_hash = in.natural(),
              .barred = in.boolean()};
  if (!is_name(hello.name)) in.fail();
  return hello;
}

}  // namespace

std::string_view peer_preamble() { return {kPreamble, kPreambleBytes}; }

Result<void> check_preamble(std::string_view bytes) {
  const std::string_view ours = peer_preamble();
  const std::size_t magic = kPreambleBytes - 1;
  if (bytes.size() != kPreambleBytes || bytes.substr(0, magic) != ours.substr(0, magic)) {
    return Error{Errc::invalid, "what answers there is no Causeway node"};
  }
  const auto theirs = static_cast<std::uint8_t>(bytes.back());
  if (theirs != kPeerProtocol) {
    return Error{Errc::unavailable,
                 "the other node speaks peer protocol " + std::to_string(theirs) + ", this one " +
                     std::to_string(kPeerProtocol) + "; run the same version on both"};
  }
  return success();
}

void encode_frame_header(std::string_view body, char (&out)[kFrameHeaderBytes]) {
  CAUSEWAY_CHECK(!body.empty());
  CAUSEWAY_CHECK(body.size() <= kFrameBodyBytesMax);
  std::string bytes;
  ByteWriter writer(bytes);
  writer.u32(static_cast<std::uint32_t>(body.size()));
  writer.u64(hash64(body));
  std::memcpy(out, bytes.data(), kFrameHeaderBytes);
}

Result<FrameHeader> decode_frame_header(std::string_view bytes) {
  ByteReader reader(bytes);
  FrameHeader header{.body_bytes = reader.u32()};
  header.body_hash = reader.u64();
  if (!reader.done() || header.body_bytes == 0) {
    return Error{Errc::corrupt, "a frame from a peer has no body"};
  }
  if (header.body_bytes > kFrameBodyBytesMax) {
    return Error{Errc::too_large, "a frame from a peer announces " +
                                      std::to_string(header.body_bytes) + " bytes; the most is " +
                                      std::to_string(kFrameBodyBytesMax)};
  }
  return header;
}

Result<void> check_body(const FrameHeader& header, std::string_view body) {
  if (body.size() == header.body_bytes && hash64(body) == header.body_hash) return success();
  return Error{Errc::corrupt, "a frame from a peer of " + std::to_string(header.body_bytes) +
                                  " bytes was damaged on the way"};
}

std::string encode(const Hello& hello) {
  CAUSEWAY_CHECK(is_name(hello.name));
  std::string body;
  MsgpackWriter out(body);
  write(hello, out);
  return body;
}

std::string encode(const HelloReply& reply) {
  CAUSEWAY_CHECK(is_name(reply.hello.name));
  std::string body;
  MsgpackWriter out(body);
  out.array(5);
  out.natural(kHelloReply);
  out.boolean(reply.accepted);
  write(reply.hello, out);
  out.text(printable(reply.reason, kReasonBytesMax));
  out.natural(reply.exceed_number);
  return body;
}

Result<Hello> decode_hello(std::string_view body) {
  MsgpackReader in(body, Strictness::canonical);
  Hello hello = read_hello(in);
  if (!in.done()) return Error{Errc::corrupt, "what a peer sent first is no hello"};
  return hello;
}

Result<HelloReply> decode_hello_reply(std::string_view body) {
  MsgpackReader in(body, Strictness::canonical);
  if (in.array() != 5 || in.natural() != kHelloReply) in.fail();
  HelloReply reply{.accepted = in.boolean()};
  reply.hello = read_hello(in);
  reply.reason = std::string(in.text());
  reply.exceed_number = in.natural();
  if (!in.done() || !is_reason(reply.reason)) {
    return Error{Errc::corrupt, "what a peer answered is no answer to a hello"};
  }
  return reply;
}

}  // namespace causeway::wire
