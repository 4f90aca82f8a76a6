// The Raft log as consensus sees it: what every index's term is, and the newest entries themselves.
//
// The whole log does not fit in the memory of the machines that this runs on, so only a tail is
// held; older entries are read back from disk when a slow follower needs them. Terms of all indices
// are held as runs (a run for each term), which is all that the conflict hint and the vote
// comparison need.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "consensus/configuration.hpp"
#include "consensus/entry.hpp"
#include <causeway/result.hpp>
#include <causeway/types.hpp>

namespace causeway::consensus {

/// Invariants: entries in the cache are consecutive and end at `last()`; everything above the
/// commit index is in the cache; terms never fall along the log.
class LogView {
 public:
  /// Appends at the end, or, when `entry.index` is not behind the last, after truncating from there
  /// on. `check(entry)` succeeds.
  void append(Entry entry);
  /// Whether `append(entry)` may be called: for bytes from a disk or a peer.
  /// errors   corrupt: it leaves a gap, falls in term or log time, has a wrong hash, holds no
  /// configuration though it says so,
  ///          or replaces what is no longer in the cache
  [[nodiscard]] Result<void> check(const Entry& entry) const;

  [[nodiscard]] LogPosition last() const;
  /// 0 for index 0; empty for an index beyond the last.
  [[nodiscard]] std::optional<Term> term_of(LogIndex index) const;
  /// The first index of the run of `term_of(index)`.
  [[nodiscard]] LogIndex first_of_term_at(LogIndex index) const;
  /// The last index whose term is at most `term` (0 when there is none).
  [[nodiscard]] LogIndex last_at_or_below(Term term) const;
  /// The entry, when it is in the cache.
  [[nodiscard]] const Entry* find(LogIndex index) const;
  /// Term, log time and hash at `index`: of a cached entry, or of the one just before the cache.
  [[nodiscard]] std::optional<LogPosition> position(LogIndex index) const;
  [[nodiscard]] LogIndex first_cached() const;

  /// Lets entries at and below `index`, which will never be truncated, leave the cache until it
  /// holds at most `bytes_max` bytes.
  void evict(LogIndex index, std::size_t bytes_max);

  struct ConfigurationAt {
    LogIndex index;
    Configuration configuration;
  };
  /// Ascending: the newest configuration known to stay (see `evict`), then all behind it; the last
  /// one is in force. Empty before the first.
  [[nodiscard]] const std::vector<ConfigurationAt>& configurations() const {
    return configurations_;
  }

 private:
  void truncate_from(LogIndex index);

  struct Run {
    LogIndex first;
    Term term;
  };
  std::deque<Entry> cache_;
  LogPosition before_cache_;
  std::size_t cache_bytes_ = 0;
  std::vector<Run> runs_;
  std::vector<ConfigurationAt> configurations_;
};

}  // namespace causeway::consensus
