#include "storage/recovery.hpp"

#include <algorithm>
#include <utility>

#include "storage/batch_reader.hpp"
#include "storage/segment_format.hpp"
#include "storage/segmented_log.hpp"
#include "storage/tail_scan.hpp"

namespace causeway::storage {
namespace {

// What a person can do, at the end of every message about damage.
constexpr std::string_view kRemedy =
    "; nothing was changed: repair the disk or start this node on an empty data directory "
    "(docs/operations.md, damaged log)";

Error damaged(std::string_view name, std::uint64_t offset, std::string what) {
  return at_place(name, offset, {Errc::corrupt, std::move(what) + std::string(kRemedy)});
}

Error too_new(std::string_view name, std::uint64_t offset) {
  return at_place(
      name, offset,
      {Errc::unavailable,
       "written in a newer format than this version knows; nothing was changed: start a version "
       "at least as new as the one that last ran on this data directory"});
}

class Examination {
 public:
  Examination(Disk& disk, const LogOptions& options, const RecordVisitor& visitor)
      : disk_(disk), options_(options), visitor_(visitor) {}

  Result<Findings> run() {
    CAUSEWAY_TRY(list_files());
    CAUSEWAY_TRY(read_headers());
    for (std::size_t i = 0; i < headers_.size(); ++i) {
      const bool newest = i + 1 == headers_.size();
      Result<void> read = newest ? read_newest(headers_[i])
                                 : read_sealed(headers_[i], headers_[i + 1].previous_bytes);
      CAUSEWAY_TRY(std::move(read));
    }
    return std::move(found_);
  }

 private:
  // The numbers of the log's files, ascending and without a gap.
  Result<void> list_files() {
    CAUSEWAY_TRY(names, disk_.list());
    for (const std::string& name : names) {
      const std::uint64_t number = segment_number_of(options_.name, name);
      if (number != 0) numbers_.push_back(number);
    }
    std::sort(numbers_.begin(), numbers_.end());
    for (std::size_t i = 1; i < numbers_.size(); ++i) {
      const std::uint64_t expected = numbers_[i - 1] + 1;
      if (numbers_[i] == expected) continue;
      return damaged(segment_file_name(options_.name, expected), 0,
                     "this file of the log is missing, though later ones are there");
    }
    return success();
  }

  // Reads and chains all headers before any batch: a sealed segment's length stands in its
  // successor.
  Result<void> read_headers() {
    for (const std::uint64_t number : numbers_) {
      const std::string name = segment_file_name(options_.name, number);
      CAUSEWAY_TRY(file, disk_.open(name, OpenMode::existing));
      std::string buffer;
      CAUSEWAY_TRY(start, read_up_to(*file, name, 0, kSegmentHeaderBytes, buffer));
      const DecodedSegmentHeader decoded = decode_segment_header(start);
      switch (decoded.state) {
        case HeaderState::good: {
          CAUSEWAY_TRY(chain(name, number, decoded.header));
          break;
        }
        case HeaderState::torn: {
          CAUSEWAY_TRY(note_unborn(name, number, *file));
          break;
        }
        case HeaderState::newer: return too_new(name, 0);
        case HeaderState::foreign:
          return damaged(name, 0, "this is not a log segment of ours, or its header is damaged");
      }
    }
    return success();
  }

  Result<void> chain(const std::string& name, std::uint64_t number, const SegmentHeader& header) {
    if (header.kind != options_.kind) {
      return damaged(name, 0,
                     "this is a segment of another kind of log than \"" + options_.name + "\"");
    }
    if (header.number != number || header.identity == 0) {
      return damaged(name, 0,
                     "this file holds segment " + std::to_string(header.number) + " of a log");
    }
    if (!headers_.empty()) {
      const SegmentHeader& before = headers_.back();
      if (header.previous_identity != before.identity ||
          header.previous_bytes < kSegmentHeaderBytes) {
        return damaged(name, 0,
                       "the segment before this one is not the one that it was written after");
      }
    }
    headers_.push_back(header);
    return success();
  }

  Result<void> note_unborn(const std::string& name, std::uint64_t number, File& file) {
    CAUSEWAY_TRY(bytes, file.size());
    CAUSEWAY_TRY(tail, scan_tail(file, name, 0, kSegmentHeaderBytes, bytes));
    if (number != numbers_.back() || !tail.all_zero) {
      return damaged(name, 0, "the header of this segment is damaged");
    }
    found_.unborn = name;
    return success();
  }

