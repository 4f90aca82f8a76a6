// Versions and the rule by which two writes of one key are ordered (design 3.2).
//
// A last-writer-wins register (Shapiro et al. 2011) keeps the greater stamp. That alone loses
// writes that were made with knowledge of what they overwrite, whenever a clock is wrong. So each
// offline write says what its node had *seen*: over what was seen it is plain succession, and only
// writes that had not seen each other are ordered by (stamp, origin, sequence).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/blob.hpp"
#include <causeway/types.hpp>

namespace causeway::crdt {

/// Persisted; numbers are never reused.
enum class WriteKind : std::uint8_t { consistent = 1, offline = 2 };

/// What the store keeps beside a value, or in place of one (tombstone).
struct StoredVersion {
  LogIndex revision;
  Stamp stamp;    ///< consistent: log time of its entry; offline: as applied
  Origin origin;  ///< the node that took the write
  Sequence
      sequence;  ///< offline: its dot's; consistent: the sequence reached there when it was taken
  WriteKind kind = WriteKind::consistent;
  bool tombstone = false;
  std::uint64_t session = 0;     ///< the client session it came under; 0: the node's own
  std::uint64_t expires_ms = 0;  ///< 0: never
  friend bool operator==(const StoredVersion&, const StoredVersion&) = default;
};

/// The applied index and its log time at the node when an offline write was made.
struct Seen {
  LogIndex index;
  Stamp log_time;
  friend bool operator==(const Seen&, const Seen&) = default;
};

/// One offline write, as accepted, journalled and proposed. The journal's record and the log's
/// settle batch carry these very fields.
struct OfflineWrite {
  Dot dot;
  Stamp stamp;  ///< as made; what is applied is the lesser of it and its entry's log time
  Seen seen;
  std::string key;
  Blob value;  ///< empty for a delete
  bool deleted = false;
  std::uint64_t expires_ms = 0;  ///< reserved: 0
  std::uint64_t boot_id = 0;     ///< which boot of the machine made it
  std::uint64_t boot_time_ns =
      0;  ///< CLOCK_BOOTTIME when made, so that a wrong wall clock can be corrected by age
  Sequence
      replaces;  ///< journal only: the coalesced write that this one stands in place of; 0: none
  // A record that changed origin (restored image, clone) keeps the dot it had, and the old origin's
  // chain at it (behind this record); {0,0} otherwise.
  Dot old_dot;
  std::uint64_t old_chain = 0;
  friend bool operator==(const OfflineWrite&, const OfflineWrite&) = default;
};

/// The running hash of what an origin settled: XXH3 chain over sequence, kind, key and value as
/// journalled. It starts at 0.
[[nodiscard]] std::uint64_t chain_after(std::uint64_t chain, const OfflineWrite& write);

/// Is `item`, which came under another dot before, the very write that took that origin's chain
/// from `before` to `at`? `at` stands in the state's history for `item.old_dot.sequence`, `before`
/// for the one settled before it. `item.old_chain` does not answer that: the original went on
/// coalescing after the copy was made, so that the copy's journal may hold more records in between
/// than ever settled, and its chain differs though the write is the same.
[[nodiscard]] bool is_settled_as(const OfflineWrite& item, std::uint64_t before, std::uint64_t at);

/// How an offline write settled. Persisted; numbers are never reused.
enum class VerdictKind : std::uint8_t { won = 1, superseded = 2, rejected = 3, replaced = 4 };

struct Verdict {
  Sequence sequence;
  VerdictKind kind = VerdictKind::won;
  StoredVersion winner;  ///< won: its own version; superseded: what stands in its place
  Dot replaced_by;       ///< replaced
  std::string reason;    ///< rejected
  friend bool operator==(const Verdict&, const Verdict&) = default;
};

/// What becomes of `item` when it meets the committed version of its key.
struct Meeting {
  bool item_wins = false;
  bool succession = false;  ///< it had seen what it overwrites: nobody lost
  Stamp stamp;              ///< item_wins: the stamp to apply
};

/// The version rule of design 3.2. The stamps of a key's versions strictly rise as they are
/// applied, and none exceeds the log time of its entry. committed empty where the key never had a
/// version (dropped tombstones are the caller's matter)
/// log_time of the entry that carries `item`; above every stamp in the state, so an entry names a
/// key only once
[[nodiscard]] Meeting meet(const OfflineWrite& item, const std::optional<StoredVersion>& committed,
                           Stamp log_time);

}  // namespace causeway::crdt
