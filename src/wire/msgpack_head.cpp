#include "wire/msgpack_head.hpp"

#include <array>

namespace causeway::wire {
namespace {

// The types 0xc0..0xdf: what they are and how many bytes of number or length follow the type byte.
// A negative width marks those whose length is in the type itself (fixext).
struct Type {
  MsgpackKind kind;
  std::uint8_t width;
};

using enum MsgpackKind;

constexpr std::array<Type, 32> kTypes{{
    {nil, 0},       {none, 0},      {boolean, 0},
    {boolean, 0},                                    // c0 nil, never used, false, true
    {binary, 1},    {binary, 2},    {binary, 4},     // c4 bin 8, 16, 32
    {extension, 1}, {extension, 2}, {extension, 4},  // c7 ext 8, 16, 32
    {real, 4},      {real, 8},                       // ca float 32, 64
    {natural, 1},   {natural, 2},   {natural, 4},
    {natural, 8},  // cc uint 8, 16, 32, 64
    {negative, 1},  {negative, 2},  {negative, 4},
    {negative, 8},  // d0 int 8, 16, 32, 64
    {extension, 0}, {extension, 0}, {extension, 0},
    {extension, 0}, {extension, 0},             // d4 fixext 1, 2, 4, 8, 16
    {text, 1},      {text, 2},      {text, 4},  // d9 str 8, 16, 32
    {array, 2},     {array, 4},                 // dc array 16, 32
    {map, 2},       {map, 4},                   // de map 16, 32
}};

// The greatest length or number that a shorter head could hold, by kind and width.
std::uint64_t shorter_max(MsgpackKind kind, std::uint8_t width) {
  if (width == 8) return UINT32_MAX;
  if (width == 4) return UINT16_MAX;
  const bool has_width_1 = kind == natural || kind == text || kind == binary;
  if (width == 2 && has_width_1) return UINT8_MAX;
  if (kind == natural) return 0x7f;
  return kind == text ? 31 : 15;
}

void set_number(std::uint8_t type, std::uint8_t width, std::uint64_t number, MsgpackHead& head) {
  switch (head.kind) {
    case boolean: head.number = type & 1; return;
    case natural:
      head.number = number;
      head.minimal = number > shorter_max(natural, width);
      return;
    case negative:
      // A signed type may hold a number from 0 on; then the unsigned one would have been the
      // minimal.
      if (number >> (8 * width - 1) == 0) {
        head.kind = natural;
        head.number = number;
      }
      head.minimal = false;  // we never write one: nothing of ours depends on telling them apart
      return;
    case text:
    case binary:
      head.body = number;
      head.minimal = (head.kind == binary && width == 1) || number > shorter_max(head.kind, width);
      return;
    case extension:
      head.body = 1 + (width == 0 ? std::uint64_t{1} << (type - 0xd4) : number);
      return;
    case array:
    case map:
      head.children = head.kind == map ? 2 * number : number;
      head.minimal = number > shorter_max(head.kind, width);
      return;
    case nil:
    case real:
    case none: return;
  }
}

}  // namespace

HeadState parse_wide_head(std::string_view in, MsgpackHead& head) {
  const auto type = static_cast<std::uint8_t>(in.front());
  const auto [kind, width] = kTypes[type - 0xc0];
  if (kind == none) return HeadState::invalid;
  if (in.size() < 1u + width) return HeadState::incomplete;
  std::uint64_t number = 0;
  for (std::size_t i = 1; i <= width; ++i) {
    number = number << 8 | static_cast<std::uint8_t>(in[i]);
  }
  head = {.kind = kind, .bytes = 1u + width};
  set_number(type, width, number, head);
  return HeadState::good;
}

}  // namespace causeway::wire
