// The apply thread's step object: the replicated state machine, the index of the journal, and local
// reads, over one Table.
//
// All three share the thread and the table so that a read sees a pending write turn into its
// committed successor in one moment. Inputs are handled in the order given; entries of one step are
// applied as one batch of the table, together with the applied index, its term and the running
// hash. What is applied depends on the log alone: same entries, same table, on every node.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/blob.hpp"
#include "crdt/journal.hpp"
#include "crdt/version.hpp"
#include "kv/command.hpp"
#include "kv/table.hpp"
#include <causeway/result.hpp>
#include <causeway/types.hpp>

namespace causeway::kv {

/// What the applier must know of an entry; `configuration` entries move the applied index and
/// nothing else.
struct LogEntry {
  LogIndex index;
  Term term;
  Stamp log_time;
  bool command = true;
  Blob payload;
  std::uint64_t hash = 0;
};

/// How far the state is.
struct AppliedPosition {
  LogIndex index;
  Term term;
  Stamp log_time;
  std::uint64_t hash = 0;
  friend bool operator==(const AppliedPosition&, const AppliedPosition&) = default;
};

// ---- inputs

struct Apply {
  std::vector<LogEntry> entries;
};
/// Reads the committed version, or with `local` the pending write in front of it.
struct Get {
  std::uint64_t id = 0;
  std::string key;
  bool local = false;
};
/// What is pending for this key?
struct FindPending {
  std::uint64_t id = 0;
  std::string key;
};
/// An offline write was accepted: visible to local reads from here on.
struct PutPending {
  crdt::OfflineWrite write;
};
/// Live journal records from `from` on, in sequence order, for proposing, listing or rewriting.
struct ListPending {
  std::uint64_t id = 0;
  Sequence from;
  std::size_t count_max = 0;
  std::size_t bytes_max = 0;
};
/// The journal has freed everything through `through`: forget the records.
struct FreePending {
  Sequence through;
};
/// Where does the state stand with this node's own origin? (settled sequence, chain, verdicts not
/// learnt yet)
struct AskSettled {
  std::uint64_t id = 0;
  bool starts = false;  ///< the newest start of each origin, too
};
/// The superseded list, newest last, from `cursor` on.
struct ListConflicts {
  std::uint64_t id = 0;
  std::uint64_t cursor = 0;
  std::size_t count_max = 0;
  std::size_t bytes_max = 0;
};
/// What became of a consistent write of this origin? `running`: this node's present start. Until
/// its start record is applied here, a start that the state does not know may still stand in the
/// log before it, so the answer for it is `unknown`.
struct FindOutcome {
  std::uint64_t id = 0;
  Incarnation incarnation;
  std::uint64_t number = 0;
  Incarnation running;
};

using Input = std::variant<Apply, Get, FindPending, PutPending, ListPending, FreePending,
                           AskSettled, ListConflicts, FindOutcome>;

// ---- outputs

/// The result of one own consistent write.
struct WriteResult {
  enum class Status : std::uint8_t {
    done = 1,
    mismatch = 2,
    absent = 3 /* delete of an absent key: done, and it was not there */,
    overtaken = 4,
    stale = 5 /* of an earlier start, or below the lowest unanswered */,
    exhausted = 6
  };
  Incarnation incarnation;
  std::uint64_t number = 0;
  Status status = Status::done;
  crdt::StoredVersion version;  ///< done: what was written; mismatch: what stands there
  std::optional<std::string>
      current;     ///< mismatch: the value that stands there; empty: the key is absent
  LogIndex index;  ///< of this entry, also where it only repeats an earlier result
  friend bool operator==(const WriteResult&, const WriteResult&) = default;
};

/// One own settle batch met the state. Void: it did not follow what was settled, or broke a rule of
/// batches (kv/settling.cpp); nothing happened, and no verdict was freed. By which start it was
/// proposed is not judged: sequence and chain say all.
struct SettleResult {
  LogIndex index;
  Incarnation incarnation;  ///< as in the batch
  std::uint64_t number = 0;
  bool applied = false;
  Sequence follows;          ///< as the batch named it
  Sequence settled_through;  ///< of the state, behind this entry
  std::uint64_t settled_chain = 0;
  std::vector<crdt::Verdict> verdicts;
  friend bool operator==(const SettleResult&, const SettleResult&) = default;
};

/// A start of a directory, as the state knows it.
struct OriginStart {
  Origin origin;
  Incarnation incarnation;
  std::uint64_t number = 0;
  friend bool operator==(const OriginStart&, const OriginStart&) = default;
};

/// A start record of this origin was applied, or refused: number too low (`number` is then the one
/// to exceed), or of a start that is over. The newest start's record again is accepted again, and
/// its session goes on.
struct StartResult {
  Incarnation incarnation;
  bool accepted = false;
  std::uint64_t number = 0;
  friend bool operator==(const StartResult&, const StartResult&) = default;
};

struct Applied {
  AppliedPosition position;
  std::vector<WriteResult> writes;            ///< of this node's origin only, in log order
  std::vector<SettleResult> settles;          ///< likewise
  std::vector<StartResult> starts;            ///< likewise
  std::vector<OriginStart> starts_elsewhere;  ///< of other origins, the accepted ones
};

struct GetResult {
  std::uint64_t id = 0;
  std::optional<std::string> value;            ///< empty: absent (or a tombstone)
  std::optional<crdt::StoredVersion> version;  ///< of the value or tombstone; pending: revision 0
  bool pending = false;
  Sequence pending_sequence;  ///< pending: the answer must wait until this write is durable
  LogIndex applied;           ///< the state that was read
};
struct FoundPending {
  std::uint64_t id = 0;
  std::optional<crdt::PendingWrite> held;
};
struct PendingList {
  std::uint64_t id = 0;
  std::vector<crdt::OfflineWrite> writes;
  bool end = false;
};
struct FreedPending {
  Sequence through;
  std::vector<std::uint64_t> key_hashes;
  std::uint64_t bytes = 0;
};
struct SettledState {
  std::uint64_t id = 0;
  Sequence through;
  std::uint64_t chain = 0;
  std::vector<crdt::Verdict> unlearnt;
  std::uint64_t start_number = 0;
  LogIndex applied;
  std::vector<OriginStart> starts;  ///< of each origin the newest, where that was asked
};

/// One row of the superseded list.
struct Conflict {
  std::uint64_t number = 0;  ///< ascending; the cursor
  std::string key;
  crdt::VerdictKind verdict = crdt::VerdictKind::superseded;
  std::string reason;
  crdt::StoredVersion lost;
  std::optional<std::string>
      lost_value;  ///< empty: a delete, or the bytes were dropped to stay within bounds
  bool lost_value_dropped = false;
  crdt::StoredVersion won;               ///< rejected: none
  std::optional<std::string> won_value;  ///< likewise: empty for a delete, or dropped
  bool won_value_dropped = false;
  friend bool operator==(const Conflict&, const Conflict&) = default;
};
struct ConflictList {
  std::uint64_t id = 0;
  std::vector<Conflict> conflicts;
  std::uint64_t cursor = 0;
  bool end = false;
  std::uint64_t dropped = 0;
};
struct OutcomeFound {
  std::uint64_t id = 0;
  enum class State : std::uint8_t {
    unknown,
    done,
    mismatch,
    did_not_happen,
    forgotten
  } state = State::unknown;
};
/// The table failed or an entry cannot be understood: final.
struct Failed {
  Error error;
};

using Output = std::variant<Applied, GetResult, FoundPending, PendingList, FreedPending,
                            SettledState, ConflictList, OutcomeFound, Failed>;

/// How far a step got, and the bytes of values and keys in what it gave.
struct Stepped {
  std::size_t inputs = 0;
  std::size_t bytes = 0;
};

class Applier {
 public:
  /// Reads where the state stands. `own` is this directory's origin. The table outlives the
  /// applier.
  static Result<std::unique_ptr<Applier>> open(Table& table, Origin own);
  virtual ~Applier() = default;

  [[nodiscard]] virtual AppliedPosition position() const = 0;
  /// The greatest stamp in the state.
  [[nodiscard]] virtual Stamp greatest_stamp() const = 0;

  /// Before the first step: forgets the old index of the journal; then one PutPending for each live
  /// record, any order.
  virtual Result<void> clear_pending() = 0;

  /// Handles inputs from the front, and stops where what it gave holds `bytes_max` or more: a
  /// request is small, what it asks for is not. What is left comes again in the next step. An Apply
  /// may be handled in part: it is left then, and what is applied already is passed over.
  /// bytes_max  above 0; one output may go beyond it
  [[nodiscard]] virtual Stepped step(std::span<const Input> inputs, std::size_t bytes_max,
                                     std::vector<Output>& out) = 0;
  /// All of them, whatever comes out.
  void step(const std::vector<Input>& inputs, std::vector<Output>& out) {
    static_cast<void>(step(inputs, std::numeric_limits<std::size_t>::max(), out));
  }
};

}  // namespace causeway::kv
