#include "crdt/dot.hpp"

#include <charconv>
#include <optional>

namespace causeway::crdt {
namespace {

constexpr std::size_t kOriginDigits = 16;

std::optional<std::uint64_t> number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc{} || rest != end) return std::nullopt;
  return value;
}

std::string digits(std::uint64_t value, int base) {
  char buffer[20];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value, base);
  return {buffer, end};
}

}  // namespace

std::string to_string(Dot dot) {
  const std::string origin = digits(dot.origin.value, 16);
  std::string text(kOriginDigits - origin.size(), '0');
  text += origin;
  text += '-';
  text += digits(dot.sequence.value, 10);
  return text;
}

Result<Dot> parse_dot(std::string_view text) {
  if (text.size() > kOriginDigits + 1) {
    const auto origin = number(text.substr(0, kOriginDigits), 16);
    const auto sequence = number(text.substr(kOriginDigits + 1), 10);
    if (origin && sequence && *origin != 0 && *sequence != 0) {
      const Dot dot{Origin{*origin}, Sequence{*sequence}};
      // One write, one token: other spellings (upper case, leading zeros, another separator) are
      // refused.
      if (to_string(dot) == text) return dot;
    }
  }
  constexpr std::size_t kShown = 40;
  return Error{Errc::invalid, "'" + std::string(text.substr(0, kShown)) +
                                  "' is not a token: 16 hexadecimal digits, '-', a number"};
}

}  // namespace causeway::crdt
