// The journal: a node's durable set of offline writes that Raft has not settled yet. This is its
// part in the loop.
//
// A journal of many small writes does not fit in memory, so the three places that hold it are:
//   - the journal's log (storage), the truth: records of `OfflineWrite` and `Settled`;
//   - an index by key and by sequence in the state's table (on the apply thread), rebuilt at each
//     start;
//   - this object: counters, limits, the newest verdicts, and a filter that says for most keys "not
//     pending" at once.
// It decides and does no I/O: it gives back records to append; the owner says when they are
// durable.
//
// Rules (design 3.2): dots are never reused; only plain writes that were neither proposed nor
// awaited are coalesced; a record is freed only on a verdict that a synced commit mark covers; a
// full journal refuses new writes and never drops old ones.
//
// Rewriting keeps the log's files small. When `wants_rewrite` says so the owner, in this order:
//   1. appends `begin_rewrite()`; what is dropped in the end are files that were complete and
//      durable before that;
//   2. page by page: calls `rewrite_asks`, asks the index for live records, appends those that
//      `rewrite_keeps`;
//   3. when the last of them is durable calls `end_rewrite`, again after each `durable` or `undo`
//      while it says not_yet, and drops those files when it says drop, the oldest first.
// A crash at any moment leaves a log in which JournalRecovery finds the same live records.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "crdt/key_filter.hpp"
#include "crdt/stamp_window.hpp"
#include "crdt/verdict_list.hpp"
#include "crdt/version.hpp"
#include <causeway/result.hpp>
#include <causeway/types.hpp>

namespace causeway::crdt {

class JournalRecovery;

/// Appended to the journal's log when writes are freed: everything through `through` is settled,
/// `chain` is the running hash there.
struct Settled {
  Origin origin;
  Sequence through;
  std::uint64_t chain = 0;
  std::vector<Verdict> verdicts;
  friend bool operator==(const Settled&, const Settled&) = default;
};

/// What the index knows of the newest pending write of a key.
struct PendingWrite {
  Sequence sequence;
  Seen seen;
  std::size_t bytes = 0;  ///< as counted against the journal's limit
  friend bool operator==(const PendingWrite&, const PendingWrite&) = default;
};

/// What an application asks to be written offline.
struct Draft {
  std::string key;
  Blob value;
  bool deleted = false;
};

/// Bytes of one write as counted against `--journal-limit`: what its record takes on disk.
[[nodiscard]] std::size_t journal_bytes(const OfflineWrite& write);

/// Owned by the node's loop; used from one thread. Memory is bounded whatever the journal holds:
/// the filter, at most `verdicts_max` verdicts, and a few words for each batch that waits for its
/// commit mark.
///
/// Invariants: learnt_through() <= decided_through() <= reached(); bytes() <= bytes_max unless
/// recovery found more; reached() never falls, over restarts too.
class Journal {
 public:
  struct Options {
    Origin origin;
    std::uint64_t bytes_max = 256u << 20;
    std::size_t verdicts_max = 4096;  ///< newest verdicts kept for `await`
  };

  /// Fed by recovery with every record of the journal's log, in file order; then `finish_recovery`
  /// once. What was recovered counts as durable: storage has synced it before it is shown here.
  explicit Journal(Options options);
  ~Journal();
  Journal(Journal&&) noexcept;
  Journal& operator=(Journal&&) noexcept;

  void recover(const OfflineWrite& write);  ///< a record may come twice (rewritten forward)
  void recover(const Settled& settled);
  /// The live sequences in ascending order (settled and replaced ones left out): the owner fills
  /// the index with these.
  [[nodiscard]] std::vector<Sequence> finish_recovery();
  /// Records of other origins that recovery met and left aside. Not 0 right after this directory
  /// changed its origin; else the journal was put beside a foreign identity, and the owner must say
  /// so.
  [[nodiscard]] std::uint64_t foreign_records() const { return foreign_records_; }

  /// False: `key` has no pending write for certain. True: ask the index. Bounded memory, no false
  /// negatives.
  [[nodiscard]] bool may_be_pending(std::string_view key) const;

  /// Takes a write: gives it its dot and, over an own pending write, that one's *seen*. The
  /// result's `replaces` says whether the held one is coalesced; that one's verdict is known at
  /// once.
  /// held     what the index says of the key (after may_be_pending). It must be current: when
  ///          another write of this key was accepted since the index was asked, ask again
  /// errors   journal_full: nothing was done
  Result<OfflineWrite> accept(Draft draft, Stamp stamp, Seen seen, const Now& now,
                              std::uint64_t boot_id, std::optional<PendingWrite> held);

  /// Records through here are durable (or undone), and the index was told of them.
  void durable(Sequence through);
  /// The disk refused the record of `write` for good, and nobody was told of it: what it replaced
  /// is pending again. Its sequence stays used.
  void undo(const OfflineWrite& write);

  /// Writes up to `through` are in a proposal or about to be: they are never coalesced from now on.
  void proposed(Sequence through);
  [[nodiscard]] Sequence proposed_through() const { return proposed_through_; }
  /// A call waits for this write: it is not coalesced. Counted; `release` undoes one `hold`.
  void hold(Sequence sequence);
  void release(Sequence sequence);

