// One origin's way through crashes, lost proposals and copied directories, against an obvious state
// machine.
//
// The log is a row of batches that everybody agrees on. A proposal may enter it at any time, in any
// order, also long after its node was killed, or never. A node is the real Journal and the real
// Reconciler, with the owner's part done as the loop does it: an apply thread that answers in
// order, a disk that is durable up to some place. The state machine settles by the rule of design
// 3.2 and counts how often each accepted write took effect: that must be once.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include "base/random.hpp"
#include "crdt/journal.hpp"
#include "reconcile/reconciler.hpp"

namespace causeway::reconcile::test {

using crdt::OfflineWrite;
using crdt::Verdict;
using crdt::VerdictKind;

inline constexpr std::size_t kUnlearntMax = 12;

// ---- the replicated state

struct Batch {
  Origin origin;
  std::uint64_t incarnation = 0;
  Propose propose;
};

struct OriginState {
  Position settled;
  std::map<Sequence, Verdict> unlearnt;
  std::map<Sequence, std::uint64_t> history;  ///< the chain at each settled sequence
};

struct Entry {
  Origin origin;
  Outcome outcome;
  std::map<Origin, OriginState> state;  ///< behind it
};

class Log {
 public:
  void append(const Batch& batch) {
    Entry entry{
        .origin = batch.origin, .outcome = {.index = {entries_.size() + 1}}, .state = state()};
    OriginState& origin = entry.state[batch.origin];
    entry.outcome.follows = batch.propose.follows.through;
    if (batch.propose.follows == origin.settled) apply(batch, entry, origin);
    entry.outcome.settled = origin.settled;
    entries_.push_back(std::move(entry));
  }
  [[nodiscard]] std::map<Origin, OriginState> state() const { return state_at(entries_.size()); }
  [[nodiscard]] std::map<Origin, OriginState> state_at(std::size_t index) const {
    return index == 0 ? std::map<Origin, OriginState>{} : entries_[index - 1].state;
  }
  [[nodiscard]] const Entry& entry(std::size_t index) const { return entries_[index - 1]; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  /// Held by a copy that runs beside its original: each of the two may bring it, nobody can tell
  /// them apart.
  std::set<std::string> shared;
  /// How often a value took effect.
  [[nodiscard]] std::size_t effects_of(const std::string& value) const {
    const auto found = effects_.find(value);
    return found == effects_.end() ? 0 : found->second;
  }

 private:
  void apply(const Batch& batch, Entry& entry, OriginState& origin) {
    entry.outcome.applied = true;
    while (!origin.unlearnt.empty() &&
           origin.unlearnt.begin()->first <= batch.propose.learnt_through) {
      origin.unlearnt.erase(origin.unlearnt.begin());
    }
    std::set<std::string> keys;
    for (const OfflineWrite& item : batch.propose.items) {
      REQUIRE(item.dot.sequence > origin.settled.through);  // in the order in which they were made
      REQUIRE(item.dot.origin == batch.origin);
      REQUIRE(keys.insert(item.key).second);
      Verdict verdict{.sequence = item.dot.sequence,
                      .kind = VerdictKind::won,
                      .winner = {},
                      .replaced_by = {},
                      .reason = {}};
      verdict.winner.revision = entry.outcome.index;
      if (settled_under_old_dot(entry, item)) {
        verdict.kind = VerdictKind::rejected;
      } else {
        const std::string value(item.value.view());
        const std::size_t effects = ++effects_[value];
        REQUIRE(effects <= (shared.contains(value) ? 2 : 1));
      }
      origin.settled = {item.dot.sequence, crdt::chain_after(origin.settled.chain, item)};
      origin.history[item.dot.sequence] = origin.settled.chain;
      origin.unlearnt[item.dot.sequence] = verdict;
      entry.outcome.verdicts.push_back(std::move(verdict));
    }
    REQUIRE(origin.unlearnt.size() <= kUnlearntMax);
  }

  static bool settled_under_old_dot(const Entry& entry, const OfflineWrite& item) {
    const auto old = entry.state.find(item.old_dot.origin);
    if (old == entry.state.end()) return false;
    const auto& history = old->second.history;
    const auto at = history.find(item.old_dot.sequence);
    if (at == history.end()) return false;
    return crdt::is_settled_as(item, at == history.begin() ? 0 : std::prev(at)->second, at->second);
  }

  std::vector<Entry> entries_;
  std::map<std::string, std::size_t> effects_;
};

// ---- a node

using Record = std::variant<OfflineWrite, crdt::Settled>;

/// What a copy of the data directory takes along.
struct Directory {
  Origin origin;
  std::vector<Record> journal;  ///< durable
  std::map<Sequence, OfflineWrite>
      accepted;  ///< that were acknowledged from it: for the test alone
};

class Node {
 public:
  Node(Log& log, std::deque<Batch>& wire, std::uint64_t& last_id, Directory from)
      : log_(log),
        wire_(wire),
        last_id_(last_id),
        disk_(std::move(from.journal)),
        accepted_(std::move(from.accepted)) {
    start(from.origin);
  }

