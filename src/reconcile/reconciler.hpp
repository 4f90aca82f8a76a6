// The reconciler: decides when this node's offline writes go to Raft, and which.
//
// The journal holds what was written alone; the replicated state holds how far this origin has
// settled. Between the two lie crashes, proposals whose fate is unknown, and directories that
// somebody copied. The obvious way, to propose what the journal holds and to forget it when the
// proposal commits, skips writes when one of two batches is lost with a dying leader, settles twice
// when an old proposal commits late, and lets a restored image speak for its original.
//
// So each batch names the position that it continues (sequence and running hash, design 3.2), and
// is void anywhere else. What is left to do here:
//
//     resting ──majority, backoff over──> asking ──state known──> comparing ──equal──> settling
//        ^                                                            │       a batch dropped, │
//        │                                         moved <──different─┘ void, or a stranger's │
//        └───── every batch in flight has its fate ───── draining <───────────────────────────┘
//
//   - resting, asking, comparing: nothing is proposed and no verdict is taken before the state, as
//     of a ReadIndex made after this start, was found to continue this journal.
//   - settling: lists records and proposes them in order, several batches deep; batch n+1 assumes
//     batch n.
//   - draining: one was lost, so those behind it are void; waits for the fate of all, then asks
//     again.
//   - moved: the state holds what this journal never wrote: a restored image, or a clone. The owner
//     takes a new origin.
//
// An entry of the log is matched to a batch in flight by the position that it names, whichever
// start proposed it: of all batches that name one position only one is ever applied, and if it says
// the same as ours it is as good as ours.
//
// Pure: it is told what happened and when, and gives back what to do. It knows "a majority is
// reachable", not Raft.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "crdt/version.hpp"
#include <causeway/types.hpp>

namespace causeway::reconcile {

/// Names one proposed batch; from 1, unique in this incarnation, ascending in the order of
/// proposing.
using BatchId = std::uint64_t;

/// How far an origin has settled: the last settled sequence, and the running hash at it. {0, 0}
/// before the first.
struct Position {
  Sequence through;
  std::uint64_t chain = 0;
  friend bool operator==(const Position&, const Position&) = default;
};

struct Options {
  std::size_t batch_items_max = 512;
  std::size_t batch_bytes_max = 256u << 10;  ///< journalled bytes; one larger record goes alone
  std::size_t batches_in_flight_max = 4;
  std::size_t unlearnt_max = 4096;  ///< how many unlearnt verdicts the state keeps for an origin
  Duration backoff_min = std::chrono::milliseconds(50);
  Duration backoff_max = std::chrono::seconds(5);
};

// ---- what the owner tells

/// Answers `Ask`: where the state stands with this origin, read after a ReadIndex that was begun
/// after the Ask.
struct Standing {
  Position settled;
  LogIndex applied;                     ///< the state that was read
  std::vector<crdt::Verdict> unlearnt;  ///< that the state still keeps, ascending
};

/// A batch of this origin was met in the log, whoever proposed it: this start, an earlier one, a
/// clone.
struct Outcome {
  LogIndex index;
  bool applied = false;  ///< false: void, nothing happened
  Sequence follows;      ///< as the batch names it
  Position settled;      ///< of the state, behind this entry
  std::vector<crdt::Verdict> verdicts;
};

// ---- what the owner must do

/// Make a ReadIndex, apply up to it, and answer with `standing`. Answered exactly once, however
/// long that takes; a read that consensus gives up is made again. At most one is open.
struct Ask {
  friend bool operator==(const Ask&, const Ask&) = default;
};

/// Ask the index for live records from `from` on, ascending: at most `count_max`, and at most
/// `bytes_max` of bytes, but at least one if there is one. Must reach the index behind every
/// PutPending sent so far. Answer with `listed`; `end`: the index held nothing further. Only the
/// answer to the latest counts.
struct List {
  std::uint64_t id = 0;
  Sequence from;
  std::size_t count_max = 0;
  std::size_t bytes_max = 0;
  friend bool operator==(const List&, const List&) = default;
};

/// Encode and propose, in the one counter order of all this node's proposals. Its fate comes back
/// as `outcome` (seen in the log, applied or void) or as `dropped` (certain that it is in no log
/// and never will be).
struct Propose {
  BatchId id = 0;
  Position follows;
  Sequence learnt_through;
  /// Of distinct keys: an entry holds at most one version of a key.
  std::vector<crdt::OfflineWrite> items;
  friend bool operator==(const Propose&, const Propose&) = default;
};

/// Hand to `Journal::settled_in_log`: own writes are decided through here, by the state as of
/// `index`.
struct Decided {
  LogIndex index;
  Position settled;
  std::vector<crdt::Verdict> verdicts;
  friend bool operator==(const Decided&, const Decided&) = default;
};

/// Filled by one or more calls; carried out in the order of its fields, then cleared, by the owner.
struct Effects {
  std::vector<Decided> decided;
  /// Not 0: `Journal::proposed` with it, before another write is accepted. The index is read later,
  /// so what will stand in the list must not be coalesced from now on.
  Sequence proposed_through;
  std::optional<Ask> ask;
  std::optional<List> list;
  std::vector<Propose> proposals;
  /// This directory is a restored image or a clone: take a new origin, `rebase` the journal, make a
  /// new Reconciler.
  bool take_new_origin = false;

