// The bytes of segment and batch headers: what is taken as ours, and that nothing else is.
#include "storage/segment_format.hpp"

#include <doctest/doctest.h>

#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "storage/log_fixture.hpp"

using namespace causeway;
using namespace causeway::storage;
using namespace causeway::testing;

namespace {

const SegmentHeader kHeader{.kind = kTestKind,
                            .number = 3,
                            .identity = 0x1122334455667788,
                            .previous_identity = 77,
                            .previous_bytes = 5000};

std::string batch_at(std::uint64_t identity, std::uint64_t offset, std::uint64_t synced_to = 4096) {
  std::string batch;
  begin_batch(batch, 0);
  add_record(batch, {.type = 9, .head = "head", .body = "body"});
  finish_batch(batch, identity, offset, 1, synced_to, 42);
  return batch;
}

std::string with_format(std::string bytes, std::uint16_t format, std::size_t hash_at,
                        std::uint64_t seed) {
  bytes[4] = static_cast<char>(format);
  std::string hash;
  ByteWriter(hash).u64(hash64(std::string_view(bytes).substr(0, hash_at), seed));
  return bytes.replace(hash_at, 8, hash);
}

}  // namespace

TEST_CASE("a segment header is read back as it was written") {
  const std::string page = encode_segment_header(kHeader);
  CHECK(page.size() == kSegmentHeaderBytes);
  const DecodedSegmentHeader decoded = decode_segment_header(page);
  CHECK(decoded.state == HeaderState::good);
  CHECK(decoded.header == kHeader);
}

TEST_CASE("no flipped bit in the used part of a segment header passes") {
  const std::string page = encode_segment_header(kHeader);
  for (std::size_t bit = 0; bit < kSegmentHeaderUsedBytes * 8; ++bit) {
    std::string flipped = page;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    CAPTURE(bit);
    CHECK(decode_segment_header(flipped).state != HeaderState::good);
    CHECK(decode_segment_header(flipped).state != HeaderState::newer);
  }
}

TEST_CASE("what a crash leaves of a segment header is torn, other bytes are foreign") {
  const std::string page = encode_segment_header(kHeader);
  struct Row {
    const char* why;
    std::string start;
    HeaderState want;
  };
  const Row rows[] = {
      {"made, nothing written", "", HeaderState::torn},
      {"space reserved, nothing written", std::string(kSegmentHeaderBytes, '\0'),
       HeaderState::torn},
      {"cut in the magic", page.substr(0, 2), HeaderState::torn},
      {"cut in the fields", page.substr(0, 30), HeaderState::torn},
      {"first 30 bytes, zeros behind", page.substr(0, 30) + std::string(4066, '\0'),
       HeaderState::torn},
      {"complete but for the page's end", page.substr(0, 512), HeaderState::torn},
      {"a text", "hello, I am a file of somebody else", HeaderState::foreign},
      {"a large text", std::string(kSegmentHeaderBytes, 'x'), HeaderState::foreign},
      {"our magic, then bytes where only zeros were ever written",
       page.substr(0, 30) + std::string(4066, 'x'), HeaderState::foreign},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    CHECK(decode_segment_header(row.start).state == row.want);
  }
}

TEST_CASE("a header whose write ended at any byte is torn, in a reserved file as in a short one") {
  const std::string page = encode_segment_header(kHeader);
  const std::size_t whole = page.find_last_not_of('\0') + 1;
  for (std::size_t size = 0; size < whole; ++size) {
    CAPTURE(size);
    std::string start = page.substr(0, size);
    CHECK(decode_segment_header(start).state == HeaderState::torn);
    start.resize(kSegmentHeaderBytes);
    CHECK(decode_segment_header(start).state == HeaderState::torn);
  }
}

TEST_CASE("an intact header of a newer format is told from a damaged one") {
  const std::string page = with_format(encode_segment_header(kHeader), 2, 56, 0);
  CHECK(decode_segment_header(page).state == HeaderState::newer);
  CHECK(decode_segment_header(page).format == 2);
}

TEST_CASE("a batch is read back as it was written, at its place only") {
  const std::string batch = batch_at(5, 4096);
  const std::string_view header = std::string_view(batch).substr(0, kBatchHeaderBytes);
  const std::string_view body = std::string_view(batch).substr(kBatchHeaderBytes);
  const DecodedBatchHeader decoded = decode_batch_header(header, 5, 4096);
  REQUIRE(decoded.state == BatchState::good);
  CHECK(decoded.header.key == 42);
  CHECK(decoded.header.record_count == 1);
  CHECK(decoded.header.synced_to == 4096);
  CHECK(body_matches(decoded.header, body, 5, 4096));
  CHECK(decode_batch_header(header, 5, 4097).state == BatchState::bad);  // a misdirected write
  CHECK(decode_batch_header(header, 6, 4096).state == BatchState::bad);  // a recycled block
  CHECK_FALSE(body_matches(decoded.header, body, 5, 4097));
  CHECK_FALSE(body_matches(decoded.header, body, 6, 4096));
  CHECK_FALSE(body_matches(decoded.header, body.substr(1), 5, 4096));
}

TEST_CASE("no flipped bit and no cut of a batch passes") {
  const std::string batch = batch_at(5, 4096);
  const auto passes = [](const std::string& bytes) {
    if (bytes.size() < kBatchHeaderBytes) return false;
    const std::string_view view(bytes);
    const DecodedBatchHeader decoded =
        decode_batch_header(view.substr(0, kBatchHeaderBytes), 5, 4096);
    return decoded.state != BatchState::bad &&
           body_matches(decoded.header, view.substr(kBatchHeaderBytes), 5, 4096);
  };
  REQUIRE(passes(batch));
  for (std::size_t bit = 0; bit < batch.size() * 8; ++bit) {
    std::string flipped = batch;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    CAPTURE(bit);
    CHECK_FALSE(passes(flipped));
  }
  for (std::size_t size = 0; size < batch.size(); ++size)
    CHECK_FALSE(passes(batch.substr(0, size)));
}

TEST_CASE("a record that claims more than its batch holds is corrupt, not read") {
  std::string batch;
  begin_batch(batch, 0);
  ByteWriter(batch).u32(0xffffffff);
  ByteWriter(batch).u8(1);
  BatchHeader header{.body_bytes = 5, .record_count = 1};
  const auto nothing = [](const RecordRef&) -> Result<void> { return success(); };
  const Result<void> visited =
      visit_records(header, std::string_view(batch).substr(kBatchHeaderBytes), 1, 4096, nothing);
  REQUIRE_FALSE(visited);
  CHECK(visited.error().code == Errc::corrupt);
}

TEST_CASE("only names of the log's own files carry a segment number") {
  CHECK(segment_file_name("raft", 1) == "raft-0000000001.log");
  CHECK(segment_file_name("raft", 12345678901) == "raft-12345678901.log");
  CHECK(segment_number_of("raft", "raft-0000000001.log") == 1);
  CHECK(segment_number_of("raft", "raft-12345678901.log") == 12345678901);
  for (const char* other :
       {"journal-0000000001.log", "raft-0000000001.log.bak", "raft-1.log", "raft-00000000001.log",
        "raft-000000000x.log", "raft-.log", "raft.log", "raft", "", "raft-0000000001",
        "raftx0000000001.log", "raft-99999999999999999999999.log"}) {
    CAPTURE(other);
    CHECK(segment_number_of("raft", other) == 0);
  }
}