  /// An entry that settles own writes through `through` was applied at `index`, with these
  /// verdicts. Only what the reconciler has compared (design 3.2): indices and sequences rise.
  void settled_in_log(LogIndex index, Sequence through, std::uint64_t chain,
                      std::vector<Verdict> verdicts);
  /// Commit marks up to `mark` are synced: the record to append, if something can be freed. The
  /// owner tells `freed` when it is durable and the index has forgotten the writes.
  [[nodiscard]] std::optional<Settled> free_covered_by(LogIndex mark);
  /// The greatest index whose mark must be synced before everything settled so far can be freed; 0:
  /// nothing waits.
  [[nodiscard]] LogIndex waits_for_mark() const;
  /// The Settled record through `through` is durable; the index freed `keys` (their hashes) and
  /// `bytes`.
  void freed(Sequence through, const std::vector<std::uint64_t>& key_hashes, std::uint64_t bytes);

  /// The verdict, when it is known and still kept.
  [[nodiscard]] const Verdict* verdict(Sequence sequence) const;
  /// ask_index: pending if the index holds the record, else forgotten (it was replaced, and that
  /// verdict is gone).
  enum class Fate : std::uint8_t { pending, decided, forgotten, never_given, ask_index };
  [[nodiscard]] Fate fate(Sequence sequence) const;

  [[nodiscard]] Origin origin() const { return options_.origin; }
  /// The last sequence given out.
  [[nodiscard]] Sequence reached() const { return reached_; }
  /// Settled through here, as far as `settled_in_log` told.
  [[nodiscard]] Sequence decided_through() const { return decided_through_; }
  /// Settled and durably learnt through here, and the chain at it.
  [[nodiscard]] Sequence learnt_through() const { return learnt_through_; }
  [[nodiscard]] std::uint64_t learnt_chain() const { return learnt_chain_; }
  [[nodiscard]] std::uint64_t count() const { return count_; }  ///< live records
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }  ///< of live records
  /// Of the records still held, or a little more: never less.
  [[nodiscard]] Stamp greatest_stamp() const {
    return undurable_.empty() ? stamps_.greatest()
                              : std::max(stamps_.greatest(), undurable_.rbegin()->second);
  }

  // Rewriting, see above.
  [[nodiscard]] bool wants_rewrite(std::uint64_t bytes_on_disk) const;
  /// The position learnt and the verdicts kept, which would be lost with what is dropped. Every
  /// `Settled` that `free_covered_by` gave so far has been appended before.
  [[nodiscard]] Settled begin_rewrite();
  void rewrite_asks();
  /// False: the index showed a record that has been replaced. Behind its successor in the log it
  /// could outlive that one and come back, so it is left out.
  [[nodiscard]] bool rewrite_keeps(Sequence sequence);
  /// not_yet: the successor of one that was left out is not durable. again: such a successor was
  /// undone, and the record stands only in what was to be dropped: nothing is dropped, the
  /// rewriting is over and may begin anew.
  enum class RewriteEnd : std::uint8_t { not_yet, drop, again };
  [[nodiscard]] RewriteEnd end_rewrite();

 private:
  /// An applied entry that settled own writes.
  struct Decided {
    LogIndex index;
    Sequence through;
    std::uint64_t chain = 0;
  };

  [[nodiscard]] bool may_coalesce(const PendingWrite& held) const;
  void give_out(Sequence sequence);

  Options options_;
  Sequence reached_;           // greatest sequence seen anywhere: no dot is given twice
  Sequence proposed_through_;  // never coalesced up to here
  Sequence decided_through_;
  Sequence learnt_through_;
  std::uint64_t learnt_chain_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t bytes_ = 0;
  std::map<Sequence, std::uint32_t> holds_;
  KeyFilter filter_;  // one count for each live record
  VerdictList verdicts_;
  std::deque<Decided> decided_;          // their marks are not known to be synced
  std::deque<Decided> freeing_;          // their Settled records are on their way
  StampWindow stamps_;                   // of durable records
  std::map<Sequence, Stamp> undurable_;  // of those that may be undone; rising
  Sequence recovered_through_;           // which of these were replaced is not known any more
  std::uint64_t foreign_records_ = 0;
  std::unique_ptr<JournalRecovery> recovery_;  // until finish_recovery

  /// Replaced by a write that may still be undone, or that the page of a rewriting may not show.
  struct Coalesced {
    Sequence replaced;
    std::uint64_t bytes = 0;
  };
  std::map<Sequence, Coalesced> coalesced_;    // by the sequence of the write that replaced it
  std::map<Sequence, Sequence> coalesced_by_;  // the same, the other way round
  Sequence durable_through_;
  std::optional<Sequence> asked_at_;  // rewriting: durable_through_ when the page was asked for
  Sequence left_out_through_;         // rewriting: successors that must be durable before the end
  std::set<Sequence> left_out_;       // rewriting: successors that must not be undone
  bool rewrite_again_ = false;
};

/// The hash by which the filter and the loop name a key.
[[nodiscard]] std::uint64_t key_hash(std::string_view key);

}  // namespace causeway::crdt
