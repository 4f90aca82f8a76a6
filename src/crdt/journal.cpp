#include "crdt/journal.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "base/hash.hpp"
#include "crdt/journal_recovery.hpp"

namespace causeway::crdt {
namespace {

// The fixed fields of a journal record and the frame around it, rounded up
// (docs/formats.md#journal-record).
constexpr std::size_t kRecordBytes = 128;

}  // namespace

std::size_t journal_bytes(const OfflineWrite& write) {
  return kRecordBytes + write.key.size() + write.value.size();
}

std::uint64_t key_hash(std::string_view key) { return hash64(key); }

Journal::Journal(Options options)
    : options_(options),
      verdicts_(options.verdicts_max),
      recovery_(std::make_unique<JournalRecovery>()) {
  CAUSEWAY_CHECK(options_.origin.value != 0);
}

Journal::~Journal() = default;
Journal::Journal(Journal&&) noexcept = default;
Journal& Journal::operator=(Journal&&) noexcept = default;

// ---- accepting

bool Journal::may_be_pending(std::string_view key) const {
  return filter_.may_hold(KeyFilter::slot_of(key_hash(key)));
}

Result<OfflineWrite> Journal::accept(Draft draft, Stamp stamp, Seen seen, const Now& now,
                                     std::uint64_t boot_id, std::optional<PendingWrite> held) {
  CAUSEWAY_CHECK(recovery_ == nullptr);
  // The index may not have heard yet that the one it holds is settled.
  if (held && held->sequence <= decided_through_) held.reset();
  // A pending write with a verdict was replaced: the caller's `held` is not current.
  CAUSEWAY_CHECK(!held || verdicts_.find(held->sequence) == nullptr);
  CAUSEWAY_CHECK(!held || held->bytes <= bytes_);
  const bool coalesce = held && may_coalesce(*held);

  OfflineWrite write;
  write.dot = {options_.origin, reached_.next()};
  write.stamp = stamp;
  // Whoever reads here sees the pending write and not what was committed behind it. So a write over
  // it has seen no more than that one had.
  write.seen = held ? held->seen : seen;
  write.key = std::move(draft.key);
  write.value = std::move(draft.value);
  write.deleted = draft.deleted;
  write.boot_id = boot_id;
  write.boot_time_ns = static_cast<std::uint64_t>(now.boot.since_boot.count());
  if (coalesce) write.replaces = held->sequence;
  CAUSEWAY_CHECK(!write.deleted || write.value.empty());

  const std::uint64_t bytes = journal_bytes(write);
  CAUSEWAY_CHECK(bytes <= UINT32_MAX);
  const std::uint64_t bytes_of_others = bytes_ - (coalesce ? held->bytes : 0);
  if (bytes_of_others + bytes > options_.bytes_max) {
    return Error{Errc::journal_full,
                 "this write takes " + std::to_string(bytes) + " bytes and the journal holds " +
                     std::to_string(bytes_) + " of at most " + std::to_string(options_.bytes_max) +
                     ": let it settle (it does so when a majority is reachable), or raise "
                     "--journal-limit"};
  }

  give_out(write.dot.sequence);
  bytes_ = bytes_of_others + bytes;
  undurable_.emplace(write.dot.sequence, stamp);
  if (coalesce) {
    // One record less, one more, and the same key: count and filter stay.
    verdicts_.add(Verdict{.sequence = held->sequence,
                          .kind = VerdictKind::replaced,
                          .winner = {},
                          .replaced_by = write.dot,
                          .reason = {}});
    coalesced_.emplace(write.dot.sequence, Coalesced{held->sequence, held->bytes});
    coalesced_by_.emplace(held->sequence, write.dot.sequence);
  } else {
    ++count_;
    filter_.add(KeyFilter::slot_of(key_hash(write.key)));
  }
  return write;
}

bool Journal::may_coalesce(const PendingWrite& held) const {
  return held.sequence > proposed_through_ && !holds_.contains(held.sequence);
}

void Journal::durable(Sequence through) {
  CAUSEWAY_CHECK(through <= reached_);
  durable_through_ = std::max(durable_through_, through);
  while (!undurable_.empty() && undurable_.begin()->first <= durable_through_) {
    stamps_.add(undurable_.begin()->first, undurable_.begin()->second);
    undurable_.erase(undurable_.begin());
  }
  const Sequence forgotten = asked_at_ ? std::min(*asked_at_, durable_through_) : durable_through_;
  while (!coalesced_.empty() && coalesced_.begin()->first <= forgotten) {
    coalesced_by_.erase(coalesced_.begin()->second.replaced);
    coalesced_.erase(coalesced_.begin());
  }
}

void Journal::undo(const OfflineWrite& write) {
  const Sequence sequence = write.dot.sequence;
  CAUSEWAY_CHECK(sequence > durable_through_);
  const auto coalesced = coalesced_.find(sequence);
  CAUSEWAY_CHECK((coalesced != coalesced_.end()) == (write.replaces.value != 0));
  bytes_ -= journal_bytes(write);
  undurable_.erase(sequence);
  if (coalesced == coalesced_.end()) {
    --count_;
    filter_.remove(KeyFilter::slot_of(key_hash(write.key)));
    return;
  }
  bytes_ += coalesced->second.bytes;
  verdicts_.remove(coalesced->second.replaced);
  coalesced_by_.erase(coalesced->second.replaced);
  coalesced_.erase(coalesced);
  if (left_out_.contains(sequence)) rewrite_again_ = true;
}

void Journal::give_out(Sequence sequence) { reached_ = std::max(reached_, sequence); }

void Journal::proposed(Sequence through) {
  CAUSEWAY_CHECK(through <= reached_);
  proposed_through_ = std::max(proposed_through_, through);
}

void Journal::hold(Sequence sequence) { ++holds_[sequence]; }

void Journal::release(Sequence sequence) {
  const auto held = holds_.find(sequence);
  CAUSEWAY_CHECK(held != holds_.end());
  if (--held->second == 0) holds_.erase(held);
}

// ---- settling

void Journal::settled_in_log(LogIndex index, Sequence through, std::uint64_t chain,
                             std::vector<Verdict> verdicts) {
  CAUSEWAY_CHECK(through >= decided_through_);
  CAUSEWAY_CHECK(through <= reached_);
  CAUSEWAY_CHECK(decided_.empty() || index >= decided_.back().index);
  decided_through_ = through;
  decided_.push_back({index, through, chain});
  for (Verdict& verdict : verdicts) verdicts_.add(std::move(verdict));
}

std::optional<Settled> Journal::free_covered_by(LogIndex mark) {
  if (decided_.empty() || decided_.front().index > mark) return std::nullopt;
  const Sequence after = freeing_.empty() ? learnt_through_ : freeing_.back().through;
  Decided last;
  while (!decided_.empty() && decided_.front().index <= mark) {
    last = decided_.front();
    decided_.pop_front();
  }
  freeing_.push_back(last);
  return Settled{options_.origin, last.through, last.chain,
                 verdicts_.settled_in(after, last.through)};
}

LogIndex Journal::waits_for_mark() const {
  return decided_.empty() ? LogIndex{} : decided_.back().index;
}

void Journal::freed(Sequence through, const std::vector<std::uint64_t>& key_hashes,
                    std::uint64_t bytes) {
  CAUSEWAY_CHECK(!freeing_.empty());
  CAUSEWAY_CHECK(freeing_.front().through == through);
  CAUSEWAY_CHECK(key_hashes.size() <= count_);
  CAUSEWAY_CHECK(bytes <= bytes_);
  learnt_through_ = through;
  learnt_chain_ = freeing_.front().chain;
  freeing_.pop_front();

  count_ -= key_hashes.size();
  bytes_ -= bytes;
  for (const std::uint64_t hash : key_hashes) filter_.remove(KeyFilter::slot_of(hash));
  if (count_ == 0) filter_.clear();
  stamps_.drop_through(through);
}

const Verdict* Journal::verdict(Sequence sequence) const { return verdicts_.find(sequence); }

Journal::Fate Journal::fate(Sequence sequence) const {
  if (sequence.value == 0 || sequence > reached_) return Fate::never_given;
  if (verdicts_.find(sequence) != nullptr) return Fate::decided;
  if (sequence <= decided_through_) return Fate::forgotten;
  if (sequence > recovered_through_ && sequence > verdicts_.forgotten_through())
    return Fate::pending;
  return Fate::ask_index;
}

}  // namespace causeway::crdt
