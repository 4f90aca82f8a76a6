#include "kv/stored.hpp"

#include "base/check.hpp"
#include "kv/raw_bytes.hpp"

namespace causeway::kv {
namespace {

// The first byte of a version: format in the upper half, flags in the lower.
constexpr unsigned kVersionFormat = 1;
constexpr unsigned kOffline = 1;
constexpr unsigned kTombstone = 2;
constexpr unsigned kHasSession = 4;
constexpr unsigned kHasExpiry = 8;
constexpr std::size_t kVersionSizeMax = 1 + 6 * 8;

constexpr std::uint8_t kAppliedFormat = 1;
constexpr std::uint8_t kConflictFormat = 1;

// Says of a conflict's two values where they are.
constexpr unsigned kLostValue = 1;
constexpr unsigned kLostDropped = 2;
constexpr unsigned kWonValue = 4;
constexpr unsigned kWonDropped = 8;

std::size_t write_version(char* out, const crdt::StoredVersion& version) {
  const unsigned flags = (version.kind == crdt::WriteKind::offline ? kOffline : 0) |
                         (version.tombstone ? kTombstone : 0) |
                         (version.session != 0 ? kHasSession : 0) |
                         (version.expires_ms != 0 ? kHasExpiry : 0);
  RawWriter writer(out);
  writer.u8(static_cast<std::uint8_t>(kVersionFormat << 4 | flags));
  writer.u64(version.revision.value);
  writer.u64(version.stamp.value);
  writer.u64(version.origin.value);
  writer.u64(version.sequence.value);
  if (version.session != 0) writer.u64(version.session);
  if (version.expires_ms != 0) writer.u64(version.expires_ms);
  return static_cast<std::size_t>(writer.at() - out);
}

void append_version(std::string& out, const crdt::StoredVersion& version) {
  char header[kVersionSizeMax];
  out.append(header, write_version(header, version));
}

std::optional<crdt::StoredVersion> read_version(ByteReader& in) {
  const std::uint8_t first = in.u8();
  if (first >> 4 != kVersionFormat) return std::nullopt;
  crdt::StoredVersion version;
  version.kind = (first & kOffline) != 0 ? crdt::WriteKind::offline : crdt::WriteKind::consistent;
  version.tombstone = (first & kTombstone) != 0;
  version.revision = {in.u64()};
  version.stamp = {in.u64()};
  version.origin = {in.u64()};
  version.sequence = {in.u64()};
  if ((first & kHasSession) != 0) version.session = in.u64();
  if ((first & kHasExpiry) != 0) version.expires_ms = in.u64();
  if (!in.ok()) return std::nullopt;
  return version;
}

bool known(crdt::VerdictKind kind) {
  return kind >= crdt::VerdictKind::won && kind <= crdt::VerdictKind::replaced;
}

}  // namespace

Error damaged(std::string_view what) {
  return {Errc::corrupt, "the state's table is damaged: " + std::string(what)};
}

std::string encode_stored(const crdt::StoredVersion& version, std::string_view value) {
  char header[kVersionSizeMax];
  const std::size_t header_size = write_version(header, version);
  std::string row;
  row.reserve(header_size + value.size());
  row.append(header, header_size).append(value);
  return row;
}

std::optional<Stored> decode_stored(std::string row) {
  ByteReader in(row);
  const std::optional<crdt::StoredVersion> version = read_version(in);
  if (!version || (version->tombstone && in.left() != 0)) return std::nullopt;
  const std::size_t value_offset = row.size() - in.left();
  return Stored{*version, std::move(row), value_offset};
}

std::string encode_verdict(const crdt::Verdict& verdict) {
  std::string row;
  ByteWriter out(row);
  out.u8(static_cast<std::uint8_t>(verdict.kind));
  switch (verdict.kind) {
    case crdt::VerdictKind::won:
    case crdt::VerdictKind::superseded: append_version(row, verdict.winner); break;
    case crdt::VerdictKind::rejected: out.bytes(verdict.reason); break;
    case crdt::VerdictKind::replaced:
      out.u64(verdict.replaced_by.origin.value);
      out.u64(verdict.replaced_by.sequence.value);
      break;
  }
  return row;
}

std::optional<crdt::Verdict> decode_verdict(Sequence sequence, std::string_view row) {
  ByteReader in(row);
  crdt::Verdict verdict;
  verdict.sequence = sequence;
  verdict.kind = static_cast<crdt::VerdictKind>(in.u8());
  if (!known(verdict.kind)) return std::nullopt;
  switch (verdict.kind) {
    case crdt::VerdictKind::won:
    case crdt::VerdictKind::superseded: {
      const std::optional<crdt::StoredVersion> winner = read_version(in);
      if (!winner) return std::nullopt;
      verdict.winner = *winner;
      break;
    }
    case crdt::VerdictKind::rejected: verdict.reason = in.rest(); break;
    case crdt::VerdictKind::replaced:
      verdict.replaced_by.origin = {in.u64()};
      verdict.replaced_by.sequence = {in.u64()};
      break;
  }
  if (!in.done()) return std::nullopt;
  return verdict;
}

std::string encode_conflict(const Conflict& conflict) {
  const unsigned flags =
      (conflict.lost_value ? kLostValue : 0) | (conflict.lost_value_dropped ? kLostDropped : 0) |
      (conflict.won_value ? kWonValue : 0) | (conflict.won_value_dropped ? kWonDropped : 0);
  std::string row;
  ByteWriter out(row);
  out.u8(kConflictFormat);
  out.u8(static_cast<std::uint8_t>(flags));
  out.u8(static_cast<std::uint8_t>(conflict.verdict));
  append_version(row, conflict.lost);
  append_version(row, conflict.won);
  out.sized(conflict.key);
  out.sized(conflict.reason);
  if (conflict.lost_value) out.sized(*conflict.lost_value);
  if (conflict.won_value) out.sized(*conflict.won_value);
  return row;
}

std::optional<Conflict> decode_conflict(std::uint64_t number, std::string_view row) {
  ByteReader in(row);
  const std::uint8_t format = in.u8();
  const unsigned flags = in.u8();
  Conflict conflict;
  conflict.number = number;
  conflict.verdict = static_cast<crdt::VerdictKind>(in.u8());
  if (format != kConflictFormat || !known(conflict.verdict)) return std::nullopt;
  const std::optional<crdt::StoredVersion> lost = read_version(in);
  if (!lost) return std::nullopt;
  const std::optional<crdt::StoredVersion> won = read_version(in);
  if (!won) return std::nullopt;
  conflict.lost = *lost;
  conflict.won = *won;
  conflict.key = in.sized();
  conflict.reason = in.sized();
  if ((flags & kLostValue) != 0) conflict.lost_value = in.sized();
  if ((flags & kWonValue) != 0) conflict.won_value = in.sized();
  conflict.lost_value_dropped = (flags & kLostDropped) != 0;
  conflict.won_value_dropped = (flags & kWonDropped) != 0;
  if (!in.done()) return std::nullopt;
  return conflict;
}

std::string encode_applied(const AppliedRow& applied) {
  std::string row;
  row.reserve(1 + 5 * sizeof(std::uint64_t));
  ByteWriter out(row);
  out.u8(kAppliedFormat);
  out.u64(applied.position.index.value);
  out.u64(applied.position.term.value);
  out.u64(applied.position.log_time.value);
  out.u64(applied.position.hash);
  out.u64(applied.greatest_stamp.value);
  return row;
}

std::optional<AppliedRow> decode_applied(std::string_view row) {
  ByteReader in(row);
  if (in.u8() != kAppliedFormat) return std::nullopt;
  AppliedRow applied;
  applied.position.index = {in.u64()};
  applied.position.term = {in.u64()};
  applied.position.log_time = {in.u64()};
  applied.position.hash = in.u64();
  applied.greatest_stamp = {in.u64()};
  if (!in.done()) return std::nullopt;
  return applied;
}

}  // namespace causeway::kv
