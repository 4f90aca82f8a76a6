// What nodes say to each other over a connection: a handshake, then consensus messages in
// length-prefixed frames (docs/formats.md#peers).
//
// A connection carries messages one way, from the node that dialled to the node that accepted; the
// other way has a connection of its own. The handshake tells both sides who the other is. It is
// made by the core, so that the simulator goes through the same checks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/blob.hpp"
#include "consensus/message.hpp"
#include <causeway/result.hpp>
#include <causeway/types.hpp>

namespace causeway::wire {

inline constexpr std::uint8_t kPeerProtocol = 2;

/// The first bytes on a connection, both ways: 0xC1 (which MessagePack never uses), "CWY",
/// kPeerProtocol. The accepter reads them, answers with its own, and both check before they send
/// more, so that each side can say which versions met.
inline constexpr std::size_t kPreambleBytes = 5;
[[nodiscard]] std::string_view peer_preamble();
/// errors   invalid (not a Causeway peer), unavailable (another protocol version: the detail names
/// both)
[[nodiscard]] Result<void> check_preamble(std::string_view bytes);

/// In front of each body: its length (u32) and hash64 (u64), little-endian. TCP's own checksum
/// passes about one damaged segment in 65,536, and what passes here ends in a log.
inline constexpr std::size_t kFrameHeaderBytes = 12;
inline constexpr std::size_t kFrameBodyBytesMax = std::size_t{16} << 20;

/// Entries, forwarded proposals or refused counters of one message. A batch of a mebibyte never
/// reaches it, since a command's head alone takes more than 16 bytes.
inline constexpr std::size_t kMessageItemsMax = std::size_t{1} << 16;

struct FrameHeader {
  std::uint32_t body_bytes = 0;  ///< 1..kFrameBodyBytesMax
  std::uint64_t body_hash = 0;
  friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

void encode_frame_header(std::string_view body, char (&out)[kFrameHeaderBytes]);
/// `bytes` are kFrameHeaderBytes. errors: corrupt (an empty body), too_large
[[nodiscard]] Result<FrameHeader> decode_frame_header(std::string_view bytes);
/// errors   corrupt: the body is not the one that was sent
[[nodiscard]] Result<void> check_body(const FrameHeader& header, std::string_view body);

/// Sent by the dialler first, answered by the accepter with its own.
struct Hello {
  std::uint64_t cluster = 0;  ///< 0: the cluster's first entry is not known to be committed there
  std::string name;
  Origin origin;
  Incarnation incarnation;
  std::uint64_t start_number =
      0;  ///< of this incarnation; a lower one than known is an older incarnation
  std::uint64_t voters_hash = 0;  ///< over the voters' names given at the first start
  bool barred = false;            ///< it knows that it is an old copy (consensus::HardState)
  friend bool operator==(const Hello&, const Hello&) = default;
};

/// The accepter's answer: its own Hello, or why it refuses.
struct HelloReply {
  bool accepted = false;
  Hello hello;
  std::string reason;  ///< refused: for the log
  std::uint64_t exceed_number =
      0;  ///< refused for a start number too low: the one to exceed; 0 otherwise
  friend bool operator==(const HelloReply&, const HelloReply&) = default;
};

[[nodiscard]] std::string encode(const Hello& hello);
[[nodiscard]] std::string encode(const HelloReply& reply);
[[nodiscard]] Result<Hello> decode_hello(std::string_view body);
[[nodiscard]] Result<HelloReply> decode_hello_reply(std::string_view body);

/// Appends the body of one frame (without its header). Payloads are copied once, into the body.
void encode(const consensus::Message& message, std::string& body);
/// Payloads share `body`'s buffer. Errc::corrupt unless it is exactly one message.
[[nodiscard]] Result<consensus::Message> decode_message(const Blob& body);

}  // namespace causeway::wire
