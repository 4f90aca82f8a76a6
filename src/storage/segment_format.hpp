// The bytes of a segment file: its header, the headers of batches, the records in them (tables in
// docs/formats.md).
//
// Whether bytes are a batch of *this* file at *this* place must be certain from the bytes alone: a
// recycled block, a write that went astray, or a restored piece of another file all hold batches
// that are perfect in themselves. So each file draws a random identity, and the checksums of its
// batches are seeded with that and with the offset.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "storage/segment.hpp"

namespace causeway::storage {

inline constexpr std::uint16_t kSegmentFormat = 1;
inline constexpr std::uint16_t kBatchFormat = 1;

// The header has a page of its own: no later write touches the page that makes the whole file
// readable.
inline constexpr std::uint64_t kSegmentHeaderBytes = 4096;
inline constexpr std::size_t kSegmentHeaderUsedBytes = 64;
inline constexpr std::size_t kBatchHeaderBytes = 48;
inline constexpr std::size_t kRecordHeaderBytes = 5;

inline constexpr std::size_t kRecordBytesMax = std::size_t{8} << 20;
inline constexpr std::size_t kBatchBytesMax = std::size_t{16}
                                              << 20;  // of all records with their headers

inline constexpr std::string_view kSegmentMagic = "CWSG";
inline constexpr std::string_view kBatchMagic = "CWBT";

struct SegmentHeader {
  std::uint32_t kind = 0;
  std::uint64_t number = 0;
  std::uint64_t identity = 0;           ///< random, never 0
  std::uint64_t previous_identity = 0;  ///< 0: the log's very first segment
  std::uint64_t previous_bytes = 0;     ///< final length of the previous segment's content
  friend bool operator==(const SegmentHeader&, const SegmentHeader&) = default;
};

enum class HeaderState : std::uint8_t {
  good,
  newer,    ///< intact, of a format that this version does not know
  torn,     ///< what a crash can leave before the header was synced: no batch can stand behind it
  foreign,  ///< anything else
};

struct DecodedSegmentHeader {
  HeaderState state = HeaderState::foreign;
  std::uint16_t format = 0;
  SegmentHeader header;  // when good
};

/// A whole header page.
[[nodiscard]] std::string encode_segment_header(const SegmentHeader& header);

/// start  the first kSegmentHeaderBytes of the file, or all of a shorter one
[[nodiscard]] DecodedSegmentHeader decode_segment_header(std::string_view start);

struct BatchHeader {
  std::uint32_t body_bytes = 0;
  std::uint32_t record_count = 0;
  std::uint64_t synced_to =
      0;  ///< the file was synced up to here when the batch was written; <= the batch's offset
  std::uint64_t key = 0;
  std::uint64_t body_hash = 0;
  friend bool operator==(const BatchHeader&, const BatchHeader&) = default;
};

enum class BatchState : std::uint8_t { good, newer, bad };

struct DecodedBatchHeader {
  BatchState state = BatchState::bad;
  BatchHeader header;  // when good
};

/// Starts a batch in `out`, which becomes room for a header and nothing else; `body_bytes` will
/// follow.
void begin_batch(std::string& out, std::size_t body_bytes);
void add_record(std::string& out, const RecordView& record);
/// Fills in the header of a batch whose records stand in `out`. `identity` and `offset` say where
/// it will stand.
void finish_batch(std::string& out, std::uint64_t identity, std::uint64_t offset,
                  std::uint32_t record_count, std::uint64_t synced_to, std::uint64_t key);

/// bytes  kBatchHeaderBytes read at `offset` of the segment with this identity
[[nodiscard]] DecodedBatchHeader decode_batch_header(std::string_view bytes, std::uint64_t identity,
                                                     std::uint64_t offset);

/// `body` is what was written behind `header`, which must be good.
[[nodiscard]] bool body_matches(const BatchHeader& header, std::string_view body,
                                std::uint64_t identity, std::uint64_t offset);

/// Calls `visitor` for each record of a batch's body. errors: what the visitor returns; corrupt
/// (records do not fill the body)
[[nodiscard]] Result<void> visit_records(const BatchHeader& header, std::string_view body,
                                         std::uint64_t segment, std::uint64_t offset,
                                         const RecordVisitor& visitor);

}  // namespace causeway::storage
