// What the node does on its own with its offline writes: gives the reconciler what it needs,
// carries its proposals, and frees the journal.
//
//     journal -> reconciler -> proposal -> log -> applier -> verdicts -> journal
//                                                            |
//     a record is freed when: verdict applied here -> a commit mark that covers it is synced
//                             -> `settled` record durable -> index freed
#pragma once

#include <cstdint>
#include <optional>

#include "node/core.hpp"
#include "node/journal_disk.hpp"
#include "node/offline.hpp"
#include "node/raft_disk.hpp"
#include "node/writes.hpp"
#include "reconcile/reconciler.hpp"
#include <causeway/store.hpp>

namespace causeway::node {

class Settling {
 public:
  Settling(const Core& core, JournalDisk& journal_disk, RaftDisk& raft_disk);

  /// Own writes are durable through here.
  void wrote(Turn& turn, Sequence durable);
  /// The ReadIndex for the reconciler's question is confirmed.
  void read_ready(LogIndex index) { ask_behind_ = index; }
  void standing(Turn& turn, kv::SettledState state);
  void listed(Turn& turn, kv::PendingList list);
  void settled(Turn& turn, const kv::SettleResult& result);
  void dropped(Turn& turn, std::uint64_t batch);
  void settled_durable(Turn& turn, Sequence through);
  void freed(Turn& turn, const kv::FreedPending& freed);
  /// More of the journal is durable: a rewriting may go on.
  void page_rewritten(Turn& turn);
  /// A full disk refused what was rewritten.
  void rewrite_refused(Turn& turn);

  /// Once a turn: tells the reconciler the time and whether a majority is reachable, carries out
  /// what it wants, frees what may be freed. `offline_idle`: no offline write is under way.
  void run(Turn& turn, Writes& writes, bool offline_idle);
  /// After the applier was given what is committed.
  void given(Turn& turn);

  [[nodiscard]] Instant next_deadline() const { return reconciler_.next_deadline(); }
  /// Own writes were decided since the last call: `await` may look.
  [[nodiscard]] bool take_decided() { return std::exchange(decided_, false); }
  [[nodiscard]] const VerdictCounts& verdicts() const { return verdicts_; }
  /// So many pending writes were replaced by later ones: a verdict too.
  void replaced(std::uint64_t count) {
    verdicts_.replaced += count;
    decided_ = decided_ || count != 0;
  }
  /// This directory changes its origin: no write is taken until the node has started again.
  [[nodiscard]] bool moving() const { return new_origin_.value != 0; }

 private:
  enum class Paging : std::uint8_t { none, rewriting, moving };

  template <class News>
  void tell(Turn& turn, News&& news);
  void carry_out(Turn& turn, Writes& writes);
  void free_journal(Turn& turn);
  void begin_rewrite(Turn& turn);
  void begin_move(Turn& turn);
  void continue_move(Turn& turn, bool offline_idle);
  void ask_page(Turn& turn);
  void page(Turn& turn, kv::PendingList list);
  void end_paging(Turn& turn);
  /// It has no effect any more.
  void give_up_rewriting(Turn& turn);

  JournalDisk& journal_disk_;
  RaftDisk& raft_disk_;
  reconcile::Reconciler reconciler_;
  reconcile::Effects effects_;
  std::optional<LogIndex> ask_behind_;  ///< ask the state once the applier was given this
  bool decided_ = false;
  VerdictCounts verdicts_;

  // All live records, page by page: to write them once more, or under a new origin.
  Paging paging_ = Paging::none;
  std::uint64_t page_asked_ = 0;  ///< the list that is awaited; answers to earlier ones are ignored
  bool last_page_ = false;
  Sequence paged_through_;
  Sequence durable_;  ///< own writes are durable, and in the index, through here
  Origin new_origin_;
  bool moved_ = false;
  std::uint64_t old_chain_ = 0;  ///< the old origin's chain at paged_through_
};

}  // namespace causeway::node
