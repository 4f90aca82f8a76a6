#include "kv/offline_write_codec.hpp"

#include "base/check.hpp"

namespace causeway::kv {
namespace {

constexpr std::uint8_t kDeleted = 1;
constexpr std::uint8_t kHasOldDot = 2;
constexpr std::uint8_t kFlagsKnown = kDeleted | kHasOldDot;

constexpr std::size_t kFixedSize = 1 + 7 * 8 + 2 * 4;
constexpr std::size_t kOldDotSize = 3 * 8;
static_assert(kFixedSize == kItemSizeMin);

bool has_old_dot(const crdt::OfflineWrite& write) {
  return write.old_dot != Dot{} || write.old_chain != 0;
}

}  // namespace

std::size_t item_size(const crdt::OfflineWrite& write) {
  return kFixedSize + (has_old_dot(write) ? kOldDotSize : 0) + write.key.size() +
         write.value.size();
}

void write_item(RawWriter& out, const crdt::OfflineWrite& write) {
  const bool moved = has_old_dot(write);
  const int flags = (write.deleted ? kDeleted : 0) | (moved ? kHasOldDot : 0);
  out.u8(static_cast<std::uint8_t>(flags));
  out.u64(write.dot.sequence.value);
  out.u64(write.stamp.value);
  out.u64(write.seen.index.value);
  out.u64(write.seen.log_time.value);
  out.u64(write.expires_ms);
  out.u64(write.boot_id);
  out.u64(write.boot_time_ns);
  if (moved) {
    out.u64(write.old_dot.origin.value);
    out.u64(write.old_dot.sequence.value);
    out.u64(write.old_chain);
  }
  out.u32(static_cast<std::uint32_t>(write.key.size()));
  out.u32(static_cast<std::uint32_t>(write.value.size()));
  out.bytes(write.key);
  out.bytes(write.value.view());
}

std::optional<std::string_view> read_item(ByteReader& in, Origin origin,
                                          crdt::OfflineWrite& write) {
  const std::uint8_t flags = in.u8();
  write.dot = {origin, {in.u64()}};
  write.stamp = {in.u64()};
  write.seen.index = {in.u64()};
  write.seen.log_time = {in.u64()};
  write.expires_ms = in.u64();
  write.boot_id = in.u64();
  write.boot_time_ns = in.u64();
  if ((flags & kHasOldDot) != 0) {
    write.old_dot.origin = {in.u64()};
    write.old_dot.sequence = {in.u64()};
    write.old_chain = in.u64();
  }
  const std::uint32_t key_size = in.u32();
  const std::uint32_t value_size = in.u32();
  write.key = in.bytes(key_size);
  const std::string_view value = in.bytes(value_size);
  write.deleted = (flags & kDeleted) != 0;
  if (!in.ok() || (flags & ~kFlagsKnown) != 0) return std::nullopt;
  if (write.deleted && !value.empty()) return std::nullopt;
  // An old dot of zeros is written by leaving it out.
  if ((flags & kHasOldDot) != 0 && !has_old_dot(write)) return std::nullopt;
  return value;
}

std::string encode_pending(const crdt::OfflineWrite& write) {
  std::string record(2 * 8 + item_size(write), '\0');
  RawWriter out(record.data());
  out.u64(write.dot.origin.value);
  out.u64(write.replaces.value);
  write_item(out, write);
  CAUSEWAY_CHECK(out.at() == record.data() + record.size());
  return record;
}

Result<crdt::OfflineWrite> decode_pending(std::string_view record) {
  ByteReader in(record);
  crdt::OfflineWrite write;
  const Origin origin{in.u64()};
  write.replaces = {in.u64()};
  const std::optional<std::string_view> value = read_item(in, origin, write);
  if (!value || !in.done()) {
    return Error{Errc::corrupt, "a record of the journal's index (" +
                                    std::to_string(record.size()) + " bytes) does not decode"};
  }
  write.value = Blob::copy_of(*value);
  return write;
}

}  // namespace causeway::kv
