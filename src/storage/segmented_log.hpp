// An append-only log in segment files: what the Raft log and the journal stand on.
//
// The problem: after a crash the end of the log holds anything at all, and that must be cut off;
// the same bytes anywhere else are damage, and cutting there would forget what was acknowledged. A
// checksum alone cannot tell the two apart. So each batch states up to where its file was synced
// when it was written: a bad batch below a synced offset that anything valid behind it states is
// damage, and the log refuses to open; a bad batch above it is a torn tail. Segments are chained
// (each names its predecessor's identity and final length), and checksums are seeded with the
// segment's identity and the offset, so that stale or misdirected bytes never pass. Byte tables:
// docs/formats.md; recovery: recovery.hpp.
//
// Space is reserved a whole segment at a time, when it begins: then a full disk shows when a
// segment begins and hardly ever in the middle of one, the file's size does not change with each
// sync, and it costs one metadata operation per segment. Devices with little space choose small
// segments.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "storage/disk.hpp"
#include "storage/position_index.hpp"
#include "storage/segment.hpp"
#include <causeway/result.hpp>

namespace causeway::storage {

struct LogOptions {
  std::string name;        ///< of the files: "raft" or "journal"
  std::uint32_t kind = 0;  ///< stands in every segment's header: a file of another kind is refused

  /// Size at which a segment is full. A single larger batch gets a segment of its own size.
  std::uint64_t segment_bytes_max = std::uint64_t{8} << 20;

  /// The end of each segment that only `Space::vital` batches may use, and only while no new
  /// segment can be had: so that a node with a full disk can still write its term and vote.
  /// 0: none, as the journal, which has no votes.
  std::uint64_t vital_bytes = std::uint64_t{64} << 10;
};

enum class Space : std::uint8_t {
  ordinary,
  vital,  ///< may use the segment's last `vital_bytes` when the disk is full
};

/// Why a reading ended.
enum class ReadStop : std::uint8_t { end, bytes_max };

/// One log in one directory. Owned by whoever drives the log thread; one thread at a time.
/// Invariants:
/// - `segments_` is never empty, has no gap, and its last is the one appended to; all before it are
///   synced in full;
/// - synced_ <= bytes of the last segment <= reserved_, and all bytes of the last from there to
///   `reserved_` are zeros;
/// - once an operation whose effect on the disk is unknown has failed, `failed_` is set and nothing
///   is written any more.
class SegmentedLog {
 public:
  /// Opens the log in `disk`, or begins one where there is none, after visiting every record in log
  /// order. All that was visited is durable when this returns. Cuts a torn tail and removes what a
  /// crash left of a new segment.
  /// disk     must outlive the log
  /// random   seeds the segments' identities
  /// visitor  may refuse a record: then opening fails as `corrupt`
  /// errors   corrupt (damaged, foreign, missing file: file, offset and remedy in the detail;
  ///          nothing was changed on disk), unavailable (written by a newer version), disk_full, io
  [[nodiscard]] static Result<SegmentedLog> open(Disk& disk, LogOptions options, Random& random,
                                                 const RecordVisitor& visitor);

  /// Writes `records` as one batch at the end. Not durable before `sync`; several appends may share
  /// one. No records: nothing.
  /// key      the log index of the first record that has one; 0: none. A key not above an earlier
  ///          batch's says that what stands there from this key on is overwritten (Raft's
  ///          truncation)
  /// errors   disk_full, too_large: nothing of it is or will be in the log, which stays usable; all
  ///          else is final
  [[nodiscard]] Result<void> append(std::uint64_t key, std::span<const RecordView> records,
                                    Space space = Space::ordinary);

  /// Makes all that was appended durable. An error is final: every later call of any function
  /// returns it (as `io`).
  [[nodiscard]] Result<void> sync();

  /// Visits whole batches in log order, beginning with the last one whose key is <= `key` (with the
  /// log's first where there is none), until the end or until at least `bytes_max` bytes of records
  /// were visited.
  /// The first batch holds `key`'s record if the log has one at all, so one call always makes
  /// progress. The visitor also sees records before `key`, records without a key, and records that
  /// a later batch overwrites: it must know by index and term which ones are current.
  /// errors   corrupt, io (file and offset in the detail); not final
  [[nodiscard]] Result<ReadStop> read_from(std::uint64_t key, std::size_t bytes_max,
                                           const RecordVisitor& visitor);

  /// Begins a new segment; all before it is durable afterwards. Does nothing while the newest is
  /// empty.
  /// errors   disk_full: nothing changed; all else is final
  [[nodiscard]] Result<void> roll();

  /// Removes the oldest segment, durably. Whatever of it is still needed must stand further on,
  /// durable, before.
  /// errors   invalid: `number` is not the oldest, or is the newest; all else is final
  [[nodiscard]] Result<void> drop_segment(std::uint64_t number);

  /// Oldest first.
  [[nodiscard]] std::vector<SegmentInfo> segments() const;
  [[nodiscard]] std::uint64_t oldest_segment() const { return segments_.front().info.number; }
  [[nodiscard]] std::uint64_t newest_segment() const { return segments_.back().info.number; }
  /// What the files take on disk, reserved space included.
  [[nodiscard]] std::uint64_t disk_bytes() const;
  /// Everything appended is durable.
  [[nodiscard]] bool synced() const { return synced_ == segments_.back().info.bytes; }

 private:
  // A buffer that one large batch made larger than this is given back.
  static constexpr std::size_t kKeptBatchBytes = std::size_t{1} << 20;

  SegmentedLog(Disk& disk, LogOptions options, Random& random);

  struct Place {
    std::size_t segment = 0;  // in segments_
    std::uint64_t offset = 0;
  };

  Result<void> make_room(std::uint64_t batch_bytes, Space space);
  Result<void> reserve_newest(std::uint64_t bytes);
  Result<void> cut_back(Error why);
  Result<void> begin_segment(std::uint64_t bytes_needed);
  Result<void> prepare_segment_file(File& file, const Segment& segment,
                                    std::uint64_t reserve_bytes);
  Result<void> discard_segment_file(const std::string& name, Error why);
  Result<Place> seek(std::uint64_t key);
  Result<File*> file_of(const Segment& segment);
  Error fail(Error error);

  Disk* disk_;
  LogOptions options_;
  Random random_;
  std::deque<Segment> segments_;  // oldest first
  std::unique_ptr<File> file_;    // of segments_.back()
  std::uint64_t synced_ = 0;      // of that file: what a successful sync covered
  std::uint64_t reserved_ = 0;    // of that file: its size on disk
  PositionIndex index_;
  std::string batch_;  // reused from append to append
  std::optional<Error> failed_;
  std::unique_ptr<File> sealed_file_;     // the last sealed segment that was read, kept open
  std::uint64_t sealed_file_number_ = 0;  // 0: none
};

}  // namespace causeway::storage