  // ---- what happens to it

  void write(Random& random) {
    const std::string key = "key" + std::to_string(random.below(4));
    if (moving_ || writing_.contains(key)) return;
    std::optional<crdt::PendingWrite> held;
    const Sequence settled = log_.state_at(applied_)[origin()].settled.through;
    for (const auto& [sequence, write] : index_) {
      if (write.key == key && sequence > settled)
        held = {sequence, write.seen, crdt::journal_bytes(write)};
    }
    // Puts that the apply thread has not done yet are known to the loop, which asks behind them.
    const auto write =
        journal_->accept({.key = key, .value = Blob::copy_of("value" + std::to_string(++last_id_))},
                         {++stamp_}, {{applied_}, {}}, Now{}, 1, held);
    REQUIRE(write);
    writing_.insert(key);
    in_flight_.push_back(write.value());
    disk_.emplace_back(write.value());
    tell_written();
  }

  void sync(std::size_t count) {
    for (; count > 0 && durable_ < disk_.size(); --count) {
      const Record& record = disk_[durable_++];
      if (const auto* settled = std::get_if<crdt::Settled>(&record)) {
        apply_queue_.push_back([this, through = settled->through] { free(through); });
      } else {
        const OfflineWrite& write = std::get<OfflineWrite>(record);
        CHECK(write.dot == in_flight_.front().dot);
        in_flight_.pop_front();
        accepted_[write.dot.sequence] = write;
        // Before anybody hears of it; one write of a key at a time.
        apply_queue_.push_back([this, write] {
          index_.erase(write.replaces);
          index_[write.dot.sequence] = write;
          writing_.erase(write.key);
        });
      }
    }
    tell_written();
  }

  void apply_one() {
    if (!apply_queue_.empty()) {
      auto next = std::move(apply_queue_.front());
      apply_queue_.pop_front();
      next();
    }
  }

  void apply_entry() {
    if (given_ >= log_.size()) return;
    ++given_;
    apply_queue_.push_back([this, index = given_] {
      applied_ = index;
      const Entry& entry = log_.entry(index);
      if (entry.origin == origin()) {
        answers_.push_back(
            [this, outcome = entry.outcome] { reconciler_->outcome(now_, outcome, effects_); });
      }
    });
    if (ask_behind_ && *ask_behind_ <= given_) ask_state();
  }

  void hear_one() {
    if (answers_.empty()) return;
    auto next = std::move(answers_.front());
    answers_.pop_front();
    next();
    carry_out();
  }

  void majority(bool reachable) {
    reachable_ = reachable;
    reconciler_->majority(now_, reachable, effects_);
    carry_out();
  }

  void confirm_read() {
    if (!asked_ || !reachable_) return;
    asked_ = false;
    ask_behind_ = log_.size();
    if (*ask_behind_ <= given_) ask_state();
  }

  void sync_mark() {
    if (const auto settled = journal_->free_covered_by({applied_})) disk_.emplace_back(*settled);
  }

