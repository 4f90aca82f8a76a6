// What is in the files of a log after a crash, and the repair of what a crash may leave.
//
// Looking and changing are two steps, so that a log that is refused is found afterwards exactly as
// it was: whoever has to save data from it needs the evidence.
//
// What a crash may leave, and what becomes of it:
// - behind the last good batch of the newest segment, above every synced offset that is stated
//   there: a torn tail, cut;
// - a newest file whose header was never synced: no batch can stand in it (the header is synced
//   first), removed. Its predecessor was synced in full before it was made, so that one must end
//   cleanly;
// - a sealed file that is longer than its successor says: reserved space that was not given back
//   yet, truncated;
// - batches that are there but were never synced, or whose sync failed: the system may hold them as
//   clean pages that the disk never got (Rebello et al., "Can applications recover from fsync
//   failures?", 2020), so that a sync now would do nothing.
//   What no batch states to be synced is therefore written once more in place, and synced.
// All else is damage: `corrupt`, with file, offset and remedy.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "storage/disk.hpp"
#include "storage/position_index.hpp"
#include "storage/segment.hpp"
#include <causeway/result.hpp>

namespace causeway::storage {

struct LogOptions;

/// What was found. Nothing was changed.
struct Findings {
  std::deque<Segment> segments;  ///< oldest first; empty for a log that does not exist yet
  PositionIndex index;
  std::unique_ptr<File> newest;         ///< of segments.back()
  std::uint64_t newest_file_bytes = 0;  ///< its size, with all behind the last good batch
  std::uint64_t proven_bytes = 0;       ///< of it: up to here some batch states that it was synced
  bool torn_tail = false;               ///< what is behind the last good batch must be cut
  std::string unborn;  ///< name of a file whose header was never synced; empty: none
  std::vector<std::uint64_t> overlong;  ///< numbers of sealed segments with bytes behind their end
};

/// Reads the whole log and shows every record of it to `visitor`. errors: corrupt, unavailable
/// (newer format), io
[[nodiscard]] Result<Findings> examine(Disk& disk, const LogOptions& options,
                                       const RecordVisitor& visitor);

/// Repairs what `examine` found; afterwards all of `findings.segments` is durable and nothing else
/// is there. errors: io
[[nodiscard]] Result<void> repair(Disk& disk, const LogOptions& options, Findings& findings);

}  // namespace causeway::storage
