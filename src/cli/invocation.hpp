// A command line as kvcli understands it.
#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "cli/exit_code.hpp"
#include <causeway/options.hpp>

namespace causeway::cli {

enum class Command : std::uint8_t {
  get,
  set,
  del,
  swap,
  pending,
  conflicts,
  await,
  outcome,
  status
};

struct Invocation {
  Command command = Command::status;
  std::vector<std::string> servers;
  bool inconsistent = false;
  std::optional<std::chrono::milliseconds> timeout;  ///< empty: blocks until it is decided
  InDoubt in_doubt = InDoubt::report;
  bool json = false;

  std::string key;                      ///< get, set, del, swap
  std::string value;                    ///< set; swap: the new one
  bool value_from_input = false;        ///< set: it is read from standard input
  std::optional<std::string> expected;  ///< swap: the old value; empty: the key must be absent
  bool raw = false;                     ///< get: no newline behind the value
  std::string id;                       ///< await: the token; outcome: the operation
  bool all = false;                     ///< status: of all members
};

/// Reads the arguments behind the program's name. Help and version are printed to `out`; what
/// cannot be used is said in one line on `err`, and with --json as an object on `out`. Both end in
/// an exit code. `default_servers` is the content of CAUSEWAY_SERVER; empty: not set.
[[nodiscard]] std::variant<Invocation, ExitCode> parse_arguments(
    const std::vector<std::string>& arguments, const std::string& default_servers,
    std::ostream& out, std::ostream& err);

/// `150ms`, `5s`, `2m`, `1h`. Empty: it is none of these.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace causeway::cli
