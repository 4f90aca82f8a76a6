// The superseded list: who lost to whom, with both values, so that nothing is lost silently
// (promise 7).
//
// It is part of the replicated state and bounded in rows and in bytes of values. Values go first,
// the oldest first, and their row says so; then rows, which are counted.
#pragma once

#include <cstdint>
#include <deque>

#include "kv/applier.hpp"
#include "kv/changes.hpp"
#include <causeway/result.hpp>

namespace causeway::kv {

[[nodiscard]] std::size_t value_bytes(const Conflict& conflict);

class Conflicts {
 public:
  [[nodiscard]] Result<void> load(Changes& table);
  /// Gives `conflict` its number and makes room for it.
  [[nodiscard]] Result<void> add(Conflict conflict, Changes& changes);
  /// Adds the counters to the batch when they changed.
  void save(Changes& changes);

  [[nodiscard]] Result<ConflictList> list(const ListConflicts& ask, Changes& changes) const;

 private:
  struct Row {
    std::uint64_t number = 0;
    std::size_t value_bytes = 0;  // held in the row
  };
  [[nodiscard]] Result<void> drop_values(Row& row, Changes& changes);

  std::deque<Row> rows_;  // ascending numbers
  std::size_t value_bytes_ = 0;
  std::uint64_t next_number_ = 1;
  std::uint64_t dropped_ = 0;
  bool changed_ = false;
};

}  // namespace causeway::kv