  void clear() { *this = {}; }
  [[nodiscard]] bool empty() const { return *this == Effects{}; }
  friend bool operator==(const Effects&, const Effects&) = default;
};

/// One line for traces and tests; empty for empty effects.
[[nodiscard]] std::string to_string(const Effects& effects);

enum class Phase : std::uint8_t { resting, asking, comparing, settling, draining, moved };
[[nodiscard]] std::string_view name_of(Phase phase);

/// Owned by the node's loop; used from one thread; one for each incarnation and origin.
///
/// Invariants:
///   - nothing is proposed, and nothing decided, before a comparison in this incarnation
///   - the batches in flight continue each other without a gap, the first one continues `settled()`
///   - what is proposed was pinned first (not coalesced any more), and listed when all that had
///     been given out by then was durable. Otherwise a list could show a record that one on its way
///     to the disk replaces, or lack one whose successor a crash would still undo; and after that
///     crash the journal's chain would not be the state's.
///   - records in flight, and settled ones that the journal has not learnt durably, are at most
///     `unlearnt_max`
class Reconciler {
 public:
  /// `learnt`: the journal's learnt_through and learnt_chain. `reached`: the last sequence given
  /// out; all that recovery found is durable.
  Reconciler(Options options, Position learnt, Sequence reached);

  /// A majority became reachable, or ceased to be. Repeating what is known does nothing.
  void majority(Instant now, bool reachable, Effects& out);
  /// Sequences through `given_out` were accepted; through `durable` their records are durable (or
  /// undone), and the index was told of them. Neither falls.
  void wrote(Instant now, Sequence given_out, Sequence durable, Effects& out);
  /// Answers `Ask`.
  void standing(Instant now, Standing standing, Effects& out);
  /// Answers the `List` of that id.
  void listed(Instant now, std::uint64_t id, std::vector<crdt::OfflineWrite> records, bool end,
              Effects& out);
  /// For every settle batch of this origin in the log, in log order; in its place among the answers
  /// to `Ask`.
  void outcome(Instant now, Outcome outcome, Effects& out);
  /// This batch never happens. One that is not in flight is ignored.
  void dropped(Instant now, BatchId id, Effects& out);
  /// The journal durably holds all verdicts through here (its `learnt_through`).
  void learnt(Instant now, Sequence through, Effects& out);
  /// Call at or after `next_deadline()`.
  void tick(Instant now, Effects& out);
  /// `Instant::never()` when nothing is due.
  [[nodiscard]] Instant next_deadline() const;

