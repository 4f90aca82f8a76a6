// Reads MessagePack values in place, one after the other, out of bytes that nobody has checked.
//
// Like ByteReader: what is not there, or not of the type asked for, sets ok() to false and yields
// an empty value, so that a decoder reads all its fields in one straight line and looks once.
// Nothing is allocated, nothing recurses, and a count is believed only when that many bytes are
// left.
#pragma once

#include <cstdint>
#include <string_view>

#include "wire/msgpack_head.hpp"

namespace causeway::wire {

/// Between nodes each value has one way to be written, and others are refused; clients write as
/// their library does.
enum class Strictness : std::uint8_t { lenient, canonical };

class MsgpackReader {
 public:
  explicit MsgpackReader(std::string_view in, Strictness strictness = Strictness::lenient)
      : in_(in), strictness_(strictness) {}

  /// What the next value is; none at the end and where it is broken.
  [[nodiscard]] MsgpackKind next() const;

  std::uint64_t natural() {
    const bool in_a_byte = !in_.empty() && static_cast<std::uint8_t>(in_.front()) <= 0x7f;
    if (!in_a_byte) return take(MsgpackKind::natural).number;
    const auto number = static_cast<std::uint64_t>(in_.front());
    in_.remove_prefix(1);
    return number;
  }
  bool boolean() { return take(MsgpackKind::boolean).number != 0; }
  std::string_view text() { return body(take(MsgpackKind::text)); }
  std::string_view binary() { return body(take(MsgpackKind::binary)); }
  /// Text or binary: clients may write keys and values as either.
  std::string_view bytes() { return body(take(MsgpackKind::text, MsgpackKind::binary)); }
  /// The number of values that follow; each has at least a byte here.
  std::uint64_t array() { return count(take(MsgpackKind::array)); }
  /// The number of pairs that follow.
  std::uint64_t map() { return count(take(MsgpackKind::map)) / 2; }
  /// Takes a nil if there is one.
  bool nil();
  /// Passes over one value of any kind, nested ones included, and returns its bytes.
  std::string_view skip();

  /// For decoders that find a value of the right type unfit.
  void fail() {
    in_ = {};
    ok_ = false;
  }
  [[nodiscard]] bool ok() const { return ok_; }
  /// All was read, and nothing is left over.
  [[nodiscard]] bool done() const { return ok_ && in_.empty(); }

 private:
  MsgpackHead take(MsgpackKind wanted) { return take(wanted, wanted); }
  MsgpackHead take(MsgpackKind wanted, MsgpackKind or_wanted);
  std::string_view body(const MsgpackHead& head);
  std::uint64_t count(const MsgpackHead& head);

  std::string_view in_;
  Strictness strictness_;
  bool ok_ = true;
};

/// Calls `field(name)` for each pair of the map that comes next; it must read or skip the value.
/// Names are text; whether a name comes twice is the caller's matter.
template <class Field>
void each_field(MsgpackReader& in, Field&& field) {
  const std::uint64_t pairs = in.map();
  for (std::uint64_t i = 0; i < pairs && in.ok(); ++i) {
    const std::string_view name = in.bytes();
    if (in.ok()) field(name);
  }
}

}  // namespace causeway::wire
