// The comparison: does the state, as of a ReadIndex in this incarnation, continue this journal
// (design 3.2)?
//
//     journal:   ... learnt | a  b  c  d  e      the chain is known at `learnt`, then computed
//     state:     ... . . . . . . . . c           sequence and chain as settled
//
// Equal at c: a, b, c are settled and their verdicts stand in the state; d and e are still to be
// proposed. A batch that was lost lies behind c, whoever lost it. Another chain at c, or a sequence
// that was never given out: somebody else wrote as this origin, from the same directory (an image
// that was put back, a clone). Then no verdict is ours.
#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "reconcile/reconciler.hpp"

namespace causeway::reconcile {

void Reconciler::ask(Effects& out) {
  phase_ = Phase::asking;
  out.ask = Ask{};
}

void Reconciler::standing(Instant now, Standing standing, Effects& out) {
  if (phase_ != Phase::asking) return;
  const Sequence through = standing.settled.through;
  // Lower than what was compared before, or learnt: the cluster lost what it had committed (it was
  // restored itself). Nothing can be compared then.
  if (through > given_out_ || through < settled_.through) {
    move_out(out);
    return;
  }
  phase_ = Phase::comparing;
  comparison_ = {
      .standing = std::move(standing), .computed = settled_, .items = 0, .outdated = false};
  if (through == settled_.through) {
    finish_comparison(out);
  } else {
    list(settled_.through.next(), options_.batch_items_max, out);
  }
  pump(now, out);
}

void Reconciler::compare(std::vector<crdt::OfflineWrite> records, bool end, Effects& out) {
  const Sequence through = comparison_.standing.settled.through;
  Position& at = comparison_.computed;
  for (const crdt::OfflineWrite& record : records) {
    if (record.dot.sequence > through) break;
    at = {record.dot.sequence, crdt::chain_after(at.chain, record)};
    ++comparison_.items;
  }
  const bool beyond = !records.empty() && records.back().dot.sequence >= through;
  if (beyond || end || records.empty()) {
    finish_comparison(out);
  } else {
    list(at.through.next(), options_.batch_items_max, out);
  }
}

void Reconciler::finish_comparison(Effects& out) {
  Comparison done = std::exchange(comparison_, {});
  if (done.computed != done.standing.settled) {
    move_out(out);
    return;
  }
  if (done.outdated) {
    // An old batch came through while the chain was computed. Where the state stands now has to be
    // asked again.
    phase_ = Phase::resting;
    return;
  }
  phase_ = Phase::settling;
  compared_at_ = done.standing.applied;
  if (done.items != 0) {
    decide(done.standing.applied, done.standing.settled, done.items,
           std::move(done.standing.unlearnt), out);
  }
}

void Reconciler::move_out(Effects& out) {
  phase_ = Phase::moved;
  out.take_new_origin = true;
}

}  // namespace causeway::reconcile
