// The changing half of recovery: what a crash left is removed, and what was read becomes durable.
#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "storage/batch_reader.hpp"
#include "storage/recovery.hpp"
#include "storage/segment_format.hpp"
#include "storage/segmented_log.hpp"

namespace causeway::storage {
namespace {

// Writes what no batch states to be synced once more in place, header included. Each piece is
// checked before it is written:
// a read that goes astray here must not become the file's content.
Result<void> write_again(File& file, const std::string& name, const Segment& segment,
                         std::uint64_t proven_bytes) {
  const Error differs{Errc::io, "two reads of the same bytes differ: check the disk"};
  if (proven_bytes < kSegmentHeaderBytes) {
    std::string buffer;
    CAUSEWAY_TRY(page, read_up_to(file, name, 0, kSegmentHeaderBytes, buffer));
    const DecodedSegmentHeader decoded = decode_segment_header(page);
    if (decoded.state != HeaderState::good) return at_place(name, 0, differs);
    if (decoded.header.identity != segment.identity) return at_place(name, 0, differs);
    CAUSEWAY_TRY(file.write_at(0, page));
  }
  BatchReader reader(file, name, segment.identity, std::max(proven_bytes, kSegmentHeaderBytes),
                     segment.info.bytes);
  while (reader.end() < segment.info.bytes) {
    CAUSEWAY_TRY(found, reader.next());
    if (found != BatchReader::Found::batch) return at_place(name, reader.end(), differs);
    CAUSEWAY_TRY(file.write_at(reader.offset(), reader.whole()));
  }
  return success();
}

Result<void> repair_newest(const LogOptions& options, Findings& findings) {
  const Segment& newest = findings.segments.back();
  File& file = *findings.newest;
  CAUSEWAY_TRY(write_again(file, segment_file_name(options.name, newest.info.number), newest,
                           findings.proven_bytes));
  if (findings.torn_tail) {
    CAUSEWAY_TRY(file.truncate(newest.info.bytes));
    findings.newest_file_bytes = newest.info.bytes;
  }
  return file.sync();
}

}  // namespace

Result<void> repair(Disk& disk, const LogOptions& options, Findings& findings) {
  if (!findings.unborn.empty()) {
    CAUSEWAY_TRY(disk.remove(findings.unborn));
  }
  for (const std::uint64_t number : findings.overlong) {
    const auto segment =
        std::find_if(findings.segments.begin(), findings.segments.end(),
                     [number](const Segment& one) { return one.info.number == number; });
    CAUSEWAY_CHECK(segment != findings.segments.end());
    CAUSEWAY_TRY(file, disk.open(segment_file_name(options.name, number), OpenMode::existing));
    CAUSEWAY_TRY(file->truncate(segment->info.bytes));
  }
  if (!findings.segments.empty()) {
    CAUSEWAY_TRY(repair_newest(options, findings));
  }
  // Names too may have been made just before a kill and not synced.
  return disk.sync_directory();
}

}  // namespace causeway::storage
