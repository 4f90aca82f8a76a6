#include "kv/command.hpp"

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "kv/limits.hpp"
#include "kv/offline_write_codec.hpp"
#include "kv/raw_bytes.hpp"

namespace causeway::kv {
namespace {

// The layouts are drawn in docs/formats.md#commands. Every one starts with format and kind.
constexpr std::size_t kWriteFixedSize = 2 + 1 + 8 * 8 + 4;
constexpr std::size_t kSettleFixedSize = 2 + 6 * 8 + 4;
constexpr std::size_t kStartSize = 2 + 3 * 8;

constexpr std::uint8_t kHasExpected = 1;

// The value of a Blob is immutable once built; its bytes are written in one pass, to exactly its
// end.
template <class Fill>
Blob build_exactly(std::size_t size, CommandKind kind, Fill&& fill) {
  return Blob::build(size, [&](char* bytes) {
    RawWriter out(bytes);
    out.u8(kCommandFormat);
    out.u8(static_cast<std::uint8_t>(kind));
    fill(out);
    CAUSEWAY_CHECK(out.at() == bytes + size);
  });
}

Error corrupt(const char* what, std::size_t size) {
  return {Errc::corrupt, "a command of " + std::to_string(size) + " bytes: " + what};
}

bool is_write(std::uint8_t kind) {
  return kind == static_cast<std::uint8_t>(CommandKind::set) ||
         kind == static_cast<std::uint8_t>(CommandKind::remove) ||
         kind == static_cast<std::uint8_t>(CommandKind::swap);
}

Result<Command> decode_write(std::string_view bytes, CommandKind kind) {
  if (bytes.size() < kWriteFixedSize) return corrupt("a write cut short", bytes.size());
  RawReader in(bytes.data() + 2);
  const std::uint8_t flags = in.u8();
  Write write;
  write.kind = kind;
  write.call.origin = {in.u64()};
  write.call.incarnation = {in.u64()};
  write.call.number = in.u64();
  write.call.lowest_unanswered = in.u64();
  write.reached = {in.u64()};
  write.session = in.u64();
  write.session_number = in.u64();
  write.expires_ms = in.u64();
  const std::uint32_t key_size = in.u32();

  const bool has_expected = flags == kHasExpected && kind == CommandKind::swap;
  if (flags != 0 && !has_expected) return corrupt("a write with unknown flags", bytes.size());
  if ((write.session | write.session_number | write.expires_ms) != 0) {
    return corrupt("a write with fields that format 1 does not know", bytes.size());
  }

  ByteReader rest(bytes.substr(kWriteFixedSize));
  const std::uint32_t expected_size = has_expected ? rest.u32() : 0;
  write.key = rest.bytes(key_size);
  if (has_expected) write.expected = rest.bytes(expected_size);
  write.value = rest.rest();
  if (!rest.ok()) return corrupt("a write whose lengths exceed it", bytes.size());
  if (write.key.empty() || write.key.size() > kKeyBytesMax) {
    return corrupt("a write with an impossible key", bytes.size());
  }
  if (write.value.size() > kValueBytesMax || expected_size > kValueBytesMax) {
    return corrupt("a write with an impossible value", bytes.size());
  }
  if (kind == CommandKind::remove && !write.value.empty()) {
    return corrupt("a delete with a value", bytes.size());
  }
  return Command{write};
}

Result<Command> decode_settle(const Blob& bytes) {
  const std::string_view whole = bytes.view();
  ByteReader in(whole.substr(2));
  Settle settle;
  settle.origin = {in.u64()};
  settle.incarnation = {in.u64()};
  settle.number = in.u64();
  settle.follows = {in.u64()};
  settle.chain = in.u64();
  settle.learnt_through = {in.u64()};
  const std::uint32_t count = in.u32();
  if (!in.ok() || count > in.left() / kItemSizeMin) {
    return corrupt("a settle batch shorter than its count of items", whole.size());
  }
  settle.items.resize(count);
  for (crdt::OfflineWrite& item : settle.items) {
    const std::optional<std::string_view> value = read_item(in, settle.origin, item);
    if (!value) return corrupt("a settle batch with a malformed item", whole.size());
    if (value->empty()) continue;
    item.value = bytes.slice(static_cast<std::size_t>(value->data() - whole.data()), value->size());
  }
  if (!in.done()) return corrupt("bytes behind a settle batch", whole.size());
  return Command{std::move(settle)};
}

Result<Command> decode_start(std::string_view bytes) {
  if (bytes.size() != kStartSize) return corrupt("a start record of another size", bytes.size());
  RawReader in(bytes.data() + 2);
  Start start;
  start.origin = {in.u64()};
  start.incarnation = {in.u64()};
  start.number = in.u64();
  return Command{start};
}

}  // namespace

Blob encode(const Write& write) {
  CAUSEWAY_CHECK(is_write(static_cast<std::uint8_t>(write.kind)));
  CAUSEWAY_CHECK(!write.key.empty());
  CAUSEWAY_CHECK(write.key.size() <= kKeyBytesMax);
  CAUSEWAY_CHECK(write.value.size() <= kValueBytesMax);
  CAUSEWAY_CHECK(write.value.empty() || write.kind != CommandKind::remove);
  CAUSEWAY_CHECK(!write.expected || write.kind == CommandKind::swap);
  CAUSEWAY_CHECK(!write.expected || write.expected->size() <= kValueBytesMax);
  CAUSEWAY_CHECK(write.session == 0);
  CAUSEWAY_CHECK(write.session_number == 0);
  CAUSEWAY_CHECK(write.expires_ms == 0);

  const std::size_t expected_size = write.expected ? 4 + write.expected->size() : 0;
  const std::size_t size = kWriteFixedSize + expected_size + write.key.size() + write.value.size();
  return build_exactly(size, write.kind, [&write](RawWriter& out) {
    out.u8(write.expected ? kHasExpected : 0);
    out.u64(write.call.origin.value);
    out.u64(write.call.incarnation.value);
    out.u64(write.call.number);
    out.u64(write.call.lowest_unanswered);
    out.u64(write.reached.value);
    out.u64(write.session);
    out.u64(write.session_number);
    out.u64(write.expires_ms);
    out.u32(static_cast<std::uint32_t>(write.key.size()));
    if (write.expected) out.u32(static_cast<std::uint32_t>(write.expected->size()));
    out.bytes(write.key);
    if (write.expected) out.bytes(*write.expected);
    out.bytes(write.value);
  });
}

Blob encode(const Settle& settle) {
  std::size_t size = kSettleFixedSize;
  for (const crdt::OfflineWrite& item : settle.items) {
    CAUSEWAY_CHECK(item.dot.origin == settle.origin);
    CAUSEWAY_CHECK(!item.deleted || item.value.empty());
    size += item_size(item);
  }
  return build_exactly(size, CommandKind::settle, [&settle](RawWriter& out) {
    out.u64(settle.origin.value);
    out.u64(settle.incarnation.value);
    out.u64(settle.number);
    out.u64(settle.follows.value);
    out.u64(settle.chain);
    out.u64(settle.learnt_through.value);
    out.u32(static_cast<std::uint32_t>(settle.items.size()));
    for (const crdt::OfflineWrite& item : settle.items) write_item(out, item);
  });
}

Blob encode(const Start& start) {
  return build_exactly(kStartSize, CommandKind::start, [&start](RawWriter& out) {
    out.u64(start.origin.value);
    out.u64(start.incarnation.value);
    out.u64(start.number);
  });
}

Result<Command> decode(const Blob& bytes) {
  const std::string_view view = bytes.view();
  if (view.size() < 2) return corrupt("too short for format and kind", view.size());
  if (static_cast<std::uint8_t>(view[0]) != kCommandFormat) {
    return corrupt("of an unknown format", view.size());
  }
  const auto kind = static_cast<std::uint8_t>(view[1]);
  if (is_write(kind)) return decode_write(view, static_cast<CommandKind>(kind));
  if (kind == static_cast<std::uint8_t>(CommandKind::settle)) return decode_settle(bytes);
  if (kind == static_cast<std::uint8_t>(CommandKind::start)) return decode_start(view);
  return corrupt("of an unknown kind", view.size());
}

}  // namespace causeway::kv
