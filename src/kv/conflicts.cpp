#include "kv/conflicts.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "kv/limits.hpp"
#include "kv/stored.hpp"
#include "kv/table_keys.hpp"

namespace causeway::kv {
namespace {

void drop_lost(Conflict& conflict) {
  if (!conflict.lost_value) return;
  conflict.lost_value.reset();
  conflict.lost_value_dropped = true;
}

void drop_won(Conflict& conflict) {
  if (!conflict.won_value) return;
  conflict.won_value.reset();
  conflict.won_value_dropped = true;
}

// One row too large for the whole list must not push all others out first: the winner's value,
// which stands in the store as well, stays away from it, and then the loser's.
void fit_alone(Conflict& conflict) {
  if (value_bytes(conflict) > kConflictBytesMax) drop_won(conflict);
  if (value_bytes(conflict) > kConflictBytesMax) drop_lost(conflict);
}

Result<Conflict> read(std::uint64_t number, Changes& changes) {
  CAUSEWAY_TRY(bytes, changes.get(keys::conflict(number)));
  if (!bytes) return damaged("the superseded list");
  std::optional<Conflict> conflict = decode_conflict(number, *bytes);
  if (!conflict) return damaged("the superseded list");
  return *std::move(conflict);
}

}  // namespace

std::size_t value_bytes(const Conflict& conflict) {
  return (conflict.lost_value ? conflict.lost_value->size() : 0) +
         (conflict.won_value ? conflict.won_value->size() : 0);
}

Result<void> Conflicts::load(Changes& table) {
  CAUSEWAY_TRY(counters, table.get(keys::kConflictCounters));
  if (counters) {
    ByteReader in(*counters);
    next_number_ = in.u64();
    dropped_ = in.u64();
    if (!in.done()) return damaged("the superseded list");
  }
  bool good = true;
  CAUSEWAY_TRY(table.scan(std::string(1, keys::kConflict),
                          keys::behind_prefix(std::string(1, keys::kConflict)),
                          [&](std::string_view key, std::string_view bytes) {
                            const std::uint64_t number = keys::trailing_number(key);
                            const auto conflict = decode_conflict(number, bytes);
                            if (!conflict) return good = false;
                            rows_.push_back({number, value_bytes(*conflict)});
                            value_bytes_ += rows_.back().value_bytes;
                            return true;
                          }));
  if (!good) return damaged("the superseded list");
  return success();
}

Result<void> Conflicts::add(Conflict conflict, Changes& changes) {
  conflict.number = next_number_++;
  changed_ = true;
  fit_alone(conflict);
  const std::size_t size = value_bytes(conflict);
  for (Row& row : rows_) {
    if (value_bytes_ + size <= kConflictBytesMax) break;
    CAUSEWAY_TRY(drop_values(row, changes));
  }
  if (rows_.size() == kConflictsMax) {
    changes.remove(keys::conflict(rows_.front().number));
    value_bytes_ -= rows_.front().value_bytes;
    rows_.pop_front();
    ++dropped_;
  }
  rows_.push_back({conflict.number, size});
  value_bytes_ += size;
  changes.put(keys::conflict(conflict.number), encode_conflict(conflict));
  return success();
}

Result<void> Conflicts::drop_values(Row& row, Changes& changes) {
  if (row.value_bytes == 0) return success();
  CAUSEWAY_TRY(conflict, read(row.number, changes));
  drop_lost(conflict);
  drop_won(conflict);
  changes.put(keys::conflict(row.number), encode_conflict(conflict));
  value_bytes_ -= row.value_bytes;
  row.value_bytes = 0;
  return success();
}

void Conflicts::save(Changes& changes) {
  if (!changed_) return;
  std::string counters;
  ByteWriter out(counters);
  out.u64(next_number_);
  out.u64(dropped_);
  changes.put(std::string(keys::kConflictCounters), std::move(counters));
  changed_ = false;
}

Result<ConflictList> Conflicts::list(const ListConflicts& ask, Changes& changes) const {
  ConflictList list;
  list.id = ask.id;
  list.dropped = dropped_;
  auto row = std::lower_bound(rows_.begin(), rows_.end(), ask.cursor,
                              [](const Row& each, std::uint64_t n) { return each.number < n; });
  std::size_t bytes = 0;
  for (; row != rows_.end(); ++row) {
    const bool full =
        list.conflicts.size() >= ask.count_max || bytes + row->value_bytes > ask.bytes_max;
    if (full && !list.conflicts.empty()) break;
    CAUSEWAY_TRY(conflict, read(row->number, changes));
    bytes += conflict.key.size() + conflict.reason.size() + row->value_bytes;
    list.conflicts.push_back(std::move(conflict));
  }
  list.end = row == rows_.end();
  list.cursor = list.end ? next_number_ : row->number;
  return list;
}

}  // namespace causeway::kv