  [[nodiscard]] Phase phase() const { return phase_; }
  /// The position known to be settled, and compared.
  [[nodiscard]] Position settled() const { return settled_; }
  [[nodiscard]] std::size_t batches_in_flight() const { return in_flight_.size(); }
  /// Stops the program where one of the invariants above does not hold; for tests, after each step.
  void check_invariants() const;

 private:
  struct InFlight {
    BatchId id = 0;
    Position follows;
    Position last;  ///< where the state stands if it is applied
    std::size_t items = 0;
  };
  /// Settled records that the journal has not learnt yet, by the position that settled them.
  struct Unlearnt {
    Sequence through;
    std::size_t items = 0;
  };
  /// The comparison under way: the chain is computed from the journal's own records, page by page.
  struct Comparison {
    Standing standing;
    Position computed;
    std::size_t items = 0;
    bool outdated = false;  ///< the state moved meanwhile
  };

  void pump(Instant now, Effects& out);
  [[nodiscard]] bool may_propose() const;
  [[nodiscard]] bool wants_more() const;
  [[nodiscard]] bool may_pin() const;
  [[nodiscard]] bool may_list() const;
  [[nodiscard]] bool in_flight_full() const;
  [[nodiscard]] Sequence looked_through() const;
  void list(Sequence from, std::size_t count_max, Effects& out);
  void propose_staged(Effects& out);

  void take_front(Outcome outcome, Effects& out);
  void decide(LogIndex index, Position settled, std::size_t items,
              std::vector<crdt::Verdict> verdicts, Effects& out);
  void forget(std::deque<InFlight>::iterator batch);
  void drain();
  void rest_when_drained(Instant now);
  void back_off(Instant now);
  [[nodiscard]] Position tip() const;
  [[nodiscard]] std::size_t room() const;

  // comparison.cpp
  void ask(Effects& out);
  void compare(std::vector<crdt::OfflineWrite> records, bool end, Effects& out);
  void finish_comparison(Effects& out);
  void move_out(Effects& out);

  Options options_;
  Phase phase_ = Phase::resting;
  bool reachable_ = false;

  Position settled_;         // compared; the first batch in flight continues it
  Sequence learnt_through_;  // durable in the journal; what the next proposal tells the state
  Sequence given_out_;       // last sequence accepted
  Sequence durable_;         // last sequence whose record is durable
  std::deque<Unlearnt> unlearnt_;
  std::size_t unlearnt_items_ = 0;

  Comparison comparison_;  // valid in phase comparing
  LogIndex compared_at_;   // outcomes up to here are part of what was compared
  std::deque<InFlight> in_flight_;
  std::size_t in_flight_items_ = 0;
  BatchId last_batch_ = 0;

  std::uint64_t last_list_ = 0;
  bool list_open_ = false;   // the list `last_list_` is awaited; answers to older ones are ignored
  Sequence pinned_through_;  // not coalesced up to here: what may be listed to be proposed
  Sequence exhausted_through_;              // the index held nothing more up to here
  std::vector<crdt::OfflineWrite> staged_;  // listed, not proposed yet; at most one list's worth

  std::uint32_t failures_ = 0;  // drains and lost majorities since a batch was applied
  Instant retry_at_;            // nothing is begun before this
  bool waiting_ = false;        // there is work, a majority, and retry_at_ lies ahead
};

/// The records of a journal under a new origin (restored image or clone). Sequences stay, so that
/// the token of an old write is found by its number, and numbers go on from there; each record
/// keeps its old dot, by which the state recognises what the original has settled
/// (crdt::is_settled_as), and the old origin's chain behind it. A record that had changed origin
/// before keeps its latest dot only.
/// records      live ones, ascending; page by page: `chain_start` is then the last `old_chain`
///              of the page before
/// chain_start the old origin's chain where the first page begins: `through` and `chain` of
/// Journal::begin_rewrite
[[nodiscard]] std::vector<crdt::OfflineWrite> rebase(std::vector<crdt::OfflineWrite> records,
                                                     Origin new_origin, std::uint64_t chain_start);

}  // namespace causeway::reconcile
