// What a node says to its operator: lines on standard error.
#pragma once

#include <memory>
#include <string_view>

#include "node/loop.hpp"

namespace causeway::host {

/// Any thread. One per node: several nodes in one process each have their own level and name.
class Log {
 public:
  using Level = node::LogLine::Level;

  /// level   trace, debug, info, warn, error or off
  /// name    stands in each line
  Log(std::string_view name, std::string_view level);
  ~Log();

  void write(Level level, std::string_view text);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace causeway::host