  void dropped(std::uint64_t incarnation, BatchId id) {
    if (incarnation != incarnation_) return;
    reconciler_->dropped(now_, id, effects_);
    carry_out();
  }

  void pass_time(Duration time) {
    now_ = now_ + time;
    if (reconciler_->next_deadline() <= now_) reconciler_->tick(now_, effects_);
    carry_out();
  }

  void crash(Random& random) {
    // Any part of what was not synced may have reached the disk.
    disk_.resize(random.between(durable_, disk_.size()));
    start(origin());
  }

  /// A copy of the directory as it stands on the disk.
  [[nodiscard]] Directory image() const {
    Directory copy{origin(),
                   {disk_.begin(), disk_.begin() + static_cast<std::ptrdiff_t>(durable_)},
                   accepted_};
    return copy;
  }

  // ---- what is asked of it

  [[nodiscard]] Origin origin() const { return journal_ ? journal_->origin() : Origin{}; }
  [[nodiscard]] std::uint64_t incarnation() const { return incarnation_; }
  [[nodiscard]] const crdt::Journal& journal() const { return *journal_; }
  [[nodiscard]] const Reconciler& reconciler() const { return *reconciler_; }
  [[nodiscard]] const std::map<Sequence, OfflineWrite>& accepted() const { return accepted_; }
  [[nodiscard]] bool moved() const { return moves_ > 0; }
  [[nodiscard]] bool quiet() const {
    return apply_queue_.empty() && answers_.empty() && durable_ == disk_.size() &&
           given_ == log_.size() && !asked_ && reconciler_->next_deadline() == Instant::never() &&
           journal_->waits_for_mark() == LogIndex{};
  }
  [[nodiscard]] Duration due_in() const { return reconciler_->next_deadline() - now_; }

 private:
  void start(Origin origin) {
    auto journal = std::make_unique<crdt::Journal>(crdt::Journal::Options{.origin = origin});
    for (const Record& record : disk_)
      std::visit([&](const auto& r) { journal->recover(r); }, record);
    const auto live = journal->finish_recovery();
    journal_ = std::move(journal);
    index_.clear();
    for (const Record& record : disk_) {
      const auto* write = std::get_if<OfflineWrite>(&record);
      if (write == nullptr || write->dot.origin != origin) continue;
      accepted_[write->dot.sequence] =
          *write;  // whether or not the caller heard of it: it is there
      if (std::binary_search(live.begin(), live.end(), write->dot.sequence))
        index_[write->dot.sequence] = *write;
    }
    durable_ = disk_.size();
    incarnation_ = ++last_id_;
    // The state restarts at some flushed place; what the journal has learnt was covered by a synced
    // mark.
    given_ = applied_ = applied_ / 2;
    while (log_.state_at(applied_)[origin].settled.through < journal_->learnt_through() &&
           applied_ < log_.size())
      ++applied_;
    given_ = applied_;
    in_flight_.clear();
    writing_.clear();
    apply_queue_.clear();
    answers_.clear();
    asked_ = reachable_ = compared_ = moving_ = false;
    ask_behind_.reset();
    effects_.clear();
    reconciler_ = std::make_unique<Reconciler>(
        Options{.batch_items_max = 3,
                .batches_in_flight_max = 3,
                .unlearnt_max = kUnlearntMax,
                .backoff_min = std::chrono::milliseconds(1),
                .backoff_max = std::chrono::milliseconds(100)},
        Position{journal_->learnt_through(), journal_->learnt_chain()}, journal_->reached());
  }

  void tell_written() {
    const Sequence durable =
        in_flight_.empty() ? journal_->reached() : in_flight_.front().dot.sequence.previous();
    journal_->durable(durable);
    reconciler_->wrote(now_, journal_->reached(), durable, effects_);
    carry_out();
  }

  void ask_state() {
    ask_behind_.reset();
    apply_queue_.push_back([this] {
      OriginState state = log_.state_at(applied_)[origin()];
      Standing standing{state.settled, {applied_}, {}};
      for (auto& [sequence, verdict] : state.unlearnt) standing.unlearnt.push_back(verdict);
      answers_.push_back([this, standing] {
        compared_ = true;
        reconciler_->standing(now_, standing, effects_);
      });
    });
  }

