// The newest commit mark, in a small file of its own: two checksummed slots, written in turn and
// never synced.
//
// A mark must stand somewhere before an answer that rests on it leaves, so that kill -9 does not
// make this node forget what it has shown (design 3.3). The log's own marks wait for a sync; a
// write to the log's file while another thread syncs it takes 40 to 170 us; a write to a file of
// its own takes 3. A crash of the machine may tear the slot being written: then the other one
// holds.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "storage/disk.hpp"
#include <causeway/result.hpp>
#include <causeway/types.hpp>

namespace causeway::host {

/// Owned by the loop thread.
class MarkFile {
 public:
  /// Opens or makes `mark` in `disk`. Slots that fail their check are overlooked: the log holds
  /// marks as well.
  [[nodiscard]] static Result<MarkFile> open(storage::Disk& disk);

  /// The greatest mark that was found at the start.
  [[nodiscard]] std::optional<LogIndex> found() const { return found_; }

  /// Writes `mark` over the older slot. Survives the process; not synced.
  [[nodiscard]] Result<void> write(LogIndex mark);

 private:
  explicit MarkFile(std::unique_ptr<storage::File> file) : file_(std::move(file)) {}

  std::unique_ptr<storage::File> file_;
  std::optional<LogIndex> found_;
  std::uint64_t generation_ = 0;  // of the newest valid slot; the next one goes to the other slot
  std::size_t next_slot_ = 0;
};

}  // namespace causeway::host
