// Records of the Raft log and of the journal to bytes and back (docs/formats.md#raft-log,
// #journal).
//
// The storage layer frames and checksums them; here is what stands inside. All layouts are
// little-endian, with a format version in each segment's header.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/blob.hpp"
#include "consensus/raft.hpp"
#include "crdt/journal.hpp"
#include "crdt/version.hpp"
#include <causeway/result.hpp>
#include <causeway/types.hpp>

namespace causeway::wire {

/// First byte of a record as storage keeps it. Numbers are never reused.
enum class RecordType : std::uint8_t {
  entry = 1,
  commit_mark = 3,
  hard_state = 4,
  offline_write = 16,
  settled = 17
};

/// The commit index that was known when the batch was written (design 3.3).
struct CommitMark {
  LogIndex index;
  friend bool operator==(const CommitMark&, const CommitMark&) = default;
};

using RaftRecord = std::variant<consensus::Entry, consensus::HardState, CommitMark>;
using JournalRecord = std::variant<crdt::OfflineWrite, crdt::Settled>;

/// The fixed part of an entry's record; the payload's bytes follow it uncopied.
inline constexpr std::size_t kEntryHeadBytes = 33;
void encode_entry_head(const consensus::Entry& entry, char (&out)[kEntryHeadBytes]);

/// What an offline write's record takes beside its key and value (crdt::journal_bytes is more:
/// storage adds its frame).
inline constexpr std::size_t kOfflineWriteHeadBytes = 101;

[[nodiscard]] std::string encode(const consensus::HardState& state);
[[nodiscard]] std::string encode(const CommitMark& mark);
[[nodiscard]] std::string encode(const crdt::OfflineWrite& write);
[[nodiscard]] std::string encode(const crdt::Settled& settled);

/// Errc::corrupt unless `body` is exactly one record of that type. Payloads and values share
/// `body`'s buffer.
[[nodiscard]] Result<RaftRecord> decode_raft_record(std::uint8_t type, const Blob& body);
[[nodiscard]] Result<JournalRecord> decode_journal_record(std::uint8_t type, const Blob& body);

/// The two-slot mark file: one checksummed slot of kMarkSlotBytes; slots are written in turn at
/// offset 0 and kMarkSlotBytes.
inline constexpr std::size_t kMarkSlotBytes = 32;
[[nodiscard]] std::string encode_mark_slot(std::uint64_t generation, LogIndex mark);
struct MarkSlot {
  std::uint64_t generation = 0;
  LogIndex mark;
};
/// errors   corrupt (a torn write or an empty slot: the other one holds), unavailable (a newer
/// format)
[[nodiscard]] Result<MarkSlot> decode_mark_slot(std::string_view bytes);

}  // namespace causeway::wire
