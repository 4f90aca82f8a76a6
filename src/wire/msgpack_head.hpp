// The first bytes of a MessagePack value: what it is and how much follows (the format's table,
// once).
//
// FrameScanner walks over heads without looking at what they announce; MsgpackReader reads values.
// Both must agree to the byte on where each value ends, so both call this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace causeway::wire {

enum class MsgpackKind : std::uint8_t {
  none,  ///< nothing there, or nothing that MessagePack knows
  nil,
  boolean,
  natural,   ///< an integer from 0, in whatever width it was written
  negative,  ///< an integer below 0
  real,
  text,  ///< "str"
  binary,
  array,
  map,
  extension,
};

struct MsgpackHead {
  MsgpackKind kind = MsgpackKind::none;
  bool minimal = true;         ///< no shorter way to write this head exists
  std::size_t bytes = 0;       ///< of the head; numbers and booleans lie wholly inside
  std::uint64_t number = 0;    ///< natural: its value; boolean: 0 or 1
  std::uint64_t body = 0;      ///< text, binary, extension: bytes that follow the head
  std::uint64_t children = 0;  ///< array, map: values that follow the head (two for each pair)
};

enum class HeadState : std::uint8_t { good, incomplete, invalid };

/// The heads that take more than a byte; parse_head calls it.
[[nodiscard]] HeadState parse_wide_head(std::string_view in, MsgpackHead& head);

/// Reads the head at the beginning of `in`; `head` is filled when good. Inline for the heads of a
/// byte, which most are: names, small numbers, small maps.
[[nodiscard]] inline HeadState parse_head(std::string_view in, MsgpackHead& head) {
  if (in.empty()) return HeadState::incomplete;
  const auto type = static_cast<std::uint8_t>(in.front());
  if (type >= 0xc0 && type < 0xe0) return parse_wide_head(in, head);
  head = {.bytes = 1};
  if (type <= 0x7f) {
    head.kind = MsgpackKind::natural;
    head.number = type;
  } else if (type <= 0x8f) {
    head.kind = MsgpackKind::map;
    head.children = (type & 0x0fu) * 2u;
  } else if (type <= 0x9f) {
    head.kind = MsgpackKind::array;
    head.children = type & 0x0f;
  } else if (type <= 0xbf) {
    head.kind = MsgpackKind::text;
    head.body = type & 0x1f;
  } else {
    head.kind = MsgpackKind::negative;
  }
  return HeadState::good;
}

}  // namespace causeway::wire
