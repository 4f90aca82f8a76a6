#include "node/settling.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "kv/command.hpp"

namespace causeway::node {
namespace {

constexpr std::size_t kPageItems = 512;
constexpr std::size_t kPageBytes = 256 << 10;
// Tells pages from the reconciler's lists, which are numbered from 1.
constexpr std::uint64_t kPageBit = std::uint64_t{1} << 55;

void count(VerdictCounts& counts, crdt::VerdictKind kind) {
  switch (kind) {
    case crdt::VerdictKind::won: ++counts.won; break;
    case crdt::VerdictKind::superseded: ++counts.superseded; break;
    case crdt::VerdictKind::rejected: ++counts.rejected; break;
    case crdt::VerdictKind::replaced: ++counts.replaced; break;
  }
}

// Where a majority came and went, it rests at last for less than the ten election timeouts after
// which a calm majority must serve: what waits for a pending write waits for this, too.
reconcile::Options options_of(const Options& options) {
  reconcile::Options reconciler;
  reconciler.backoff_max = std::min(reconciler.backoff_max, 5 * options.election_timeout);
  return reconciler;
}

}  // namespace

Settling::Settling(const Core& core, JournalDisk& journal_disk, RaftDisk& raft_disk)
    : journal_disk_(journal_disk),
      raft_disk_(raft_disk),
      reconciler_(options_of(core.options),
                  {.through = core.journal.learnt_through(), .chain = core.journal.learnt_chain()},
                  core.journal.reached()),
      durable_(core.journal.reached()) {}

// The reconciler may pin with every piece of news: it must know all that was accepted by then, and
// what it pins must not be coalesced by a write that comes later in the same turn. Otherwise it
// would propose a record that the journal says is replaced, and after a crash the node would not
// know its own chain in the state.
template <class News>
void Settling::tell(Turn& turn, News&& news) {
  reconciler_.wrote(turn.now.mono, turn.core.journal.reached(), durable_, effects_);
  news();
  if (effects_.proposed_through.value != 0) turn.core.journal.proposed(effects_.proposed_through);
}

void Settling::wrote(Turn& turn, Sequence durable) {
  durable_ = durable;
  tell(turn, [] {});
}

void Settling::standing(Turn& turn, kv::SettledState state) {
  tell(turn, [&] {
    reconciler_.standing(turn.now.mono,
                         {.settled = {.through = state.through, .chain = state.chain},
                          .applied = state.applied,
                          .unlearnt = std::move(state.unlearnt)},
                         effects_);
  });
}

void Settling::listed(Turn& turn, kv::PendingList list) {
  const std::uint64_t id = number_of(list.id);
  if ((id & kPageBit) != 0) return page(turn, std::move(list));
  tell(turn,
       [&] { reconciler_.listed(turn.now.mono, id, std::move(list.writes), list.end, effects_); });
}

void Settling::settled(Turn& turn, const kv::SettleResult& result) {
  tell(turn, [&] {
    reconciler_.outcome(
        turn.now.mono,
        {.index = result.index,
         .applied = result.applied,
         .follows = result.follows,
         .settled = {.through = result.settled_through, .chain = result.settled_chain},
         .verdicts = result.verdicts},
        effects_);
  });
}

void Settling::dropped(Turn& turn, std::uint64_t batch) {
  tell(turn, [&] { reconciler_.dropped(turn.now.mono, batch, effects_); });
}

void Settling::settled_durable(Turn& turn, Sequence through) {
  turn.out.applier.push_back(kv::FreePending{through});
}

void Settling::freed(Turn& turn, const kv::FreedPending& freed) {
  turn.core.journal.freed(freed.through, freed.key_hashes, freed.bytes);
  tell(turn,
       [&] { reconciler_.learnt(turn.now.mono, turn.core.journal.learnt_through(), effects_); });
}

void Settling::run(Turn& turn, Writes& writes, bool offline_idle) {
  tell(turn, [&] {
    reconciler_.majority(
        turn.now.mono,
        turn.core.phase == Phase::serving && turn.core.raft.majority_reachable(turn.now), effects_);
    if (reconciler_.next_deadline() <= turn.now.mono) reconciler_.tick(turn.now.mono, effects_);
  });
  carry_out(turn, writes);
  free_journal(turn);
  continue_move(turn, offline_idle);
  if (paging_ == Paging::none && !moving() && journal_disk_.can_shrink(turn.now.mono) &&
      turn.core.journal.wants_rewrite(journal_disk_.bytes_on_disk())) {
    begin_rewrite(turn);
  }
}

void Settling::given(Turn& turn) {
  if (!ask_behind_ || *ask_behind_ > raft_disk_.given()) return;
  ask_behind_.reset();
  turn.out.applier.push_back(kv::AskSettled{.id = tagged(Asker::settling, turn.core.fresh())});
}

void Settling::carry_out(Turn& turn, Writes& writes) {
  Core& core = turn.core;
  for (reconcile::Decided& decided : effects_.decided) {
    for (const crdt::Verdict& verdict : decided.verdicts) count(verdicts_, verdict.kind);
    core.journal.settled_in_log(decided.index, decided.settled.through, decided.settled.chain,
                                std::move(decided.verdicts));
    decided_ = true;
  }
  if (effects_.ask) core.raft.read(turn.now, tagged(Asker::settling, core.fresh()), core.raft_out);
  if (effects_.list) {
    turn.out.applier.push_back(kv::ListPending{.id = tagged(Asker::settling, effects_.list->id),
                                               .from = effects_.list->from,
                                               .count_max = effects_.list->count_max,
                                               .bytes_max = effects_.list->bytes_max});
  }
  for (reconcile::Propose& propose : effects_.proposals) {
    writes.offline_proposed(turn, propose.items);
    const kv::Settle settle{.origin = core.journal.origin(),
                            .incarnation = core.options.incarnation,
                            .number = propose.id,
                            .follows = propose.follows.through,
                            .chain = propose.follows.chain,
                            .learnt_through = propose.learnt_through,
                            .items = std::move(propose.items)};
    core.raft.propose(turn.now, tagged(Asker::settling, propose.id), kv::encode(settle),
                      std::nullopt, core.raft_out);
  }
  const bool move = effects_.take_new_origin;
  effects_.clear();
  if (move) begin_move(turn);
}

void Settling::free_journal(Turn& turn) {
  raft_disk_.sync_mark(turn, turn.core.journal.waits_for_mark());
  while (const auto record = turn.core.journal.free_covered_by(raft_disk_.synced_mark()))
    journal_disk_.settled(*record);
}

void Settling::begin_rewrite(Turn& turn) {
  paging_ = Paging::rewriting;
  paged_through_ = turn.core.journal.learnt_through();
  journal_disk_.begin_rewrite(turn.core.journal.begin_rewrite());
  ask_page(turn);
}

// A restored image or a clone: what the state holds under this origin is not this journal's. All
// live records are written once more under a new origin, then the identity file names it, then the
// node starts again: a crash on the way leaves the old origin in force and nothing lost.
void Settling::begin_move(Turn& turn) {
  turn.log(LogLine::Level::warn,
           "this data directory is a copy, or was restored from one: it takes a new origin, and "
           "does not vote any more");
  give_up_rewriting(turn);
  new_origin_ = {turn.core.random.id()};
}

void Settling::continue_move(Turn& turn, bool offline_idle) {
  if (!moving() || moved_ || paging_ != Paging::none) return;
  // Writes that came through the door before stand in the index only once they are durable; and
  // what is on its way to be freed goes first, or the chain could not be computed from
  // learnt_through on.
  const crdt::Journal& journal = turn.core.journal;
  if (!offline_idle || durable_ != journal.reached() ||
      journal.decided_through() != journal.learnt_through())
    return;
  moved_ = true;
  paging_ = Paging::moving;
  paged_through_ = turn.core.journal.learnt_through();
  old_chain_ = turn.core.journal.learnt_chain();
  ask_page(turn);
}

void Settling::ask_page(Turn& turn) {
  page_asked_ = tagged(Asker::settling, kPageBit | turn.core.fresh());
  last_page_ = false;
  if (paging_ == Paging::rewriting) turn.core.journal.rewrite_asks();
  turn.out.applier.push_back(kv::ListPending{.id = page_asked_,
                                             .from = paged_through_.next(),
                                             .count_max = kPageItems,
                                             .bytes_max = kPageBytes});
}

void Settling::page(Turn& turn, kv::PendingList list) {
  if (list.id != page_asked_) return;  // its rewriting ended meanwhile
  page_asked_ = 0;
  last_page_ = list.end;
  bool wrote = false;
  if (!list.writes.empty()) paged_through_ = list.writes.back().dot.sequence;
  if (paging_ == Paging::moving) {
    const auto moved = reconcile::rebase(std::move(list.writes), new_origin_, old_chain_);
    for (const crdt::OfflineWrite& write : moved) {
      old_chain_ = write.old_chain;
      journal_disk_.rewrite(write);
      wrote = true;
    }
  } else {
    for (const crdt::OfflineWrite& write : list.writes) {
      if (!turn.core.journal.rewrite_keeps(write.dot.sequence)) continue;
      journal_disk_.rewrite(write);
      wrote = true;
    }
  }
  if (!wrote) page_rewritten(turn);
}

void Settling::page_rewritten(Turn& turn) {
  if (paging_ == Paging::none || page_asked_ != 0 || !journal_disk_.rewrites_durable()) return;
  if (last_page_) {
    end_paging(turn);
  } else {
    ask_page(turn);
  }
}

void Settling::end_paging(Turn& turn) {
  if (paging_ == Paging::moving) {
    paging_ = Paging::none;
    turn.out.new_origin = new_origin_;
    return;
  }
  using End = crdt::Journal::RewriteEnd;
  const End end = turn.core.journal.end_rewrite();
  if (end == End::not_yet) return;  // again when more is durable
  paging_ = Paging::none;
  if (end == End::drop) journal_disk_.drop_rewritten(turn);
}

void Settling::rewrite_refused(Turn& turn) {
  if (paging_ == Paging::moving) {
    turn.out.failed = Error{Errc::disk_full,
                            "this copied data directory needs space to move its journal to a new "
                            "origin: free some and start it again"};
  }
  give_up_rewriting(turn);
}

void Settling::give_up_rewriting(Turn& turn) {
  if (paging_ == Paging::rewriting) static_cast<void>(turn.core.journal.end_rewrite());
  paging_ = Paging::none;
  page_asked_ = 0;
}

}  // namespace causeway::node
