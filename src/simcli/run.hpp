// All of causeway-sim but the process itself.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "simcli/command_line.hpp"
#include "simcli/worker.hpp"

namespace causeway::simcli {

/// Carries out one command line; `simulate` runs in processes of its own.
/// A signal to stop (SIGINT, SIGTERM) ends it early, with its summary; runs that it cuts off do not
/// count.
[[nodiscard]] ExitCode run(const std::vector<std::string>& arguments, std::ostream& out,
                           std::ostream& err, const Simulate& simulate, const Limits& limits = {});

}  // namespace causeway::simcli
