// Texts of others (RocksDB, parsers) as one line, since what a node says to its operator is one
// line each.
#pragma once

#include <string>

namespace causeway::host {

/// Line breaks and other control characters become spaces; those at the end go.
[[nodiscard]] inline std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

}  // namespace causeway::host
