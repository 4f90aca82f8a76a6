#include "reconcile/reconciler.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "base/check.hpp"

namespace causeway::reconcile {

Reconciler::Reconciler(Options options, Position learnt, Sequence reached)
    : options_(options),
      settled_(learnt),
      learnt_through_(learnt.through),
      given_out_(reached),
      durable_(reached) {
  CAUSEWAY_CHECK(learnt.through <= reached);
  CAUSEWAY_CHECK(options_.batch_items_max > 0);
  CAUSEWAY_CHECK(options_.batch_bytes_max > 0);
  CAUSEWAY_CHECK(options_.batches_in_flight_max > 0);
  CAUSEWAY_CHECK(options_.unlearnt_max > 0);
  CAUSEWAY_CHECK(options_.backoff_min > Duration::zero());
  CAUSEWAY_CHECK(options_.backoff_min <= options_.backoff_max);
}

// ---- what was told

void Reconciler::majority(Instant now, bool reachable, Effects& out) {
  if (reachable == reachable_) return;
  reachable_ = reachable;
  if (!reachable) back_off(now);
  pump(now, out);
}

void Reconciler::wrote(Instant now, Sequence given_out, Sequence durable, Effects& out) {
  CAUSEWAY_CHECK(given_out >= given_out_);
  CAUSEWAY_CHECK(durable >= durable_);
  CAUSEWAY_CHECK(durable <= given_out);
  given_out_ = given_out;
  durable_ = durable;
  pump(now, out);
}

void Reconciler::learnt(Instant now, Sequence through, Effects& out) {
  CAUSEWAY_CHECK(through >= learnt_through_);
  CAUSEWAY_CHECK(through <= settled_.through);
  learnt_through_ = through;
  while (!unlearnt_.empty() && unlearnt_.front().through <= through) {
    unlearnt_items_ -= unlearnt_.front().items;
    unlearnt_.pop_front();
  }
  pump(now, out);
}

void Reconciler::listed(Instant now, std::uint64_t id, std::vector<crdt::OfflineWrite> records,
                        bool end, Effects& out) {
  if (!list_open_ || id != last_list_) return;  // asked before a batch was lost
  list_open_ = false;
  if (phase_ == Phase::comparing) {
    compare(std::move(records), end, out);
  } else {
    CAUSEWAY_CHECK(phase_ == Phase::settling);
    const bool reached_pin = !records.empty() && records.back().dot.sequence >= pinned_through_;
    std::erase_if(records, [this](const crdt::OfflineWrite& record) {
      return record.dot.sequence > pinned_through_;  // may still be replaced
    });
    if (end || reached_pin) exhausted_through_ = pinned_through_;
    staged_ = std::move(records);
  }
  pump(now, out);
}

void Reconciler::outcome(Instant now, Outcome outcome, Effects& out) {
  switch (phase_) {
    case Phase::moved: return;
    // The state that will be asked, or answers behind this, holds it already.
    case Phase::resting:
    case Phase::asking: return;
    case Phase::comparing:
      if (outcome.applied && outcome.index > comparison_.standing.applied)
        comparison_.outdated = true;
      return;
    case Phase::settling:
    case Phase::draining: break;
  }
  if (outcome.index <= compared_at_) return;

  // An entry does not say which start proposed it. One of an earlier start that names the same
  // position cannot be told from ours, and need not be: only one of the two is applied, and taking
  // the void one for ours costs a round of asking, nothing else.
  const auto at = std::find_if(in_flight_.begin(), in_flight_.end(), [&](const InFlight& batch) {
    return batch.follows.through == outcome.follows;
  });
  const bool known = at != in_flight_.end();
  if (outcome.applied && known && at == in_flight_.begin() && at->follows == settled_ &&
      at->last == outcome.settled) {
    take_front(std::move(outcome), out);
  } else if (outcome.applied) {
    // The state went where no batch of ours leads. The one of ours that names the same position
    // meets its fate later.
    if (known && at->last == outcome.settled) forget(at);
    drain();
  } else if (known) {
    forget(at);
    drain();
  }
  rest_when_drained(now);
  pump(now, out);
}

void Reconciler::dropped(Instant now, BatchId id, Effects& out) {
  const auto at = std::find_if(in_flight_.begin(), in_flight_.end(),
                               [&](const InFlight& batch) { return batch.id == id; });
  if (at == in_flight_.end()) return;
  forget(at);
  drain();
  rest_when_drained(now);
  pump(now, out);
}

void Reconciler::tick(Instant now, Effects& out) { pump(now, out); }

Instant Reconciler::next_deadline() const { return waiting_ ? retry_at_ : Instant::never(); }

// ---- what to do next

void Reconciler::pump(Instant now, Effects& out) {
  const bool may_begin = phase_ == Phase::resting || may_propose() || may_pin() || may_list();
  waiting_ = reachable_ && may_begin && now < retry_at_;
  if (!reachable_ || !may_begin || waiting_) return;
  if (phase_ == Phase::resting) {
    ask(out);
    return;
  }
  while (may_propose()) propose_staged(out);
  if (may_pin()) {
    pinned_through_ = given_out_;
    out.proposed_through = given_out_;
  }
  if (may_list()) list(tip().through.next(), std::min(options_.batch_items_max, room()), out);
}

bool Reconciler::may_propose() const {
  return phase_ == Phase::settling && !staged_.empty() && !in_flight_full();
}

// There may be records behind the tip, and a batch of them could be on its way at once.
bool Reconciler::wants_more() const {
  return phase_ == Phase::settling && given_out_ > looked_through() && staged_.empty() &&
         !list_open_ && !in_flight_full() && room() > 0;
}

bool Reconciler::may_pin() const { return wants_more() && pinned_through_ <= looked_through(); }

bool Reconciler::may_list() const {
  return wants_more() && pinned_through_ > looked_through() && durable_ >= pinned_through_;
}

bool Reconciler::in_flight_full() const {
  return in_flight_.size() >= options_.batches_in_flight_max;
}

// Records up to here are settled, in flight, or not there.
Sequence Reconciler::looked_through() const { return std::max(tip().through, exhausted_through_); }

void Reconciler::list(Sequence from, std::size_t count_max, Effects& out) {
  list_open_ = true;
  out.list = List{++last_list_, from, count_max, options_.batch_bytes_max};
}

void Reconciler::propose_staged(Effects& out) {
  // An entry holds at most one version of a key, so a second write of a key opens the next batch.
  std::unordered_set<std::string_view> keys;
  auto end = staged_.begin();
  InFlight batch{.id = ++last_batch_, .follows = tip(), .last = tip(), .items = 0};
  for (; end != staged_.end() && keys.insert(end->key).second; ++end) {
    CAUSEWAY_CHECK(end->dot.sequence > batch.last.through);
    CAUSEWAY_CHECK(end->dot.sequence <= pinned_through_);
    batch.last = {end->dot.sequence, crdt::chain_after(batch.last.chain, *end)};
    ++batch.items;
  }
  keys.clear();
  std::vector<crdt::OfflineWrite> items(std::make_move_iterator(staged_.begin()),
                                        std::make_move_iterator(end));
  staged_.erase(staged_.begin(), end);
  out.proposals.push_back({batch.id, batch.follows, learnt_through_, std::move(items)});
  in_flight_items_ += batch.items;
  in_flight_.push_back(batch);
}

// ---- fates

void Reconciler::take_front(Outcome outcome, Effects& out) {
  const InFlight batch = in_flight_.front();
  forget(in_flight_.begin());
  failures_ = 0;
  decide(outcome.index, outcome.settled, batch.items, std::move(outcome.verdicts), out);
}

void Reconciler::decide(LogIndex index, Position settled, std::size_t items,
                        std::vector<crdt::Verdict> verdicts, Effects& out) {
  std::erase_if(verdicts, [this](const crdt::Verdict& verdict) {
    return verdict.sequence <= settled_.through;  // learnt, and the state has not been told yet
  });
  settled_ = settled;
  unlearnt_.push_back({settled.through, items});
  unlearnt_items_ += items;
  out.decided.push_back({index, settled, std::move(verdicts)});
}

void Reconciler::forget(std::deque<InFlight>::iterator batch) {
  in_flight_items_ -= batch->items;
  in_flight_.erase(batch);
}

// A batch is lost, so those behind it are void or will be. Nothing is proposed before the fate of
// each is known, or one that is still on its way could be applied between two of their successors.
void Reconciler::drain() {
  phase_ = Phase::draining;
  staged_.clear();
  list_open_ = false;
  exhausted_through_ = {};
}

void Reconciler::rest_when_drained(Instant now) {
  if (phase_ != Phase::draining || !in_flight_.empty()) return;
  phase_ = Phase::resting;
  back_off(now);
}

void Reconciler::back_off(Instant now) {
  Duration delay = options_.backoff_min;
  for (std::uint32_t i = 0; i < failures_ && delay < options_.backoff_max; ++i) delay *= 2;
  retry_at_ = now + std::min(delay, options_.backoff_max);
  ++failures_;
}

Position Reconciler::tip() const { return in_flight_.empty() ? settled_ : in_flight_.back().last; }

// How many more records may be proposed before the state would have to forget verdicts.
std::size_t Reconciler::room() const {
  const std::size_t taken = unlearnt_items_ + in_flight_items_;
  return taken < options_.unlearnt_max ? options_.unlearnt_max - taken : 0;
}

void Reconciler::check_invariants() const {
  CAUSEWAY_CHECK(learnt_through_ <= settled_.through);
  CAUSEWAY_CHECK(settled_.through <= given_out_);
  CAUSEWAY_CHECK(in_flight_.size() <= options_.batches_in_flight_max);
  std::size_t items = 0;
  Position at = settled_;
  for (const InFlight& batch : in_flight_) {
    if (phase_ == Phase::settling) CAUSEWAY_CHECK(batch.follows == at);
    at = batch.last;
    items += batch.items;
  }
  CAUSEWAY_CHECK(items == in_flight_items_);
  CAUSEWAY_CHECK(in_flight_.empty() || phase_ == Phase::settling || phase_ == Phase::draining);
  CAUSEWAY_CHECK(in_flight_items_ == 0 ||
                 in_flight_items_ + unlearnt_items_ <= options_.unlearnt_max);
}

}  // namespace causeway::reconcile
