// What the operating system said, as an Error: which file, what was tried, why it failed.
#pragma once

#include <string_view>

#include <causeway/result.hpp>

namespace causeway::host {

/// `disk_full` for lack of space or quota, else `io`; the detail reads `cannot WHAT NAME: REASON`.
/// number  an errno value
[[nodiscard]] Error system_error(std::string_view what, std::string_view name, int number);

}  // namespace causeway::host
