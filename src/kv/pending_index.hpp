// The journal's index: where the records of this node's pending writes are found, by key and by
// sequence.
//
// The journal's log is the truth and this is rebuilt from it at each start, so nothing here has to
// survive a crash. It stands in the state's table because a journal does not fit in memory, and
// because a local read must see a pending write turn into its committed successor in one moment:
// settling removes the key from `j` in the very batch that writes `d`.
//
// Invariant: `j` names a key's newest pending write, never one that is settled; its record stands
// in `q`. Records stay in `q` beyond their settlement, until the journal has freed them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crdt/journal.hpp"
#include "kv/applier.hpp"
#include "kv/changes.hpp"
#include <causeway/result.hpp>
#include <causeway/types.hpp>

namespace causeway::kv {

class PendingIndex {
 public:
  /// Forgets everything. Only with nothing unwritten in `changes`.
  [[nodiscard]] Result<void> clear(Changes& changes);

  /// `settled`: how far this node's own writes are settled in the state.
  [[nodiscard]] Result<void> put(const crdt::OfflineWrite& write, Sequence settled,
                                 Changes& changes);
  [[nodiscard]] Result<std::optional<crdt::PendingWrite>> find(std::string_view key,
                                                               Changes& changes) const;
  /// The newest pending write of `key`, whole.
  [[nodiscard]] Result<std::optional<crdt::OfflineWrite>> read(std::string_view key,
                                                               Changes& changes) const;
  /// An own write of `key` has settled in this batch.
  [[nodiscard]] Result<void> settled(std::string_view key, Sequence sequence, Changes& changes);

  // These look through the table: only with nothing unwritten in `changes`.
  [[nodiscard]] Result<PendingList> list(const ListPending& ask, const Changes& changes) const;
  [[nodiscard]] Result<FreedPending> free(Sequence through, Sequence settled, Changes& changes);

 private:
  // Keys in `j`, once they have been counted by clear(). With none there, nothing has to be looked
  // up.
  std::optional<std::uint64_t> keys_;
};

}  // namespace causeway::kv
