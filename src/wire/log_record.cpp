#include "wire/log_record.hpp"

#include <cstring>
#include <utility>

#include "base/bytes.hpp"
#include "base/hash.hpp"

namespace causeway::wire {
namespace {

// Records are checked by storage before they come here; what still does not fit was written by a
// later version, or by a bug of ours.
Error unreadable(std::string_view log, std::uint8_t type, const Blob& body) {
  return {Errc::corrupt, "a record of type " + std::to_string(type) + " and " +
                             std::to_string(body.size()) + " bytes in the " + std::string(log) +
                             " log is none that this version knows"};
}

// Bytes of flags: a bit that is not known is no record of this version.
constexpr std::uint8_t kDeleted = 1;

bool read_flag(std::uint8_t byte, bool& bad) {
  bad = bad || byte > 1;
  return byte == 1;
}

void write(const crdt::StoredVersion& version, ByteWriter& out) {
  out.u64(version.revision.value);
  out.u64(version.stamp.value);
  out.u64(version.origin.value);
  out.u64(version.sequence.value);
  out.u8(static_cast<std::uint8_t>(version.kind));
  out.u8(version.tombstone ? 1 : 0);
  out.u64(version.session);
  out.u64(version.expires_ms);
}

crdt::StoredVersion read_version(ByteReader& in, bool& bad) {
  crdt::StoredVersion version;
  version.revision = {in.u64()};
  version.stamp = {in.u64()};
  version.origin = {in.u64()};
  version.sequence = {in.u64()};
  version.kind = static_cast<crdt::WriteKind>(in.u8());
  version.tombstone = read_flag(in.u8(), bad);
  version.session = in.u64();
  version.expires_ms = in.u64();
  bad = bad ||
        (version.kind != crdt::WriteKind::consistent && version.kind != crdt::WriteKind::offline);
  return version;
}

bool is_known(crdt::VerdictKind kind) {
  return kind == crdt::VerdictKind::won || kind == crdt::VerdictKind::superseded ||
         kind == crdt::VerdictKind::rejected || kind == crdt::VerdictKind::replaced;
}

Blob rest_of(const Blob& body, const ByteReader& in) {
  return in.left() == 0 ? Blob() : body.slice(body.size() - in.left(), in.left());
}

Result<RaftRecord> decode_entry(const Blob& body) {
  ByteReader in(body.view());
  consensus::Entry entry;
  entry.index = {in.u64()};
  entry.term = {in.u64()};
  entry.log_time = {in.u64()};
  entry.hash = in.u64();
  entry.kind = static_cast<consensus::EntryKind>(in.u8());
  const bool known = entry.kind == consensus::EntryKind::command ||
                     entry.kind == consensus::EntryKind::configuration;
  if (!in.ok() || !known) {
    return unreadable("raft", static_cast<std::uint8_t>(RecordType::entry), body);
  }
  entry.payload = rest_of(body, in);
  return RaftRecord{std::move(entry)};
}

Result<JournalRecord> decode_offline_write(const Blob& body) {
  ByteReader in(body.view());
  crdt::OfflineWrite write;
  write.dot = {.origin = {in.u64()}, .sequence = {in.u64()}};
  write.stamp = {in.u64()};
  write.seen = {.index = {in.u64()}, .log_time = {in.u64()}};
  const std::uint8_t flags = in.u8();
  write.deleted = (flags & kDeleted) != 0;
  write.expires_ms = in.u64();
  write.boot_id = in.u64();
  write.boot_time_ns = in.u64();
  write.replaces = {in.u64()};
  write.old_dot = {.origin = {in.u64()}, .sequence = {in.u64()}};
  write.old_chain = in.u64();
  write.key = std::string(in.sized());
  const bool fits = (flags & ~kDeleted) == 0 && !(write.deleted && in.left() != 0);
  if (!in.ok() || !fits) {
    return unreadable("journal", static_cast<std::uint8_t>(RecordType::offline_write), body);
  }
  write.value = rest_of(body, in);
  return JournalRecord{std::move(write)};
}

Result<JournalRecord> decode_settled(const Blob& body) {
  ByteReader in(body.view());
  bool bad = false;
  crdt::Settled settled;
  settled.origin = {in.u64()};
  settled.through = {in.u64()};
  settled.chain = in.u64();
  // Grown verdict by verdict: a count is only believed as far as there are bytes.
  const std::uint32_t count = in.u32();
  for (std::uint32_t i = 0; i < count && in.ok() && !bad; ++i) {
    crdt::Verdict verdict;
    verdict.sequence = {in.u64()};
    verdict.kind = static_cast<crdt::VerdictKind>(in.u8());
    verdict.winner = read_version(in, bad);
    verdict.replaced_by = {.origin = {in.u64()}, .sequence = {in.u64()}};
    verdict.reason = std::string(in.sized());
    bad = bad || !is_known(verdict.kind);
    settled.verdicts.push_back(std::move(verdict));
  }
  if (!in.done() || bad) {
    return unreadable("journal", static_cast<std::uint8_t>(RecordType::settled), body);
  }
  return JournalRecord{std::move(settled)};
}

}  // namespace

void encode_entry_head(const consensus::Entry& entry, char (&out)[kEntryHeadBytes]) {
  std::string head;
  head.reserve(kEntryHeadBytes);
  ByteWriter writer(head);
  writer.u64(entry.index.value);
  writer.u64(entry.term.value);
  writer.u64(entry.log_time.value);
  writer.u64(entry.hash);
  writer.u8(static_cast<std::uint8_t>(entry.kind));
  std::memcpy(out, head.data(), kEntryHeadBytes);
}

std::string encode(const consensus::HardState& state) {
  std::string body;
  ByteWriter out(body);
  out.u64(state.term.value);
  out.u64(state.voted_origin.value);
  out.sized(state.voted_for);
  out.u64(state.start);
  out.u64(state.barred.value);
  return body;
}

std::string encode(const CommitMark& mark) {
  std::string body;
  ByteWriter(body).u64(mark.index.value);
  return body;
}

std::string encode(const crdt::OfflineWrite& write) {
  std::string body;
  body.reserve(kOfflineWriteHeadBytes + write.key.size() + write.value.size());
  ByteWriter out(body);
  out.u64(write.dot.origin.value);
  out.u64(write.dot.sequence.value);
  out.u64(write.stamp.value);
  out.u64(write.seen.index.value);
  out.u64(write.seen.log_time.value);
  out.u8(write.deleted ? kDeleted : 0);
  out.u64(write.expires_ms);
  out.u64(write.boot_id);
  out.u64(write.boot_time_ns);
  out.u64(write.replaces.value);
  out.u64(write.old_dot.origin.value);
  out.u64(write.old_dot.sequence.value);
  out.u64(write.old_chain);
  out.sized(write.key);
  out.bytes(write.value.view());
  return body;
}

std::string encode(const crdt::Settled& settled) {
  std::string body;
  ByteWriter out(body);
  out.u64(settled.origin.value);
  out.u64(settled.through.value);
  out.u64(settled.chain);
  out.u32(static_cast<std::uint32_t>(settled.verdicts.size()));
  for (const crdt::Verdict& verdict : settled.verdicts) {
    out.u64(verdict.sequence.value);
    out.u8(static_cast<std::uint8_t>(verdict.kind));
    write(verdict.winner, out);
    out.u64(verdict.replaced_by.origin.value);
    out.u64(verdict.replaced_by.sequence.value);
    out.sized(verdict.reason);
  }
  return body;
}

Result<RaftRecord> decode_raft_record(std::uint8_t type, const Blob& body) {
  ByteReader in(body.view());
  if (type == static_cast<std::uint8_t>(RecordType::entry)) return decode_entry(body);
  if (type == static_cast<std::uint8_t>(RecordType::hard_state)) {
    consensus::HardState state;
    state.term = {in.u64()};
    state.voted_origin = {in.u64()};
    state.voted_for = std::string(in.sized());
    state.start = in.u64();
    state.barred = {in.u64()};
    if (in.done()) return RaftRecord{std::move(state)};
  }
  if (type == static_cast<std::uint8_t>(RecordType::commit_mark)) {
    const CommitMark mark{.index = {in.u64()}};
    if (in.done()) return RaftRecord{mark};
  }
  return unreadable("raft", type, body);
}

Result<JournalRecord> decode_journal_record(std::uint8_t type, const Blob& body) {
  if (type == static_cast<std::uint8_t>(RecordType::offline_write))
    return decode_offline_write(body);
  if (type == static_cast<std::uint8_t>(RecordType::settled)) return decode_settled(body);
  return unreadable("journal", type, body);
}

}  // namespace causeway::wire
