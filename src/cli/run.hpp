// kvcli as a function, so that tests run it without a process.
#pragma once

#include <chrono>
#include <iosfwd>
#include <string>
#include <vector>

namespace causeway::cli {

/// Carries out one command line. `arguments` are those behind the program's name; `default_servers`
/// the content of CAUSEWAY_SERVER, empty where it is not set.
/// patience   after so long a call that may wait for ever says once that it does
/// returns    the exit code (exit_code.hpp)
[[nodiscard]] int run(const std::vector<std::string>& arguments, const std::string& default_servers,
                      std::istream& in, std::ostream& out, std::ostream& err,
                      std::chrono::milliseconds patience = std::chrono::seconds(5));

}  // namespace causeway::cli
