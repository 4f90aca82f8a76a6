// The configuration file of kvd: TOML, the settings as keys at its top level (packaging/kvd.toml is
// the manual).
#pragma once

#include <string>

#include "daemon/settings.hpp"
#include <causeway/result.hpp>

namespace causeway::daemon {

/// Values as text, whatever their type in the file; `cluster` may be a table of ID = "HOST:PORT".
/// errors  invalid: the file cannot be read or parsed, or has an unknown key (file and line)
[[nodiscard]] Result<Values> read_config_file(const std::string& path);

}  // namespace causeway::daemon
