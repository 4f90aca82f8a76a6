// The replicated state machine's parts together, and what one command does to them.
//
// The functions here are told what to do and never decide whether: applier.cpp does (order of
// entries, batches, failures). An error means that the table failed or is damaged: half an entry
// may stand in `changes`, which must then not be written.
#pragma once

#include "kv/applier.hpp"
#include "kv/changes.hpp"
#include "kv/command.hpp"
#include "kv/conflicts.hpp"
#include "kv/origins.hpp"
#include "kv/pending_index.hpp"
#include "kv/stored.hpp"
#include <causeway/result.hpp>
#include <causeway/types.hpp>

namespace causeway::kv {

struct State {
  State(Table& table, Origin own_origin) : changes(table), own(own_origin) {}

  Changes changes;
  Origins origins;
  Conflicts conflicts;
  PendingIndex pending;
  Origin own;
  Stamp greatest_stamp;  ///< of all versions in the table
};

/// The committed value of a user's key, or its tombstone.
[[nodiscard]] Result<std::optional<Stored>> read_committed(State& state, std::string_view key);
/// Writes a version of a user's key.
void write_committed(State& state, std::string_view key, const crdt::StoredVersion& version,
                     std::string_view value);

/// A consistent set, delete or swap (kv/writing.cpp).
[[nodiscard]] Result<WriteResult> apply_write(State& state, const LogEntry& entry,
                                              const Write& write);
/// A batch of offline writes (kv/settling.cpp).
[[nodiscard]] Result<SettleResult> apply_settle(State& state, const LogEntry& entry,
                                                const Settle& batch);
[[nodiscard]] StartResult apply_start(State& state, const Start& start);

/// What became of a consistent write of the own origin (kv/writing.cpp).
[[nodiscard]] Result<OutcomeFound> find_outcome(State& state, const FindOutcome& ask);

}  // namespace causeway::kv