  void list(const List& ask) {
    apply_queue_.push_back([this, ask] {
      std::vector<OfflineWrite> writes;
      auto at = index_.lower_bound(ask.from);
      for (; at != index_.end() && writes.size() < ask.count_max; ++at)
        writes.push_back(at->second);
      const bool end = at == index_.end();
      answers_.push_back(
          [this, ask, writes, end] { reconciler_->listed(now_, ask.id, writes, end, effects_); });
    });
  }

  void free(Sequence through) {
    std::vector<std::uint64_t> hashes;
    std::uint64_t bytes = 0;
    while (!index_.empty() && index_.begin()->first <= through) {
      hashes.push_back(crdt::key_hash(index_.begin()->second.key));
      bytes += crdt::journal_bytes(index_.begin()->second);
      index_.erase(index_.begin());
    }
    answers_.push_back([this, through, hashes, bytes] {
      journal_->freed(through, hashes, bytes);
      reconciler_->learnt(now_, journal_->learnt_through(), effects_);
    });
  }

  void carry_out() {
    reconciler_->check_invariants();
    for (const Decided& decided : effects_.decided) {
      REQUIRE(compared_);
      for (const Verdict& verdict : decided.verdicts) {
        REQUIRE(journal_->verdict(verdict.sequence) == nullptr);  // exactly one
      }
      journal_->settled_in_log(decided.index, decided.settled.through, decided.settled.chain,
                               decided.verdicts);
    }
    if (effects_.proposed_through.value != 0) journal_->proposed(effects_.proposed_through);
    if (effects_.ask) asked_ = true;
    if (effects_.list) list(*effects_.list);
    for (const Propose& propose : effects_.proposals) {
      REQUIRE(compared_);
      for (const OfflineWrite& item : propose.items)
        REQUIRE(accepted_.contains(item.dot.sequence));  // durable
      wire_.push_back({origin(), incarnation_, propose});
    }
    const bool move = effects_.take_new_origin;
    effects_.clear();
    if (move) take_new_origin();
  }

  // In one piece here: the owner first writes all records, then the identity.
  void take_new_origin() {
    ++moves_;
    moving_ = true;
    sync(disk_.size());
    while (!apply_queue_.empty()) apply_one();
    const crdt::Settled learnt = journal_->begin_rewrite();
    std::vector<OfflineWrite> live;
    for (const auto& [sequence, write] : index_) {
      if (sequence > learnt.through) live.push_back(write);
    }
    const Origin fresh{1000 + ++last_id_};
    std::vector<Record> disk{crdt::Settled{fresh, {}, 0, learnt.verdicts}};
    for (const OfflineWrite& write : rebase(std::move(live), fresh, learnt.chain))
      disk.emplace_back(write);
    disk_ = std::move(disk);
    start(fresh);
  }

  Log& log_;
  std::deque<Batch>& wire_;
  std::uint64_t& last_id_;

  std::vector<Record> disk_;
  std::size_t durable_ = 0;
  std::deque<OfflineWrite> in_flight_;
  std::set<std::string> writing_;
  std::map<Sequence, OfflineWrite> accepted_;

  std::unique_ptr<crdt::Journal> journal_;
  std::unique_ptr<Reconciler> reconciler_;
  Effects effects_;
  Instant now_{std::chrono::seconds(1)};
  std::uint64_t incarnation_ = 0;
  std::uint64_t stamp_ = 0;
  bool reachable_ = false;
  bool asked_ = false;
  bool compared_ = false;
  bool moving_ = false;
  int moves_ = 0;
  std::optional<std::size_t> ask_behind_;

  // The apply thread: does one thing after the other, and answers in that order.
  std::map<Sequence, OfflineWrite> index_;
  std::size_t given_ = 0;
  std::size_t applied_ = 0;
  std::deque<std::function<void()>> apply_queue_;
  std::deque<std::function<void()>> answers_;
};

}  // namespace causeway::reconcile::test
