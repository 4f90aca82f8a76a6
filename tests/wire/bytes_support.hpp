// What the tests of formats share: bytes as hex, and every small damage of a good record.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>

namespace causeway::wire::test {

inline std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

/// Hex digits to bytes. Spaces are for the reader; 'text' stands for its own bytes.
inline std::string bytes(std::string_view hex) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    throw std::invalid_argument("no hex digit");
  };
  std::string out;
  for (std::size_t i = 0; i < hex.size(); ++i) {
    if (hex[i] == ' ') continue;
    if (hex[i] == '\'') {
      const std::size_t end = hex.find('\'', i + 1);
      out += hex.substr(i + 1, end - i - 1);
      i = end;
      continue;
    }
    out += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
    ++i;
  }
  return out;
}

/// Calls `check(damaged)` with every proper prefix of `good`.
template <class Check>
void each_truncation(std::string_view good, Check&& check) {
  for (std::size_t size = 0; size < good.size(); ++size) check(std::string(good.substr(0, size)));
}

/// Calls `check(damaged)` with `good` after each change of a single bit.
template <class Check>
void each_flipped_bit(std::string_view good, Check&& check) {
  for (std::size_t i = 0; i < 8 * good.size(); ++i) {
    std::string damaged(good);
    damaged[i / 8] = static_cast<char>(damaged[i / 8] ^ (1 << (i % 8)));
    check(damaged);
  }
}

}  // namespace causeway::wire::test
