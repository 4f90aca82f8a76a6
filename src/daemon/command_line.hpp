// kvd's command line, with the environment and the configuration file behind it.
#pragma once

#include <string>
#include <variant>

#include <causeway/node.hpp>
#include <causeway/result.hpp>

namespace causeway::daemon {

/// --help or --version: print this and end well.
struct Text {
  std::string text;
};

/// errors  invalid: one line that names flag, variable or file, and the way out
[[nodiscard]] Result<std::variant<NodeOptions, Text>> parse_command_line(int count,
                                                                         const char* const* words);

}  // namespace causeway::daemon
