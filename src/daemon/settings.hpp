// The settings of kvd, each named once: flag, environment variable and key of the configuration
// file come from this one table.
//
// A flag beats the environment, the environment beats the file. All three give text, which `apply`
// turns into NodeOptions; what a value may be beyond its form is checked by the node itself.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>

#include <causeway/node.hpp>
#include <causeway/result.hpp>

namespace causeway::daemon {

struct Setting {
  std::string_view name;  ///< `data-dir`: the flag --data-dir, CAUSEWAY_DATA_DIR, the key data-dir
  std::string_view placeholder;  ///< for the help
  std::string_view help;
  Result<void> (*apply)(NodeOptions& options, std::string_view value);
  bool bytes = false;  ///< a size: in the file a plain number will do
};

inline constexpr std::size_t kSettingCount = 11;
[[nodiscard]] const std::array<Setting, kSettingCount>& settings();

/// nullptr: no such setting.
[[nodiscard]] const Setting* find_setting(std::string_view name);

/// `CAUSEWAY_DATA_DIR` of `data-dir`.
[[nodiscard]] std::string environment_name(std::string_view setting);

/// Values by setting name.
using Values = std::map<std::string, std::string, std::less<>>;

/// What the environment says; an empty variable counts as none.
/// errors  invalid: a variable of a setting that this version does not have yet
[[nodiscard]] Result<Values> from_environment();

/// errors  invalid: names `source` (a flag, a variable, a file) and the setting
[[nodiscard]] Result<void> apply(NodeOptions& options, const Setting& setting,
                                 std::string_view value, std::string_view source);

}  // namespace causeway::daemon
