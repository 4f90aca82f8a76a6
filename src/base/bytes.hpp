// Fixed little-endian layouts to bytes and back, for the records that last (docs/formats.md).
//
// The reader never reads past its end: a short input sets `ok()` to false and yields zeros, so that
// a decoder reads all its fields in one straight line and looks once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace causeway {

class ByteWriter {
 public:
  explicit ByteWriter(std::string& out) : out_(out) {}

  void u8(std::uint8_t v) { out_.push_back(static_cast<char>(v)); }
  void u16(std::uint16_t v) { little_endian(v, 2); }
  void u32(std::uint32_t v) { little_endian(v, 4); }
  void u64(std::uint64_t v) { little_endian(v, 8); }
  void bytes(std::string_view v) { out_.append(v); }
  /// A 32-bit length, then the bytes.
  void sized(std::string_view v) {
    u32(static_cast<std::uint32_t>(v.size()));
    bytes(v);
  }

 private:
  void little_endian(std::uint64_t v, int width) {
    char raw[8];
    for (int i = 0; i < width; ++i) raw[i] = static_cast<char>(v >> (8 * i));
    out_.append(raw, static_cast<std::size_t>(width));
  }

  std::string& out_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view in) : in_(in) {}

  std::uint8_t u8() { return static_cast<std::uint8_t>(little_endian(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(little_endian(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(little_endian(4)); }
  std::uint64_t u64() { return little_endian(8); }
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
  std::uint64_t little_endian(std::size_t width) {
    if (width > in_.size()) {
      fail();
      return 0;
    }
    std::uint64_t v = 0;
    for (std::size_t i = 0; i < width; ++i) {
      v |= std::uint64_t{static_cast<std::uint8_t>(in_[i])} << (8 * i);
    }
    in_.remove_prefix(width);
    return v;
  }
  void fail() {
    ok_ = false;
    in_ = {};
  }

  std::string_view in_;
  bool ok_ = true;
};

}  // namespace causeway
