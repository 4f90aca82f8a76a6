// Reading back from the middle of the log: to repeat entries to a follower that is behind, to
// settle the journal.
#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "storage/batch_reader.hpp"
#include "storage/segment_format.hpp"
#include "storage/segmented_log.hpp"

namespace causeway::storage {
namespace {

Error unreadable(const BatchReader& reader, BatchReader::Found found) {
  CAUSEWAY_CHECK(found != BatchReader::Found::batch);
  return at_place(reader.name(), reader.end(),
                  {Errc::corrupt,
                   "a batch that was intact when this log was opened is damaged now: check the "
                   "disk (docs/operations.md, damaged log)"});
}

}  // namespace

Result<ReadStop> SegmentedLog::read_from(std::uint64_t key, std::size_t bytes_max,
                                         const RecordVisitor& visitor) {
  if (failed_) return *failed_;
  CAUSEWAY_TRY(start, seek(key));
  std::size_t visited = 0;
  std::uint64_t offset = start.offset;
  for (std::size_t i = start.segment; i < segments_.size(); ++i) {
    const Segment& segment = segments_[i];
    CAUSEWAY_TRY(file, file_of(segment));
    BatchReader reader(*file, segment_file_name(options_.name, segment.info.number),
                       segment.identity, offset, segment.info.bytes);
    while (reader.end() < segment.info.bytes) {
      if (visited >= bytes_max && visited != 0) return ReadStop::bytes_max;
      CAUSEWAY_TRY(found, reader.next());
      if (found != BatchReader::Found::batch) return unreadable(reader, found);
      CAUSEWAY_TRY(visit_records(reader.header(), reader.body(), segment.info.number,
                                 reader.offset(), visitor));
      visited += reader.body().size();
    }
    offset = kSegmentHeaderBytes;
  }
  return ReadStop::end;
}

// The last batch with a key <= `key`, else the log's first. Why it stands so near its index item:
// position_index.hpp.
Result<SegmentedLog::Place> SegmentedLog::seek(std::uint64_t key) {
  const std::optional<PositionIndex::Item> item = index_.find(key);
  if (!item) return Place{.segment = 0, .offset = kSegmentHeaderBytes};
  CAUSEWAY_CHECK(item->segment >= segments_.front().info.number);
  Place place{.segment = item->segment - segments_.front().info.number, .offset = item->offset};
  CAUSEWAY_CHECK(place.segment < segments_.size());
  const Segment& segment = segments_[place.segment];
  CAUSEWAY_TRY(file, file_of(segment));
  BatchReader reader(*file, segment_file_name(options_.name, item->segment), segment.identity,
                     item->offset, segment.info.bytes);
  while (reader.end() < segment.info.bytes &&
         reader.end() - item->offset < PositionIndex::kSpacingBytes) {
    CAUSEWAY_TRY(found, reader.skip());
    if (found != BatchReader::Found::batch) return unreadable(reader, found);
    const std::uint64_t batch_key = reader.header().key;
    if (batch_key != 0 && batch_key <= key) place.offset = reader.offset();
  }
  return place;
}

Result<File*> SegmentedLog::file_of(const Segment& segment) {
  const std::uint64_t number = segment.info.number;
  if (number == segments_.back().info.number) return file_.get();
  if (number != sealed_file_number_) {
    CAUSEWAY_TRY(file, disk_->open(segment_file_name(options_.name, number), OpenMode::existing));
    sealed_file_ = std::move(file);
    sealed_file_number_ = number;
  }
  return sealed_file_.get();
}

}  // namespace causeway::storage
