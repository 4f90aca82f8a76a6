// What the log knows about each of its segment files, and the records that pass through it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include <causeway/result.hpp>

namespace causeway::storage {

/// One file of the log, as its owner sees it. Keys are those of batches, in the order in which they
/// stand in the file;
/// 0 where no batch of the file has one.
struct SegmentInfo {
  std::uint64_t number = 0;     ///< from 1, without gaps
  std::uint64_t bytes = 0;      ///< header and batches; the space reserved behind them not counted
  std::uint64_t first_key = 0;  ///< key of its first batch that has one
  std::uint64_t last_key =
      0;  ///< key of its last batch that has one; lower than `first_key` after an overwriting
  friend bool operator==(const SegmentInfo&, const SegmentInfo&) = default;
};

/// A segment with what only the log needs.
struct Segment {
  SegmentInfo info;
  std::uint64_t identity = 0;  ///< random; seeds every checksum in the file

  /// Takes notice of a batch that ends at `end`.
  void note_batch(std::uint64_t key, std::uint64_t end) {
    info.bytes = end;
    if (key == 0) return;
    if (info.first_key == 0) info.first_key = key;
    info.last_key = key;
  }
};

/// A record to be appended; on disk `head` and `body` are one string of bytes. The views live until
/// the call returns.
struct RecordView {
  std::uint8_t type = 0;
  std::string_view head;
  std::string_view body;
};

/// A record as read back. `body` is valid during the call of the visitor only.
struct RecordRef {
  std::uint8_t type = 0;
  std::string_view body;      ///< head and body as appended, in one
  std::uint64_t segment = 0;  ///< number of the segment it stands in
  std::uint64_t offset = 0;   ///< of its batch in that file
  std::uint64_t key =
      0;  ///< of its batch, not of the record: what it is, the record itself must say
};

/// Sees records in log order. An error ends the reading and is what the caller gets, with file and
/// offset put before it.
using RecordVisitor = std::function<Result<void>(const RecordRef&)>;

/// `NAME-0000000001.log`
[[nodiscard]] std::string segment_file_name(std::string_view log_name, std::uint64_t number);

/// The number in a name made by `segment_file_name`; 0 for every other name.
[[nodiscard]] std::uint64_t segment_number_of(std::string_view log_name,
                                              std::string_view file_name);

}  // namespace causeway::storage
