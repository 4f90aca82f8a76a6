#include "daemon/quantity.hpp"

#include <charconv>
#include <optional>
#include <string>

namespace causeway::daemon {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr Unit kTimes[] = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};

constexpr std::uint64_t kKilo = 1024;
constexpr Unit kSizes[] = {{"", 1},
                           {"b", 1},
                           {"kb", kKilo},
                           {"kib", kKilo},
                           {"mb", kKilo* kKilo},
                           {"mib", kKilo* kKilo},
                           {"gb", kKilo* kKilo* kKilo},
                           {"gib", kKilo* kKilo* kKilo}};

/// Number times unit; empty where it is none, or too large for `max`.
template <std::size_t N>
std::optional<std::uint64_t> parse(std::string_view text, const Unit (&units)[N],
                                   std::uint64_t max) {
  std::uint64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc{}) return std::nullopt;
  std::string unit;
  for (const char* at = end; at != text.data() + text.size(); ++at) {
    unit += *at >= 'A' && *at <= 'Z' ? static_cast<char>(*at - 'A' + 'a') : *at;
  }
  for (const Unit& known : units) {
    if (known.name != unit) continue;
    if (number > max / known.factor) return std::nullopt;
    return number * known.factor;
  }
  return std::nullopt;
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  constexpr std::uint64_t kMax = std::uint64_t{1} << 53;
  const auto ms = parse(text, kTimes, kMax);
  if (!ms) {
    return Error{Errc::invalid, "\"" + std::string(text) +
                                    "\" is no duration: write a whole number and ms, s, m or h, "
                                    "as in 150ms"};
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(*ms));
}

Result<std::uint64_t> parse_size(std::string_view text) {
  const auto bytes = parse(text, kSizes, UINT64_MAX >> 1);
  if (!bytes) {
    return Error{Errc::invalid, "\"" + std::string(text) +
                                    "\" is no size: write a whole number of bytes, or one with "
                                    "KB, MB or GB, as in 64MB"};
  }
  return *bytes;
}

}  // namespace causeway::daemon
