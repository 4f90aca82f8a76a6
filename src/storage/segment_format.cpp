#include "storage/segment_format.hpp"

#include <algorithm>
#include <cstring>

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "base/hash.hpp"

namespace causeway::storage {
namespace {

// These places never change in any later format, nor do those of the magic and of the format behind
// it, so that every version can tell "newer" from "damaged".
constexpr std::size_t kSegmentHashAt = kSegmentHeaderUsedBytes - 8;
constexpr std::size_t kBatchHashAt = kBatchHeaderBytes - 8;

std::uint64_t place_seed(std::uint64_t identity, std::uint64_t offset) {
  return identity + offset * 0x9e3779b97f4a7c15;
}

bool all_zero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

// A crash before the header's sync leaves some of the used bytes, in one piece from the start, and
// zeros: nothing else was ever written to the file. A header damaged at rest looks the same only
// where no batch stands behind it.
bool could_be_torn(std::string_view start) {
  const std::string_view used = start.substr(0, kSegmentHeaderUsedBytes);
  if (!all_zero(start.substr(used.size()))) return false;
  // A write may end at any byte, and space that was reserved is zero behind it.
  const std::string_view written = used.substr(0, used.find_last_not_of('\0') + 1);
  return kSegmentMagic.starts_with(written) || written.starts_with(kSegmentMagic);
}

}  // namespace

std::string segment_file_name(std::string_view log_name, std::uint64_t number) {
  std::string digits = std::to_string(number);
  if (digits.size() < 10) digits.insert(0, 10 - digits.size(), '0');
  return std::string(log_name) + '-' + digits + ".log";
}

std::uint64_t segment_number_of(std::string_view log_name, std::string_view file_name) {
  const std::size_t digits_at = log_name.size() + 1;
  std::uint64_t number = 0;
  for (std::size_t i = digits_at; i < file_name.size() && i < digits_at + 18; ++i) {
    const char c = file_name[i];
    if (c < '0' || c > '9') break;
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  // Only the one name that we would give to this number: "raft-1.log" or a copy's name is none of
  // ours.
  return segment_file_name(log_name, number) == file_name ? number : 0;
}

std::string encode_segment_header(const SegmentHeader& header) {
  std::string out;
  out.reserve(kSegmentHeaderBytes);
  ByteWriter writer(out);
  writer.bytes(kSegmentMagic);
  writer.u16(kSegmentFormat);
  writer.u16(0);
  writer.u32(header.kind);
  writer.u32(0);
  writer.u64(header.number);
  writer.u64(header.identity);
  writer.u64(header.previous_identity);
  writer.u64(header.previous_bytes);
  writer.u64(0);
  CAUSEWAY_CHECK(out.size() == kSegmentHashAt);
  writer.u64(hash64(out));
  out.resize(kSegmentHeaderBytes);
  return out;
}

DecodedSegmentHeader decode_segment_header(std::string_view start) {
  DecodedSegmentHeader decoded;
  const std::string_view hashed = start.substr(0, kSegmentHashAt);
  ByteReader reader(start);
  const std::string_view magic = reader.bytes(kSegmentMagic.size());
  decoded.format = reader.u16();
  reader.u16();
  decoded.header.kind = reader.u32();
  reader.u32();
  decoded.header.number = reader.u64();
  decoded.header.identity = reader.u64();
  decoded.header.previous_identity = reader.u64();
  decoded.header.previous_bytes = reader.u64();
  reader.u64();
  const std::uint64_t hash = reader.u64();
  if (reader.ok() && start.size() == kSegmentHeaderBytes && magic == kSegmentMagic &&
      hash == hash64(hashed)) {
    decoded.state = decoded.format == kSegmentFormat ? HeaderState::good : HeaderState::newer;
  } else if (could_be_torn(start)) {
    decoded.state = HeaderState::torn;
  }
  return decoded;
}

void begin_batch(std::string& out, std::size_t body_bytes) {
  out.reserve(kBatchHeaderBytes + body_bytes);
  out.assign(kBatchHeaderBytes, '\0');
}

void add_record(std::string& out, const RecordView& record) {
  ByteWriter writer(out);
  writer.u32(static_cast<std::uint32_t>(record.head.size() + record.body.size()));
  writer.u8(record.type);
  writer.bytes(record.head);
  writer.bytes(record.body);
}

void finish_batch(std::string& out, std::uint64_t identity, std::uint64_t offset,
                  std::uint32_t record_count, std::uint64_t synced_to, std::uint64_t key) {
  CAUSEWAY_CHECK(out.size() > kBatchHeaderBytes);
  CAUSEWAY_CHECK(out.size() <= kBatchHeaderBytes + kBatchBytesMax);
  CAUSEWAY_CHECK(synced_to <= offset);
  const std::uint64_t seed = place_seed(identity, offset);
  const std::string_view body = std::string_view(out).substr(kBatchHeaderBytes);

  std::string header;
  header.reserve(kBatchHeaderBytes);
  ByteWriter writer(header);
  writer.bytes(kBatchMagic);
  writer.u16(kBatchFormat);
  writer.u16(0);
  writer.u32(static_cast<std::uint32_t>(body.size()));
  writer.u32(record_count);
  writer.u64(synced_to);
  writer.u64(key);
  writer.u64(hash64(body, seed));
  CAUSEWAY_CHECK(header.size() == kBatchHashAt);
  writer.u64(hash64(header, seed));
  std::memcpy(out.data(), header.data(), header.size());
}

DecodedBatchHeader decode_batch_header(std::string_view bytes, std::uint64_t identity,
                                       std::uint64_t offset) {
  DecodedBatchHeader decoded;
  if (bytes.size() != kBatchHeaderBytes) return decoded;
  ByteReader reader(bytes);
  if (reader.bytes(kBatchMagic.size()) != kBatchMagic) return decoded;
  const std::uint16_t format = reader.u16();
  reader.u16();
  BatchHeader& header = decoded.header;
  header.body_bytes = reader.u32();
  header.record_count = reader.u32();
  header.synced_to = reader.u64();
  header.key = reader.u64();
  header.body_hash = reader.u64();
  const std::uint64_t hash = reader.u64();
  if (hash != hash64(bytes.substr(0, kBatchHashAt), place_seed(identity, offset))) return decoded;
  if (format != kBatchFormat) {
    decoded.state = BatchState::newer;
  } else if (header.body_bytes <= kBatchBytesMax && header.synced_to <= offset) {
    decoded.state = BatchState::good;
  }
  return decoded;
}

bool body_matches(const BatchHeader& header, std::string_view body, std::uint64_t identity,
                  std::uint64_t offset) {
  return body.size() == header.body_bytes &&
         hash64(body, place_seed(identity, offset)) == header.body_hash;
}

Result<void> visit_records(const BatchHeader& header, std::string_view body, std::uint64_t segment,
                           std::uint64_t offset, const RecordVisitor& visitor) {
  ByteReader reader(body);
  for (std::uint32_t i = 0; i < header.record_count; ++i) {
    const std::uint32_t size = reader.u32();
    const std::uint8_t type = reader.u8();
    const std::string_view bytes = reader.bytes(size);
    if (!reader.ok()) break;
    const RecordRef record{
        .type = type, .body = bytes, .segment = segment, .offset = offset, .key = header.key};
    CAUSEWAY_TRY(visitor(record));
  }
  if (!reader.done()) {
    return Error{Errc::corrupt, "its records do not fill it, though its checksum is right"};
  }
  return success();
}

}  // namespace causeway::storage