  // A segment with a successor: every batch up to its final length must be good.
  Result<void> read_sealed(const SegmentHeader& header, std::uint64_t final_bytes) {
    const std::string name = segment_file_name(options_.name, header.number);
    CAUSEWAY_TRY(file, disk_.open(name, OpenMode::existing));
    CAUSEWAY_TRY(file_bytes, file->size());
    if (file_bytes < final_bytes) {
      return damaged(
          name, file_bytes,
          "this segment ends here and was " + std::to_string(final_bytes) + " bytes long");
    }
    if (file_bytes > final_bytes) found_.overlong.push_back(header.number);
    BatchReader reader(*file, name, header.identity, kSegmentHeaderBytes, final_bytes);
    CAUSEWAY_TRY(last, read_batches(header, reader));
    if (last == BatchReader::Found::bad) {
      return damaged(name, reader.end(), "a batch is damaged in a segment that was synced in full");
    }
    return success();
  }

  Result<void> read_newest(const SegmentHeader& header) {
    const std::string name = segment_file_name(options_.name, header.number);
    CAUSEWAY_TRY(file, disk_.open(name, OpenMode::existing));
    CAUSEWAY_TRY(file_bytes, file->size());
    found_.newest = std::move(file);
    found_.newest_file_bytes = file_bytes;
    BatchReader reader(*found_.newest, name, header.identity, kSegmentHeaderBytes,
                       found_.newest_file_bytes);
    CAUSEWAY_TRY(last, read_batches(header, reader));
    if (last == BatchReader::Found::end) return success();

    const std::uint64_t tail = reader.end();
    CAUSEWAY_TRY(scan,
                 scan_tail(*found_.newest, name, header.identity, tail, found_.newest_file_bytes));
    if (scan.newer) return too_new(name, *scan.newer);
    if (scan.damage) {
      return damaged(
          name, tail,
          "a batch is damaged: the intact header at " + std::to_string(scan.damage->offset) +
              " states that the file was synced up to " + std::to_string(scan.damage->synced_to));
    }
    if (!scan.all_zero && !found_.unborn.empty()) {
      return damaged(
          name, tail,
          "a batch is damaged in a segment that was synced before " + found_.unborn + " was made");
    }
    // A read that went astray once must not end the log before what was acknowledged: look a second
    // time.
    BatchReader again(*found_.newest, name, header.identity, tail, found_.newest_file_bytes);
    CAUSEWAY_TRY(second, again.next());
    if (second != last) {
      return at_place(name, tail, {Errc::io, "two reads of the same bytes differ: check the disk"});
    }
    found_.torn_tail = !scan.all_zero;
    return success();
  }

  // Shows all good batches to the visitor, up to the first that is not. Returns what ended it.
  Result<BatchReader::Found> read_batches(const SegmentHeader& header, BatchReader& reader) {
    Segment segment{.info = {.number = header.number, .bytes = kSegmentHeaderBytes},
                    .identity = header.identity};
    found_.proven_bytes = 0;
    for (;;) {
      CAUSEWAY_TRY(found, reader.next());
      if (found == BatchReader::Found::newer) return too_new(reader.name(), reader.end());
      if (found != BatchReader::Found::batch) {
        found_.segments.push_back(segment);
        return found;
      }
      const BatchHeader& batch = reader.header();
      if (Result<void> seen =
              visit_records(batch, reader.body(), header.number, reader.offset(), visitor_);
          !seen) {
        Error refusal =
            damaged(reader.name(), reader.offset(), "a record was refused: " + seen.error().detail);
        if (seen.error().code == Errc::unavailable) refusal.code = Errc::unavailable;
        return refusal;
      }
      segment.note_batch(batch.key, reader.end());
      found_.index.add(batch.key, header.number, reader.offset());
      found_.proven_bytes = std::max(found_.proven_bytes, batch.synced_to);
    }
  }

  Disk& disk_;
  const LogOptions& options_;
  const RecordVisitor& visitor_;
  std::vector<std::uint64_t> numbers_;  // of the files there are
  std::vector<SegmentHeader> headers_;  // of those that were born
  Findings found_;
};

}  // namespace

Result<Findings> examine(Disk& disk, const LogOptions& options, const RecordVisitor& visitor) {
  return Examination(disk, options, visitor).run();
}

}  // namespace causeway::storage
