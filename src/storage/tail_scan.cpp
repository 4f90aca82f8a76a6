#include "storage/tail_scan.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "storage/batch_reader.hpp"
#include "storage/segment_format.hpp"

namespace causeway::storage {
namespace {

bool is_zero(std::string_view bytes) {
  return bytes.empty() ||
         (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

Result<TailScan> look(File& file, std::string_view name, std::uint64_t identity, std::uint64_t tail,
                      std::uint64_t end) {
  constexpr std::size_t kOverlap = kBatchHeaderBytes - 1;  // a header may cross the end of a chunk
  TailScan scan;
  std::string buffer;
  for (std::uint64_t at = tail; at < end;) {
    const auto wanted = static_cast<std::size_t>(
        std::min<std::uint64_t>(BatchReader::kChunkBytes + kOverlap, end - at));
    CAUSEWAY_TRY(chunk, read_up_to(file, name, at, wanted, buffer));
    if (!is_zero(chunk)) {
      scan.all_zero = false;
      for (std::size_t hit = chunk.find(kBatchMagic); hit != std::string_view::npos;
           hit = chunk.find(kBatchMagic, hit + 1)) {
        const std::uint64_t offset = at + hit;
        const DecodedBatchHeader found =
            decode_batch_header(chunk.substr(hit, kBatchHeaderBytes), identity, offset);
        if (found.state == BatchState::newer) scan.newer = offset;
        if (found.state == BatchState::good && found.header.synced_to > tail) {
          scan.damage = {.offset = offset, .synced_to = found.header.synced_to};
          return scan;
        }
      }
    }
    if (chunk.size() < wanted) break;
    at += std::min<std::size_t>(wanted, BatchReader::kChunkBytes);
  }
  return scan;
}

}  // namespace

Result<TailScan> scan_tail(File& file, std::string_view name, std::uint64_t identity,
                           std::uint64_t tail, std::uint64_t end) {
  CAUSEWAY_TRY(first, look(file, name, identity, tail, end));
  if (first.damage || first.newer) return first;
  CAUSEWAY_TRY(second, look(file, name, identity, tail, end));
  second.all_zero = second.all_zero && first.all_zero;
  return second;
}

}  // namespace causeway::storage
