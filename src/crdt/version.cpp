#include "crdt/version.hpp"

#include <algorithm>
#include <tuple>

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "base/hash.hpp"

namespace causeway::crdt {
namespace {

// Was `committed` taken at the node of `item` before `item` was? A node's own order is known
// without any clock: an offline write by its number, a consistent one by how many offline writes
// had been given out when it was taken.
bool precedes_at_its_node(const StoredVersion& committed, const OfflineWrite& item) {
  const bool same = committed.origin == item.dot.origin;
  const bool same_before_it_moved =
      item.old_dot.origin.value != 0 && committed.origin == item.old_dot.origin;
  if (!same && !same_before_it_moved) return false;
  const Sequence own = same ? item.dot.sequence : item.old_dot.sequence;
  return committed.kind == WriteKind::offline ? committed.sequence < own
                                              : committed.sequence <= own;
}

// The total order of versions that had not seen each other.
auto order_of(const StoredVersion& v) { return std::tuple(v.stamp, v.origin, v.sequence); }
auto order_of(const OfflineWrite& w, Stamp stamp) {
  return std::tuple(stamp, w.dot.origin, w.dot.sequence);
}

std::uint64_t chain_after(std::uint64_t chain, Sequence sequence, const OfflineWrite& write) {
  // The value enters by its own hash, so that it is read in place. Lengths make the parts
  // unambiguous.
  std::string bytes;
  bytes.reserve(40 + write.key.size());
  ByteWriter out(bytes);
  out.u64(sequence.value);
  out.u8(write.deleted ? 1 : 0);
  out.sized(write.key);
  out.u64(write.value.size());
  out.u64(hash64(write.value.view()));
  return hash64(bytes, chain);
}

}  // namespace

std::uint64_t chain_after(std::uint64_t chain, const OfflineWrite& write) {
  return chain_after(chain, write.dot.sequence, write);
}

bool is_settled_as(const OfflineWrite& item, std::uint64_t before, std::uint64_t at) {
  return chain_after(before, item.old_dot.sequence, item) == at;
}

Meeting meet(const OfflineWrite& item, const std::optional<StoredVersion>& committed,
             Stamp log_time) {
  // Stamp 0 stands for "none"; an item that claims it counts as the oldest.
  const Stamp stamp = std::max(Stamp{1}, std::min(item.stamp, log_time));
  if (!committed) return {.item_wins = true, .succession = true, .stamp = stamp};

  // Stamps in the state never exceed the log time of their entry, and log time rises with each
  // entry. So there is always room for one more, unless an entry named one key twice, which its
  // decoder must refuse.
  CAUSEWAY_CHECK(committed->stamp < log_time);
  const Stamp above = std::max(stamp, committed->stamp.next());

  const bool had_seen_it = committed->revision <= item.seen.index;
  if (had_seen_it || precedes_at_its_node(*committed, item)) {
    return {.item_wins = true, .succession = true, .stamp = above};
  }
  if (order_of(item, stamp) > order_of(*committed)) {
    return {.item_wins = true, .succession = false, .stamp = above};
  }
  return {};
}

}  // namespace causeway::crdt
