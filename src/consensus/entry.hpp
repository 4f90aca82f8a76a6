// One entry of the Raft log, and the running hash that ties it to everything before it.
//
// Raft's log matching compares index and term alone. That finds every honest difference, but not a
// disk that gave back old bytes or a directory that was copied. So each entry also carries a hash
// over itself and all entries before it: two logs whose hashes agree at an index are the same up to
// there, and a difference is found at the next append (design 3.5).
#pragma once

#include <cstdint>

#include "base/blob.hpp"
#include <causeway/types.hpp>

namespace causeway::consensus {

/// Persisted; numbers are never reused.
enum class EntryKind : std::uint8_t {
  command = 1,        ///< for the state machine; consensus never looks inside
  configuration = 2,  ///< members and bindings; also the no-op that opens a leader's term
};

struct Entry {
  LogIndex index;
  Term term;
  Stamp log_time;  ///< the leader's stamp; strictly increasing along the log (design 3.1)
  EntryKind kind = EntryKind::command;
  Blob payload;
  std::uint64_t hash = 0;  ///< running hash of the log up to and with this entry

  friend bool operator==(const Entry&, const Entry&) = default;
};

/// The running hash behind `entry`, given that of the entry before it (0 before the first). Ignores
/// `entry.hash`.
[[nodiscard]] std::uint64_t running_hash(std::uint64_t previous, const Entry& entry);

/// Where a log stands: what must be known of an entry to append behind it.
struct LogPosition {
  LogIndex index;
  Term term;
  Stamp log_time;
  std::uint64_t hash = 0;

  friend auto operator<=>(const LogPosition&, const LogPosition&) = default;
};

[[nodiscard]] inline LogPosition position_of(const Entry& entry) {
  return {entry.index, entry.term, entry.log_time, entry.hash};
}

}  // namespace causeway::consensus
