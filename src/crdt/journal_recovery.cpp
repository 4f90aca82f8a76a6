#include "crdt/journal_recovery.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "crdt/journal.hpp"

namespace causeway::crdt {

void SequenceSet::insert(Sequence sequence) {
  const std::uint64_t bit = sequence.value % kChunkBits;
  chunks_[sequence.value / kChunkBits][bit / 64] |= std::uint64_t{1} << (bit % 64);
}

bool SequenceSet::contains(Sequence sequence) const {
  const auto chunk = chunks_.find(sequence.value / kChunkBits);
  if (chunk == chunks_.end()) return false;
  const std::uint64_t bit = sequence.value % kChunkBits;
  return ((chunk->second[bit / 64] >> (bit % 64)) & 1) != 0;
}

void JournalRecovery::write(const Live& record) {
  if (record.sequence <= settled_through_ || replaced_.contains(record.sequence)) return;
  records_.push_back(record);
  if (records_.size() >= compact_at_) {
    compact();
    compact_at_ = std::max(compact_at_, 2 * records_.size());
  }
}

std::vector<JournalRecovery::Live> JournalRecovery::finish() {
  compact();
  return std::exchange(records_, {});
}

// Leaves the records sorted, each once, without those that are known by now to be dead.
void JournalRecovery::compact() {
  std::erase_if(records_, [this](const Live& record) {
    return record.sequence <= settled_through_ || replaced_.contains(record.sequence);
  });
  std::sort(records_.begin(), records_.end(),
            [](const Live& a, const Live& b) { return a.sequence < b.sequence; });
  const auto twice =
      std::unique(records_.begin(), records_.end(),
                  [](const Live& a, const Live& b) { return a.sequence == b.sequence; });
  records_.erase(twice, records_.end());
}

// ---- the journal's part

void Journal::recover(const OfflineWrite& write) {
  CAUSEWAY_CHECK(recovery_ != nullptr);
  // Also of a record that does not count: no sequence that was ever given out is given out again.
  give_out(write.dot.sequence);
  give_out(write.replaces);
  if (write.dot.origin != options_.origin) {
    ++foreign_records_;
    return;
  }
  if (write.replaces.value != 0) {
    recovery_->replaced(write.replaces);
    verdicts_.add(Verdict{.sequence = write.replaces,
                          .kind = VerdictKind::replaced,
                          .winner = {},
                          .replaced_by = write.dot,
                          .reason = {}});
  }
  stamps_.add(write.dot.sequence, write.stamp);
  const std::size_t bytes = std::min<std::size_t>(journal_bytes(write), UINT32_MAX);
  recovery_->write({.sequence = write.dot.sequence,
                    .slot = KeyFilter::slot_of(key_hash(write.key)),
                    .bytes = static_cast<std::uint32_t>(bytes)});
}

void Journal::recover(const Settled& settled) {
  CAUSEWAY_CHECK(recovery_ != nullptr);
  give_out(settled.through);
  for (const Verdict& verdict : settled.verdicts) {
    give_out(verdict.sequence);
    give_out(verdict.replaced_by.sequence);
  }
  if (settled.origin != options_.origin) {
    ++foreign_records_;
    return;
  }
  for (const Verdict& verdict : settled.verdicts) {
    if (verdict.kind == VerdictKind::replaced) recovery_->replaced(verdict.sequence);
    verdicts_.add(verdict);
  }
  if (settled.through < recovery_->settled_through()) return;  // one that was rewritten forward
  recovery_->settled(settled.through);
  stamps_.drop_through(settled.through);
  learnt_through_ = settled.through;
  learnt_chain_ = settled.chain;
}

std::vector<Sequence> Journal::finish_recovery() {
  CAUSEWAY_CHECK(recovery_ != nullptr);
  const std::vector<JournalRecovery::Live> live = recovery_->finish();
  recovery_.reset();

  std::vector<Sequence> sequences;
  sequences.reserve(live.size());
  for (const JournalRecovery::Live& record : live) {
    filter_.add(record.slot);
    bytes_ += record.bytes;
    sequences.push_back(record.sequence);
  }
  count_ = live.size();
  decided_through_ = learnt_through_;
  recovered_through_ = reached_;
  durable_through_ = reached_;
  // Which of them had been proposed was in memory only.
  proposed_through_ = reached_;
  stamps_.drop_through(learnt_through_);
  return sequences;
}

}  // namespace causeway::crdt
