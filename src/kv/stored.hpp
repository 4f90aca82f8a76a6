// What stands beside and for a value in the table: versions, verdicts, rows of the superseded list,
// the applied position.
//
// Layouts are drawn in docs/formats.md#state. They are canonical (one value, one encoding), because
// equal states must be equal bytes. Decoders take bytes from a disk: they answer nothing when those
// are damaged, and never fail otherwise.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "crdt/version.hpp"
#include "kv/applier.hpp"
#include <causeway/types.hpp>

namespace causeway::kv {

/// What a row that does not decode, or is missing, is answered with: the table must be rebuilt from
/// another node's.
[[nodiscard]] Error damaged(std::string_view what);

/// A row of `d`: the version, and behind it the value.
[[nodiscard]] std::string encode_stored(const crdt::StoredVersion& version, std::string_view value);

/// A decoded row of `d`, which it owns.
struct Stored {
  crdt::StoredVersion version;
  std::string row;
  std::size_t value_offset = 0;

  [[nodiscard]] std::string_view value() const {
    return std::string_view(row).substr(value_offset);
  }
  /// Nothing for a tombstone.
  [[nodiscard]] std::optional<std::string> take_value() && {
    if (version.tombstone) return std::nullopt;
    row.erase(0, value_offset);
    return std::move(row);
  }
};
[[nodiscard]] std::optional<Stored> decode_stored(std::string row);

[[nodiscard]] std::string encode_verdict(const crdt::Verdict& verdict);
[[nodiscard]] std::optional<crdt::Verdict> decode_verdict(Sequence sequence, std::string_view row);

[[nodiscard]] std::string encode_conflict(const Conflict& conflict);
[[nodiscard]] std::optional<Conflict> decode_conflict(std::uint64_t number, std::string_view row);

/// The row `keys::kApplied`: how far the state is, and the greatest stamp of a version in it.
/// Whoever cuts the log reads it from what the table has flushed.
struct AppliedRow {
  AppliedPosition position;
  Stamp greatest_stamp;
};
[[nodiscard]] std::string encode_applied(const AppliedRow& applied);
[[nodiscard]] std::optional<AppliedRow> decode_applied(std::string_view row);

}  // namespace causeway::kv
