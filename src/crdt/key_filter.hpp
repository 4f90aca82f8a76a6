// Says for most keys at once "has no pending write", so that a local read or write need not ask the
// apply thread.
//
// A counting Bloom filter (Fan et al. 2000) with one hash: an array of small counters, one of them
// for each key. It errs on one side only: two keys may share a counter, and a counter that was ever
// full can never be trusted to have come down again, so it stays full; but a key with a pending
// write never has a counter of 0.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace causeway::crdt {

class KeyFilter {
 public:
  /// 128 KiB; with 10,000 pending keys about 7 of 100 other keys are asked about in vain.
  static constexpr std::size_t kCounters = std::size_t{1} << 17;

  KeyFilter() : counters_(kCounters, 0) {}

  [[nodiscard]] static std::uint32_t slot_of(std::uint64_t key_hash) {
    return static_cast<std::uint32_t>(key_hash % kCounters);
  }

  void add(std::uint32_t slot) {
    if (counters_[slot] != kFull) ++counters_[slot];
    if (counters_[slot] == kFull) some_full_ = true;
  }
  /// Only for what was added.
  void remove(std::uint32_t slot);
  [[nodiscard]] bool may_hold(std::uint32_t slot) const { return counters_[slot] != 0; }
  /// All that was added was removed: only counters that had filled up are left, and start afresh.
  void clear() {
    if (std::exchange(some_full_, false)) counters_.assign(kCounters, 0);
  }

 private:
  static constexpr std::uint8_t kFull = 255;
  std::vector<std::uint8_t> counters_;
  bool some_full_ = false;
};

}  // namespace causeway::crdt
