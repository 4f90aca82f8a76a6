// Little-endian fields written to and read from a place of known size.
//
// base/bytes.hpp grows a string and checks each step. On the way of every write the size is known
// beforehand, and one unchecked pass over one allocation is several times as fast.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace causeway::kv {

/// Writes forward from `out`; the caller owns enough room.
class RawWriter {
 public:
  explicit RawWriter(char* out) : at_(out) {}

  void u8(std::uint8_t v) { *at_++ = static_cast<char>(v); }
  void u32(std::uint32_t v) { fixed(v); }
  void u64(std::uint64_t v) { fixed(v); }
  void bytes(std::string_view v) {
    // memcpy may not be given a null pointer, which an empty view holds.
    if (!v.empty()) std::memcpy(at_, v.data(), v.size());
    at_ += v.size();
  }
  [[nodiscard]] const char* at() const { return at_; }

 private:
  template <class Word>
  void fixed(Word v) {
    if constexpr (std::endian::native == std::endian::little) {
      std::memcpy(at_, &v, sizeof v);
    } else {
      for (std::size_t i = 0; i < sizeof v; ++i) at_[i] = static_cast<char>(v >> (8 * i));
    }
    at_ += sizeof v;
  }

  char* at_;
};

/// Reads forward from `in`; the caller has looked at the size.
class RawReader {
 public:
  explicit RawReader(const char* in) : at_(in) {}

  std::uint8_t u8() { return static_cast<std::uint8_t>(*at_++); }
  std::uint32_t u32() { return fixed<std::uint32_t>(); }
  std::uint64_t u64() { return fixed<std::uint64_t>(); }

 private:
  template <class Word>
  Word fixed() {
    Word v = 0;
    if constexpr (std::endian::native == std::endian::little) {
      std::memcpy(&v, at_, sizeof v);
    } else {
      for (std::size_t i = 0; i < sizeof v; ++i) {
        v |= static_cast<Word>(static_cast<Word>(static_cast<unsigned char>(at_[i])) << (8 * i));
      }
    }
    at_ += sizeof v;
    return v;
  }

  const char* at_;
};

}  // namespace causeway::kv
