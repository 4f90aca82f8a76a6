#include "sim/model_rule.hpp"

#include <algorithm>
#include <tuple>

namespace causeway::sim {
namespace {

/// Did the node that wrote `dot` write `version` before it? It counts its own writes, so no clock
/// is asked.
bool wrote_before(const crdt::StoredVersion& version, Dot dot) {
  if (dot.origin.value == 0 || version.origin != dot.origin) return false;
  if (version.kind == crdt::WriteKind::consistent) return version.sequence <= dot.sequence;
  return version.sequence < dot.sequence;
}

}  // namespace

Judgement judge(const crdt::OfflineWrite& item, const std::optional<crdt::StoredVersion>& committed,
                const TombstoneFloor& floor, Stamp log_time) {
  // A clock that runs ahead is worth no more than now.
  const Stamp stamp = std::min(item.stamp, log_time);
  if (!committed) {
    // Nothing is left of a tombstone that was dropped; this one is older than some that were.
    if (item.seen.index < floor.revision && stamp <= floor.stamp) return {};
    return {.wins = true, .knew = true, .stamp = stamp};
  }
  const bool knew = committed->revision <= item.seen.index || wrote_before(*committed, item.dot) ||
                    wrote_before(*committed, item.old_dot);
  const bool greater = std::tuple(stamp, item.dot.origin, item.dot.sequence) >
                       std::tuple(committed->stamp, committed->origin, committed->sequence);
  if (!knew && !greater) return {};
  // A version's stamp is above that of the one before it.
  const Stamp least = committed->stamp.next();
  return {.wins = true, .knew = knew, .stamp = stamp < least ? least : stamp};
}

bool is_overtaken(Origin by, Sequence reached, Sequence settled,
                  const std::optional<crdt::StoredVersion>& committed) {
  // "The read that this needs happens only when that origin has settled past the carried sequence."
  if (settled <= reached || !committed) return false;
  return committed->origin == by && committed->sequence > reached;
}

}  // namespace causeway::sim
