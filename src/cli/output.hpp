// How results and errors look, for people and (with --json) for programs.
//
// Standard output holds results only, so that a script can take them as they are; what is said
// about them goes to standard error. With --json there is one object a line on standard output,
// errors included. Numbers that may exceed 2^53 (stamp, origin, sequence, cluster) are strings
// there, since most JSON readers keep doubles.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include <causeway/store.hpp>

namespace causeway::cli {

/// Where a command writes. Owned by `run`.
struct Terminal {
  std::ostream& out;
  std::ostream& err;
  bool as_json = false;

  /// One object on standard output.
  void object(const nlohmann::json& value) const;
  /// One line on standard error; with --json {code, message} on standard output.
  void fail(std::string_view code, const std::string& message) const;
  void fail(const Error& error) const;
};

/// One line whatever it holds: tab, newline, backslash and bytes that no terminal shows are written
/// as \t, \n, \\, \xNN.
[[nodiscard]] std::string one_line(std::string_view text);

/// Sets `object[name]` to `bytes`; where they are no UTF-8, to their base64, and says so in
/// "encoding" (for a value) or NAME_encoding.
void put_bytes(nlohmann::json& object, const std::string& name, std::string_view bytes);

[[nodiscard]] nlohmann::json to_json(const Version& version);
[[nodiscard]] nlohmann::json to_json(const PendingItem& item);
[[nodiscard]] nlohmann::json to_json(const ConflictItem& item);
[[nodiscard]] nlohmann::json to_json(const Status& status);

/// 16 hexadecimal digits, as in tokens.
[[nodiscard]] std::string hex(std::uint64_t number);
/// ORIGIN-SEQUENCE: who wrote it.
[[nodiscard]] std::string writer_of(const Version& version);
/// For people: the stamp's time in UTC, 2026-11-21T02:55:48.791Z. Its counter is left out.
[[nodiscard]] std::string time_of(Stamp stamp);

[[nodiscard]] std::string_view name_of(AwaitResult::State state);
[[nodiscard]] std::string_view name_of(OutcomeResult::State state);
[[nodiscard]] std::string_view name_of(TimeoutReason reason);

}  // namespace causeway::cli
