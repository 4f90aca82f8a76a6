#include "storage/segmented_log.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "storage/recovery.hpp"
#include "storage/segment_format.hpp"

namespace causeway::storage {

SegmentedLog::SegmentedLog(Disk& disk, LogOptions options, Random& random)
    : disk_(&disk), options_(std::move(options)), random_(random.next()) {
  CAUSEWAY_CHECK(!options_.name.empty());
  CAUSEWAY_CHECK(options_.segment_bytes_max > kSegmentHeaderBytes + options_.vital_bytes);
}

Result<SegmentedLog> SegmentedLog::open(Disk& disk, LogOptions options, Random& random,
                                        const RecordVisitor& visitor) {
  SegmentedLog log(disk, std::move(options), random);
  CAUSEWAY_TRY(found, examine(disk, log.options_, visitor));
  CAUSEWAY_TRY(repair(disk, log.options_, found));
  if (found.segments.empty()) {
    CAUSEWAY_TRY(log.begin_segment(0));
    return log;
  }
  log.segments_ = std::move(found.segments);
  log.index_ = std::move(found.index);
  log.file_ = std::move(found.newest);
  log.synced_ = log.segments_.back().info.bytes;
  log.reserved_ = found.newest_file_bytes;
  if (log.reserved_ < log.options_.segment_bytes_max) {
    // At once, for the sake of the vital batches, and so that a full disk shows; it may have space
    // again when that is needed.
    Result<void> got = log.reserve_newest(log.options_.segment_bytes_max);
    if (!got && got.error().code != Errc::disk_full) return std::move(got).error();
  }
  return log;
}

Result<void> SegmentedLog::append(std::uint64_t key, std::span<const RecordView> records,
                                  Space space) {
  if (failed_) return *failed_;
  if (records.empty()) return success();
  std::size_t body_bytes = 0;
  for (const RecordView& record : records) {
    const std::size_t record_bytes = record.head.size() + record.body.size();
    if (record_bytes > kRecordBytesMax) {
      return Error{Errc::too_large, "a log record of " + std::to_string(record_bytes) +
                                        " bytes; at most " + std::to_string(kRecordBytesMax)};
    }
    body_bytes += kRecordHeaderBytes + record_bytes;
  }
  if (body_bytes > kBatchBytesMax) {
    return Error{Errc::too_large, "a log batch of " + std::to_string(body_bytes) +
                                      " bytes; at most " + std::to_string(kBatchBytesMax)};
  }
  CAUSEWAY_TRY(make_room(kBatchHeaderBytes + body_bytes, space));

  Segment& segment = segments_.back();
  const std::uint64_t offset = segment.info.bytes;
  begin_batch(batch_, body_bytes);
  for (const RecordView& record : records) add_record(batch_, record);
  finish_batch(batch_, segment.identity, offset, static_cast<std::uint32_t>(records.size()),
               synced_, key);
  CAUSEWAY_CHECK(batch_.size() == kBatchHeaderBytes + body_bytes);
  if (Result<void> written = file_->write_at(offset, batch_); !written) {
    return cut_back(std::move(written).error());
  }
  segment.note_batch(key, offset + batch_.size());
  reserved_ = std::max(reserved_, segment.info.bytes);
  index_.add(key, segment.info.number, offset);
  if (batch_.capacity() > kKeptBatchBytes) batch_ = std::string();
  return success();
}

// Sees to it that the newest segment can take a batch of this size, in a new segment if need be.
Result<void> SegmentedLog::make_room(std::uint64_t batch_bytes, Space space) {
  const std::uint64_t end = segments_.back().info.bytes + batch_bytes;
  const std::uint64_t ordinary_end = options_.segment_bytes_max - options_.vital_bytes;
  const bool alone_in_segment = segments_.back().info.bytes == kSegmentHeaderBytes;
  if (end <= ordinary_end || alone_in_segment) {
    if (end <= reserved_) return success();
    return reserve_newest(std::max(end, options_.segment_bytes_max));
  }
  Result<void> begun = begin_segment(batch_bytes);
  if (begun || begun.error().code != Errc::disk_full) return begun;
  if (space == Space::vital && end <= reserved_) return success();
  return begun;
}

// For a segment whose reserve was lost with a tail that was cut, or is too small for one large
// batch.
Result<void> SegmentedLog::reserve_newest(std::uint64_t bytes) {
  Result<void> got = file_->reserve(bytes);
  if (got) {
    reserved_ = bytes;
    return success();
  }
  if (got.error().code == Errc::disk_full) return got;  // nothing was written: all is as it was
  return fail(std::move(got).error());
}

// A write failed. Whatever of it reached the file must be gone, durably, before anyone hears
// "nothing was done": a batch that came back at the next start would be a write that happened after
// its caller was told that it did not.
Result<void> SegmentedLog::cut_back(Error why) {
  if (why.code != Errc::disk_full) return fail(std::move(why));
  const std::uint64_t end = segments_.back().info.bytes;
  if (Result<void> cut = file_->truncate(end); !cut) return fail(std::move(cut).error());
  if (Result<void> safe = file_->sync(); !safe) return fail(std::move(safe).error());
  reserved_ = end;
  synced_ = end;
  return why;
}

Result<void> SegmentedLog::sync() {
  if (failed_) return *failed_;
  if (synced()) return success();
  if (Result<void> done = file_->sync(); !done) return fail(std::move(done).error());
  synced_ = segments_.back().info.bytes;
  return success();
}

Result<void> SegmentedLog::roll() {
  if (failed_) return *failed_;
  if (segments_.back().info.bytes == kSegmentHeaderBytes) return success();
  return begin_segment(0);
}

Result<void> SegmentedLog::drop_segment(std::uint64_t number) {
  if (failed_) return *failed_;
  if (number != segments_.front().info.number || segments_.size() == 1) {
    return Error{Errc::invalid,
                 "only the oldest segment can be dropped, and never the newest; this is " +
                     segment_file_name(options_.name, number)};
  }
  if (number == sealed_file_number_) {
    sealed_file_.reset();
    sealed_file_number_ = 0;
  }
  // One removal at a time is made durable: were two lost and kept in the other order, a file would
  // be missing in the middle.
  if (Result<void> gone = disk_->remove(segment_file_name(options_.name, number)); !gone) {
    return fail(std::move(gone).error());
  }
  if (Result<void> safe = disk_->sync_directory(); !safe) return fail(std::move(safe).error());
  segments_.pop_front();
  index_.drop_below(segments_.front().info.number);
  return success();
}

std::vector<SegmentInfo> SegmentedLog::segments() const {
  std::vector<SegmentInfo> list;
  list.reserve(segments_.size());
  for (const Segment& segment : segments_) list.push_back(segment.info);
  return list;
}

std::uint64_t SegmentedLog::disk_bytes() const {
  std::uint64_t bytes = reserved_;
  for (const Segment& segment : segments_) bytes += segment.info.bytes;
  return bytes - segments_.back().info.bytes;
}

// The code is always `io`: a sync that fails for lack of space (delayed allocation) must not look
// like a refusal after which one may go on.
Error SegmentedLog::fail(Error error) {
  error.code = Errc::io;
  error.detail = options_.name + " log stopped: " + error.detail;
  failed_ = error;
  return error;
}

}  // namespace causeway::storage
