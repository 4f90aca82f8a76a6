// Bytes as text: is it UTF-8, and base64 (RFC 4648) where it is not.
#pragma once

#include <string>
#include <string_view>

namespace causeway::cli {

/// Well-formed as RFC 3629 has it: no surrogates, no overlong forms, nothing beyond U+10FFFF.
[[nodiscard]] bool is_utf8(std::string_view bytes);

[[nodiscard]] std::string base64(std::string_view bytes);

}  // namespace causeway::cli
