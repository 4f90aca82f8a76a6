// Texts that go into messages for people, made safe: what a stranger sent is quoted short and
// plain.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace causeway::wire {

/// At most `bytes_max` bytes of printable ASCII: anything else becomes '?', what is cut off "...".
/// So it is one line of a log, and UTF-8 whatever it was.
[[nodiscard]] std::string printable(std::string_view text, std::size_t bytes_max);

/// printable(), at most 40 bytes, between double quotes.
[[nodiscard]] std::string quoted(std::string_view text);

/// "a, b, c"
[[nodiscard]] std::string listed(std::span<const std::string_view> names);

}  // namespace causeway::wire
