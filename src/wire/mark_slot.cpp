// The file of the newest commit mark: two slots, written in turn, so that one is whole at any
// moment.

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "base/hash.hpp"
#include "wire/log_record.hpp"

namespace causeway::wire {
namespace {

constexpr std::string_view kMarkMagic = "CWMK";
constexpr std::uint32_t kMarkFormat = 1;
constexpr std::size_t kHashedBytes = kMarkSlotBytes - 8;

}  // namespace

std::string encode_mark_slot(std::uint64_t generation, LogIndex mark) {
  std::string slot;
  ByteWriter out(slot);
  out.bytes(kMarkMagic);
  out.u32(kMarkFormat);
  out.u64(generation);
  out.u64(mark.value);
  CAUSEWAY_CHECK(slot.size() == kHashedBytes);
  out.u64(hash64(slot));
  return slot;
}

Result<MarkSlot> decode_mark_slot(std::string_view bytes) {
  ByteReader in(bytes);
  const std::string_view magic = in.bytes(kMarkMagic.size());
  const std::uint32_t format = in.u32();
  const MarkSlot slot{.generation = in.u64(), .mark = {in.u64()}};
  const std::uint64_t hash = in.u64();
  if (!in.done() || magic != kMarkMagic || hash != hash64(bytes.substr(0, kHashedBytes))) {
    return Error{Errc::corrupt, "a slot of the commit mark file is torn or empty"};
  }
  // Only now, when it is known to be what was written, does the format say anything.
  if (format != kMarkFormat) {
    return Error{Errc::unavailable, "the commit mark file has format " + std::to_string(format) +
                                        ", this version reads " + std::to_string(kMarkFormat) +
                                        "; start the version that wrote it"};
  }
  return slot;
}

}  // namespace causeway::wire
