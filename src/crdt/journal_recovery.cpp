#include "crdt/journal_recovery.hpp"

#include <algorithm>
#include <utility>

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

}  // namespace causeway::crdt
