#include "wire/log_record.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "wire/bytes_support.hpp"

namespace causeway::wire {
namespace {

using consensus::Entry;
using consensus::EntryKind;
using consensus::HardState;
using crdt::OfflineWrite;
using crdt::Settled;
using test::bytes;
using test::hex;

std::string record(const Entry& entry) {
  char head[kEntryHeadBytes];
  encode_entry_head(entry, head);
  return std::string(head, sizeof head) + std::string(entry.payload.view());
}

std::string encoded(const RaftRecord& any) {
  struct Visitor {
    std::string operator()(const Entry& entry) const { return record(entry); }
    std::string operator()(const HardState& state) const { return encode(state); }
    std::string operator()(const CommitMark& mark) const { return encode(mark); }
  };
  return std::visit(Visitor{}, any);
}

std::string encoded(const JournalRecord& any) {
  return std::visit([](const auto& of_type) { return encode(of_type); }, any);
}

struct RaftRow {
  std::string why;
  RecordType type;
  RaftRecord record;
  std::string body;
};

std::vector<RaftRow> raft_rows() {
  return {
      {"an entry", RecordType::entry,
       Entry{.index = {1},
             .term = {2},
             .log_time = {3},
             .kind = EntryKind::configuration,
             .payload = Blob::copy_of("payload"),
             .hash = 0x0807060504030201},
       "0100000000000000 0200000000000000 0300000000000000 0102030405060708 02 'payload'"},
      {"an entry without payload", RecordType::entry, Entry{.index = {UINT64_MAX}},
       "ffffffffffffffff 0000000000000000 0000000000000000 0000000000000000 01"},
      {"term, vote, start, barred", RecordType::hard_state,
       HardState{.term = {5}, .voted_for = "n1", .voted_origin = {6}, .start = 7, .barred = {8}},
       "0500000000000000 0600000000000000 02000000 'n1' 0700000000000000 0800000000000000"},
      {"term without vote", RecordType::hard_state, HardState{.term = {5}},
       "0500000000000000 0000000000000000 00000000 0000000000000000 0000000000000000"},
      {"a commit mark", RecordType::commit_mark, CommitMark{.index = {258}}, "0201000000000000"},
  };
}

struct JournalRow {
  std::string why;
  RecordType type;
  JournalRecord record;
  std::string body;
};

std::vector<JournalRow> journal_rows() {
  return {
      {"a set", RecordType::offline_write,
       OfflineWrite{.dot = {.origin = {1}, .sequence = {2}},
                    .stamp = {3},
                    .seen = {.index = {4}, .log_time = {5}},
                    .key = "key",
                    .value = Blob::copy_of("value"),
                    .expires_ms = 6,
                    .boot_id = 7,
                    .boot_time_ns = 8,
                    .replaces = {9},
                    .old_dot = {.origin = {10}, .sequence = {11}},
                    .old_chain = 12},
       "0100000000000000 0200000000000000 0300000000000000 0400000000000000 0500000000000000 00 "
       "0600000000000000 0700000000000000 0800000000000000 0900000000000000 0a00000000000000 "
       "0b00000000000000 0c00000000000000 03000000 'key' 'value'"},
      {"a delete", RecordType::offline_write, OfflineWrite{.key = "k", .deleted = true},
       "0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000 01 "
       "0000000000000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000 "
       "0000000000000000 0000000000000000 01000000 'k'"},
      {"settled, nothing new to say", RecordType::settled,
       Settled{.origin = {1}, .through = {2}, .chain = 3},
       "0100000000000000 0200000000000000 0300000000000000 00000000"},
      {"settled, with verdicts", RecordType::settled,
       Settled{.origin = {1},
               .through = {2},
               .chain = 3,
               .verdicts = {{.sequence = {1},
                             .kind = crdt::VerdictKind::superseded,
                             .winner = {.revision = {4},
                                        .stamp = {5},
                                        .origin = {6},
                                        .sequence = {7},
                                        .kind = crdt::WriteKind::offline,
                                        .tombstone = true,
                                        .session = 8,
                                        .expires_ms = 9}},
                            {.sequence = {2},
                             .kind = crdt::VerdictKind::replaced,
                             .replaced_by = {.origin = {10}, .sequence = {11}},
                             .reason = "why"}}},
       "0100000000000000 0200000000000000 0300000000000000 02000000 "
       "0100000000000000 02 0400000000000000 0500000000000000 0600000000000000 0700000000000000 "
       "02 01 0800000000000000 0900000000000000 0000000000000000 0000000000000000 00000000 "
       "0200000000000000 04 0000000000000000 0000000000000000 0000000000000000 0000000000000000 "
       "01 00 0000000000000000 0000000000000000 0a00000000000000 0b00000000000000 03000000 'why'"},
  };
}

TEST_CASE("frozen: the bytes of the raft log's records") {
  for (const RaftRow& row : raft_rows()) {
    CAPTURE(row.why);
    CHECK(hex(encoded(row.record)) == hex(bytes(row.body)));
    const auto decoded =
        decode_raft_record(static_cast<std::uint8_t>(row.type), Blob::copy_of(bytes(row.body)));
    REQUIRE(decoded.has_value());
    CHECK((decoded.value() == row.record));
  }
}

TEST_CASE("frozen: the bytes of the journal's records") {
  for (const JournalRow& row : journal_rows()) {
    CAPTURE(row.why);
    CHECK(hex(encoded(row.record)) == hex(bytes(row.body)));
    const auto decoded =
        decode_journal_record(static_cast<std::uint8_t>(row.type), Blob::copy_of(bytes(row.body)));
    REQUIRE(decoded.has_value());
    CHECK((decoded.value() == row.record));
  }
}

TEST_CASE("frozen: the numbers of the records' types") {
  CHECK(static_cast<int>(RecordType::entry) == 1);
  CHECK(static_cast<int>(RecordType::hard_state) == 4);
  CHECK(static_cast<int>(RecordType::commit_mark) == 3);
  CHECK(static_cast<int>(RecordType::offline_write) == 16);
  CHECK(static_cast<int>(RecordType::settled) == 17);
}

TEST_CASE("a field that a record gains must get its place in the bytes") {
  // Compiles only while the structs have exactly the fields that the codec knows.
  [[maybe_unused]] const auto& [index, term, log_time, kind, payload, hash] = Entry{};
  [[maybe_unused]] const auto& [vote_term, voted_for, voted_origin, start, barred] = HardState{};
  [[maybe_unused]] const auto& [dot, stamp, seen, key, value, deleted, expires_ms, boot_id,
                                boot_time_ns, replaces, old_dot, old_chain] = OfflineWrite{};
  [[maybe_unused]] const auto& [origin, through, chain, verdicts] = Settled{};
  [[maybe_unused]] const auto& [sequence, verdict_kind, winner, replaced_by, reason] =
      crdt::Verdict{};
  [[maybe_unused]] const auto& [v1, v2, v3, v4, v5, v6, v7, v8] = crdt::StoredVersion{};
  CHECK(true);
}

TEST_CASE("the constants of record sizes are the true ones") {
  CHECK(encode(OfflineWrite{}).size() == kOfflineWriteHeadBytes);
  CHECK(record(Entry{}).size() == kEntryHeadBytes);
}

TEST_CASE("a damaged record is refused or has one meaning: written again it has the same bytes") {
  const auto same_or_refused = [](const auto& decoded, const std::string& damaged) {
    if (decoded.has_value()) {
      CHECK(hex(encoded(decoded.value())) == hex(damaged));
    } else {
      CHECK(decoded.error().code == Errc::corrupt);
      CHECK(!decoded.error().detail.empty());
    }
  };
  for (const RaftRow& row : raft_rows()) {
    CAPTURE(row.why);
    const auto check = [&](const std::string& damaged) {
      for (int type = 0; type < 32; ++type) {
        same_or_refused(decode_raft_record(static_cast<std::uint8_t>(type), Blob::copy_of(damaged)),
                        damaged);
      }
    };
    test::each_truncation(bytes(row.body), check);
    test::each_flipped_bit(bytes(row.body), check);
  }
  for (const JournalRow& row : journal_rows()) {
    CAPTURE(row.why);
    const auto check = [&](const std::string& damaged) {
      const auto type = static_cast<std::uint8_t>(row.type);
      same_or_refused(decode_journal_record(type, Blob::copy_of(damaged)), damaged);
    };
    test::each_truncation(bytes(row.body), check);
    test::each_flipped_bit(bytes(row.body), check);
  }
}

TEST_CASE("records that no version of ours writes are refused") {
  struct Bad {
    std::string why;
    int type;
    std::string body;
  };
  const std::string head = record(Entry{.index = {1}}).substr(0, kEntryHeadBytes - 1);
  const std::string deleted = encode(OfflineWrite{.key = "k", .deleted = true});
  std::string odd_flags = encode(OfflineWrite{.key = "k"});
  odd_flags[40] = 2;
  std::string long_key = encode(OfflineWrite{.key = "k"});
  long_key[100] = '\x7f';
  std::string many = encode(Settled{});
  many.replace(24, 4, "\xff\xff\xff\xff");
  const std::vector<Bad> table{
      {"an entry of an unknown kind", 1, head + '\x03'},
      {"an entry of kind 0", 1, head + '\0'},
      {"a mark and a byte", 3, encode(CommitMark{}) + '\0'},
      {"a vote and a byte", 2, encode(HardState{}) + '\0'},
      {"a type of a later version", 4, encode(CommitMark{})},
      {"type 0", 0, encode(CommitMark{})},
      {"a journal's record in the raft log", 16, deleted},
  };
  for (const Bad& row : table) {
    CAPTURE(row.why);
    CHECK(!decode_raft_record(static_cast<std::uint8_t>(row.type), Blob::copy_of(row.body))
               .has_value());
  }
  const std::vector<Bad> journal{
      {"a delete with a value", 16, deleted + 'v'},    {"a flag that is not known", 16, odd_flags},
      {"a key longer than the record", 16, long_key},  {"2^32 - 1 verdicts in 28 bytes", 17, many},
      {"an entry in the journal", 1, record(Entry{})}, {"a type of a later version", 18, deleted},
  };
  for (const Bad& row : journal) {
    CAPTURE(row.why);
    CHECK(!decode_journal_record(static_cast<std::uint8_t>(row.type), Blob::copy_of(row.body))
               .has_value());
  }
}

TEST_CASE("payloads and values are slices of the record, not copies") {
  const Blob entry = Blob::copy_of(record(Entry{.payload = Blob::copy_of(std::string(500, 'p'))}));
  const auto raft = decode_raft_record(1, entry);
  REQUIRE(raft.has_value());
  CHECK(std::get<Entry>(raft.value()).payload.view().data() ==
        entry.view().data() + kEntryHeadBytes);

  const Blob write = Blob::copy_of(
      encode(OfflineWrite{.key = "k", .value = Blob::copy_of(std::string(500, 'v'))}));
  const auto journal = decode_journal_record(16, write);
  REQUIRE(journal.has_value());
  CHECK(std::get<OfflineWrite>(journal.value()).value.view().data() ==
        write.view().data() + kOfflineWriteHeadBytes + 1);
}

TEST_CASE("frozen: a slot of the mark file, of which every damage is found") {
  const std::string slot = encode_mark_slot(2, {0x0102});
  CHECK(slot.size() == kMarkSlotBytes);
  CHECK(hex(slot) ==
        hex(bytes("'CWMK' 01000000 0200000000000000 0201000000000000 ba2f1597d2e13984")));
  const auto decoded = decode_mark_slot(slot);
  REQUIRE(decoded.has_value());
  CHECK(decoded.value().generation == 2);
  CHECK(decoded.value().mark == LogIndex{0x0102});
  const auto refused = [](const std::string& damaged) {
    CHECK(decode_mark_slot(damaged).error().code == Errc::corrupt);
  };
  test::each_truncation(slot, refused);
  test::each_flipped_bit(slot, refused);
  refused(slot + '\0');
  refused(std::string(kMarkSlotBytes, '\0'));
}

TEST_CASE("a newer format of the mark file is told from a torn slot, with words that name both") {
  std::string newer = encode_mark_slot(2, {3}).substr(0, kMarkSlotBytes - 8);
  newer[4] = 2;
  ByteWriter(newer).u64(hash64(std::string(newer)));
  const auto refused = decode_mark_slot(newer);
  REQUIRE(!refused.has_value());
  CHECK(refused.error().code == Errc::unavailable);
  CHECK(refused.error().detail.find("format 2, this version reads 1") != std::string::npos);
}

}  // namespace
}  // namespace causeway::wire
