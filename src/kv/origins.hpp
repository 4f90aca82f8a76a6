// What the state knows of each origin: its starts, and how far its offline writes have settled.
//
// Held in memory whole, since nearly every entry asks: a few hundred bytes for each origin that
// ever wrote, and the results of its newest start. It is saved with each batch, only where it
// changed.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "crdt/version.hpp"
#include "kv/changes.hpp"
#include "kv/results.hpp"
#include <causeway/result.hpp>
#include <causeway/types.hpp>

namespace causeway::kv {

/// One start of a node.
struct IncarnationState {
  Incarnation id;
  std::uint64_t lowest_unanswered = 1;  ///< only rises
  /// Rows of results in the table; only of starts before the newest, whose results are in memory.
  std::vector<std::uint64_t> rows;
};

/// One settle batch's (sequence, chain) pairs, a row of the table.
struct HistoryRow {
  Sequence last;
  std::size_t count = 0;
};

struct OriginState {
  Origin id;

  std::uint64_t start_number = 0;              ///< of the newest start; only rises
  std::vector<IncarnationState> incarnations;  ///< oldest first, at most kIncarnationsMax
  bool incarnations_dropped = false;           ///< there were more
  Results results;                             ///< of the newest

  Sequence settled;         ///< through here; only rises
  std::uint64_t chain = 0;  ///< the running hash there
  Sequence history_floor;   ///< the pairs through here were dropped
  std::deque<HistoryRow> history;
  std::size_t history_count = 0;  ///< pairs in `history`
  std::deque<Sequence> unlearnt;  ///< sequences whose verdicts are kept

  bool changed = false;

  [[nodiscard]] IncarnationState* newest() {
    return incarnations.empty() ? nullptr : &incarnations.back();
  }
  [[nodiscard]] const IncarnationState* find(Incarnation incarnation) const;
};

class Origins {
 public:
  /// Reads all rows of origins, results, verdicts and history from the table.
  [[nodiscard]] Result<void> load(const Changes& table);
  /// Adds what changed since the last save to the batch.
  void save(Changes& changes);

  [[nodiscard]] OriginState* find(Origin origin);
  /// Makes it when there is none.
  [[nodiscard]] OriginState& at(Origin origin);
  void changed(OriginState& origin);
  /// Of each origin that ever started.
  [[nodiscard]] std::vector<OriginStart> newest_starts() const;

  /// A start record; false: refused, because its number is not above the origin's, or it is of an
  /// earlier start.
  [[nodiscard]] bool start(OriginState& origin, Incarnation incarnation, std::uint64_t number,
                           Changes& changes);
  /// Raises the lowest unanswered number of the newest start.
  void answered_below(OriginState& origin, std::uint64_t lowest, Changes& changes);
  /// Forgets verdicts through `through`.
  void learnt(OriginState& origin, Sequence through, Changes& changes);
  /// A batch settled these (sequence, chain) pairs.
  void settled(OriginState& origin, const std::vector<std::pair<Sequence, std::uint64_t>>& pairs,
               Changes& changes);

 private:
  [[nodiscard]] Result<void> load_results(const Changes& table);
  [[nodiscard]] Result<void> load_settling(const Changes& table);

  std::map<Origin, OriginState> origins_;
  std::vector<OriginState*> changed_;
};

/// What the history of `origin` says of a write that it took under `item.old_dot`.
enum class Known { never_settled, settled, perhaps_settled };
[[nodiscard]] Result<Known> settled_before(const OriginState& origin,
                                           const crdt::OfflineWrite& item, Changes& changes);

}  // namespace causeway::kv
