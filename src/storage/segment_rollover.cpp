// How a new segment begins: the part of SegmentedLog that a crash or a full disk can interrupt at
// any step.
//
// Order: (1) the old segment is synced; (2) the new file is made, its space reserved, its header
// written and synced, its name synced; (3) only now is it the newest, and the first batch may go
// in; (4) the old one gives its unused space back.
// A crash before the header is durable leaves a file that recovery removes; after that, an empty
// segment. A full disk shows in (2), with the old segment untouched; the half-made file is removed,
// durably, before anything else happens, so that a header found later always means: the segment
// before it was complete.
#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "storage/segment_format.hpp"
#include "storage/segmented_log.hpp"

namespace causeway::storage {

// bytes_needed  of the first batch, which may be larger than a whole segment usually is
Result<void> SegmentedLog::begin_segment(std::uint64_t bytes_needed) {
  if (!segments_.empty()) {
    CAUSEWAY_TRY(sync());
  }
  Segment next;
  next.info.number = segments_.empty() ? 1 : segments_.back().info.number + 1;
  next.info.bytes = kSegmentHeaderBytes;
  next.identity = random_.id();
  const std::string name = segment_file_name(options_.name, next.info.number);
  const std::uint64_t reserve =
      std::max(options_.segment_bytes_max, kSegmentHeaderBytes + bytes_needed);

  Result<std::unique_ptr<File>> file = disk_->open(name, OpenMode::create);
  if (!file) return discard_segment_file(name, std::move(file).error());
  if (Result<void> ready = prepare_segment_file(*file.value(), next, reserve); !ready) {
    file.value().reset();
    return discard_segment_file(name, std::move(ready).error());
  }
  if (Result<void> safe = disk_->sync_directory(); !safe) return fail(std::move(safe).error());

  if (!segments_.empty()) {
    if (Result<void> freed = file_->truncate(segments_.back().info.bytes); !freed) {
      return fail(std::move(freed).error());
    }
  }
  segments_.push_back(next);
  file_ = std::move(file).value();
  synced_ = kSegmentHeaderBytes;
  reserved_ = reserve;
  return success();
}

Result<void> SegmentedLog::prepare_segment_file(File& file, const Segment& segment,
                                                std::uint64_t reserve_bytes) {
  SegmentHeader header{
      .kind = options_.kind, .number = segment.info.number, .identity = segment.identity};
  if (!segments_.empty()) {
    header.previous_identity = segments_.back().identity;
    header.previous_bytes = segments_.back().info.bytes;
  }
  CAUSEWAY_TRY(file.reserve(reserve_bytes));
  CAUSEWAY_TRY(file.write_at(0, encode_segment_header(header)));
  Result<void> safe = file.sync();
  if (!safe)
    return Error{Errc::io,
                 std::move(safe).error().detail};  // for lack of space too: a failed sync is final
  return success();
}

// Removes what there is of a file that could not be made. Only a full disk leaves the log usable.
Result<void> SegmentedLog::discard_segment_file(const std::string& name, Error why) {
  if (why.code != Errc::disk_full) return fail(std::move(why));
  const Result<std::vector<std::string>> names = disk_->list();
  if (!names) return fail(names.error());
  if (std::find(names.value().begin(), names.value().end(), name) != names.value().end()) {
    if (Result<void> gone = disk_->remove(name); !gone) return fail(std::move(gone).error());
  }
  if (Result<void> safe = disk_->sync_directory(); !safe) return fail(std::move(safe).error());
  return why;
}

}  // namespace causeway::storage
