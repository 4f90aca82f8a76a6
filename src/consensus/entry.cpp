#include "consensus/entry.hpp"

#include <cstddef>
#include <string_view>

#include "base/hash.hpp"

namespace causeway::consensus {
namespace {

void put(char*& out, std::uint64_t value, int width) {
  for (int i = 0; i < width; ++i) *out++ = static_cast<char>(value >> (8 * i));
}

}  // namespace

// Persisted (docs/formats.md#running-hash): XXH3 of the payload, seeded with XXH3 of the 25 bytes
// index, term, log time, kind (little-endian), which is seeded with the hash before. Two small
// hashes need no copy of the payload.
std::uint64_t running_hash(std::uint64_t previous, const Entry& entry) {
  char head[25];
  char* out = head;
  put(out, entry.index.value, 8);
  put(out, entry.term.value, 8);
  put(out, entry.log_time.value, 8);
  put(out, static_cast<std::uint8_t>(entry.kind), 1);
  const std::uint64_t seed = hash64(std::string_view(head, sizeof head), previous);
  return hash64(entry.payload.view(), seed);
}

}  // namespace causeway::consensus
