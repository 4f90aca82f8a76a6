// The version rule of design 3.2, once more: the simulator's own reading of it.
//
// It shares no line with crdt::meet, so that a mistake in one of the two is a difference between
// them.
#pragma once

#include <optional>

#include "crdt/version.hpp"
#include <causeway/types.hpp>

namespace causeway::sim {

/// The greatest revision and stamp of tombstones that were dropped; zeros: none was.
struct TombstoneFloor {
  LogIndex revision;
  Stamp stamp;
};

struct Judgement {
  bool wins = false;
  bool knew = false;  ///< wins over what its writer knew of: plain succession
  Stamp stamp;        ///< wins: as it is applied
};

/// An offline write meets what is committed under its key, in an entry of `log_time`.
[[nodiscard]] Judgement judge(const crdt::OfflineWrite& item,
                              const std::optional<crdt::StoredVersion>& committed,
                              const TombstoneFloor& floor, Stamp log_time);

/// A consistent write that its node took when it had given out `reached` offline writes, of which
/// (and of later ones) `settled` have settled: does it come too late for what is committed?
[[nodiscard]] bool is_overtaken(Origin by, Sequence reached, Sequence settled,
                                const std::optional<crdt::StoredVersion>& committed);

}  // namespace causeway::sim
