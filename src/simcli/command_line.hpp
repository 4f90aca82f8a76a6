// A command line as causeway-sim understands it.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "simcli/plans.hpp"

namespace causeway::simcli {

enum class ExitCode : int {
  passed = 0,
  failed = 1,    ///< a rule was broken, a run crashed or hit a bound
  usage = 2,     ///< the command line cannot be used
  stopped = 130  ///< by a signal, before all that was asked for had run
};

struct Invocation {
  std::optional<std::uint64_t> first;  ///< empty: a fresh one
  std::optional<std::uint64_t>
      count;  ///< so many seeds from there on; empty: until the time is over
  std::optional<std::chrono::milliseconds> time;  ///< with an empty count; empty: until stopped
  std::size_t jobs = 1;
  Overrides overrides;
  bool trace = false;
  bool shrink = false;
  bool until_failure = false;
  bool json = false;
  std::string keep_failures;  ///< a file; empty: none
};

/// Reads the arguments behind the program's name. Help and version are printed to `out`; what
/// cannot be used is said in one line on `err`. Both end in an exit code.
[[nodiscard]] std::variant<Invocation, ExitCode> parse_arguments(
    const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err);

}  // namespace causeway::simcli
