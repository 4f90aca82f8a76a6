// Fixed little-endian layouts to bytes and back, for the records that last (docs/formats.md).
//
// The reader never reads past its end: a short input sets `ok()` to false and yields zeros, so that
// a decoder reads all its fields in one straight line and looks once.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace causeway {

/// `number` with its bytes in the order in which a record has them.
template <class Number>
[[nodiscard]] constexpr Number little_endian(Number number) {
  if constexpr (std::endian::native == std::endian::little) return number;
  Number turned = 0;
  for (std::size_t i = 0; i < sizeof number; ++i, number = static_cast<Number>(number >> 8))
    turned = static_cast<Number>(turned << 8 | (number & 0xff));
  return turned;
}

class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  void u8(std::uint8_t v) { out_.push_back(static_cast<char>(v)); }
  void u16(std::uint16_t v) { number(v); }
  void u32(std::uint32_t v) { number(v); }
  void u64(std::uint64_t v) { number(v); }
  void bytes(std::string_view v) { out_.append(v); }
  /// A 32-bit length, then the bytes.
  void sized(std::string_view v) {
    u32(static_cast<std::uint32_t>(v.size()));
    bytes(v);
  }

 private:
  template <class Number>
  void number(Number v) {
    const Number raw = little_endian(v);
    out_.append(reinterpret_cast<const char*>(&raw), sizeof raw);
  }

  std::string& out_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view in) : in_(in) {}

  std::uint8_t u8() { return number<std::uint8_t>(); }
  std::uint16_t u16() { return number<std::uint16_t>(); }
  std::uint32_t u32() { return number<std::uint32_t>(); }
  std::uint64_t u64() { return number<std::uint64_t>(); }
  std::string_view bytes(std::size_t size) {
    if (size > in_.size()) {
      fail();
      return {};
    }
    const std::string_view taken = in_.substr(0, size);
    in_.remove_prefix(size);
    return taken;
  }
  std::string_view sized() { return bytes(u32()); }
  /// All that is left.
  std::string_view rest() { return bytes(in_.size()); }

  [[nodiscard]] std::size_t left() const { return in_.size(); }
  /// Nothing was read past the end so far.
  [[nodiscard]] bool ok() const { return ok_; }
  /// Nothing was read past the end, and nothing is left over.
  [[nodiscard]] bool done() const { return ok_ && in_.empty(); }

 private:
  template <class Number>
  Number number() {
    Number raw = 0;
    if (sizeof raw > in_.size()) {
      fail();
      return 0;
    }
    std::memcpy(&raw, in_.data(), sizeof raw);
    in_.remove_prefix(sizeof raw);
    return little_endian(raw);
  }
  void fail() {
    ok_ = false;
    in_ = {};
  }

  std::string_view in_;
  bool ok_ = true;
};

}  // namespace causeway
