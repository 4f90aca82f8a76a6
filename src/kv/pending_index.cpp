#include "kv/pending_index.hpp"

#include "base/bytes.hpp"
#include "kv/offline_write_codec.hpp"
#include "kv/stored.hpp"
#include "kv/table_keys.hpp"

namespace causeway::kv {
namespace {

constexpr std::size_t kClearAtOnce = 4096;  // keys in memory at a time

std::string encode_key_row(const crdt::OfflineWrite& write) {
  std::string row;
  ByteWriter out(row);
  out.u64(write.dot.sequence.value);
  out.u64(write.seen.index.value);
  out.u64(write.seen.log_time.value);
  out.u64(crdt::journal_bytes(write));
  return row;
}

std::optional<crdt::PendingWrite> decode_key_row(std::string_view row) {
  ByteReader in(row);
  crdt::PendingWrite held;
  held.sequence = {in.u64()};
  held.seen.index = {in.u64()};
  held.seen.log_time = {in.u64()};
  held.bytes = in.u64();
  if (!in.done()) return std::nullopt;
  return held;
}

Result<void> remove_all(char kind, Changes& changes) {
  for (;;) {
    std::vector<std::string> found;
    CAUSEWAY_TRY(changes.scan(std::string(1, kind), keys::behind_kind(kind),
                              [&](std::string_view key, std::string_view) {
                                found.emplace_back(key);
                                return found.size() < kClearAtOnce;
                              }));
    if (found.empty()) return success();
    for (std::string& key : found) changes.remove(std::move(key));
    CAUSEWAY_TRY(changes.write());
  }
}

}  // namespace

Result<void> PendingIndex::clear(Changes& changes) {
  CAUSEWAY_TRY(remove_all(keys::kPendingKey, changes));
  CAUSEWAY_TRY(remove_all(keys::kPendingRecord, changes));
  keys_ = 0;
  return success();
}

Result<void> PendingIndex::put(const crdt::OfflineWrite& write, Sequence settled,
                               Changes& changes) {
  if (write.replaces != Sequence{}) changes.remove(keys::pending_record(write.replaces));
  changes.put(keys::pending_record(write.dot.sequence), encode_pending(write));
  if (write.dot.sequence <= settled) return success();
  CAUSEWAY_TRY(held, find(write.key, changes));
  if (held && held->sequence >= write.dot.sequence) return success();
  changes.put(keys::pending_key(write.key), encode_key_row(write));
  if (keys_ && !held) ++*keys_;
  return success();
}

Result<std::optional<crdt::PendingWrite>> PendingIndex::find(std::string_view key,
                                                             Changes& changes) const {
  if (keys_ == 0) return std::optional<crdt::PendingWrite>{};
  CAUSEWAY_TRY(row, changes.get(keys::pending_key(key)));
  if (!row) return std::optional<crdt::PendingWrite>{};
  const std::optional<crdt::PendingWrite> held = decode_key_row(*row);
  if (!held) return damaged("a key in the journal's index");
  return held;
}

Result<std::optional<crdt::OfflineWrite>> PendingIndex::read(std::string_view key,
                                                             Changes& changes) const {
  CAUSEWAY_TRY(held, find(key, changes));
  if (!held) return std::optional<crdt::OfflineWrite>{};
  CAUSEWAY_TRY(record, changes.get(keys::pending_record(held->sequence)));
  if (!record) return damaged("a record of the journal's index is missing");
  CAUSEWAY_TRY(write, decode_pending(*record));
  return std::optional<crdt::OfflineWrite>{std::move(write)};
}

Result<void> PendingIndex::settled(std::string_view key, Sequence sequence, Changes& changes) {
  CAUSEWAY_TRY(held, find(key, changes));
  if (!held || held->sequence != sequence) return success();
  changes.remove(keys::pending_key(key));
  if (keys_) --*keys_;
  return success();
}

Result<PendingList> PendingIndex::list(const ListPending& ask, const Changes& changes) const {
  PendingList list;
  list.id = ask.id;
  list.end = true;
  std::size_t bytes = 0;
  std::optional<Error> error;
  CAUSEWAY_TRY(changes.scan(keys::pending_record(ask.from), keys::behind_kind(keys::kPendingRecord),
                            [&](std::string_view, std::string_view record) {
                              const bool full = list.writes.size() >= ask.count_max ||
                                                bytes + record.size() > ask.bytes_max;
                              if (full && !list.writes.empty()) return list.end = false;
                              Result<crdt::OfflineWrite> write = decode_pending(record);
                              if (!write) {
                                error = write.error();
                                return false;
                              }
                              bytes += record.size();
                              list.writes.push_back(std::move(write).value());
                              return true;
                            }));
  if (error) return *std::move(error);
  return list;
}

Result<FreedPending> PendingIndex::free(Sequence through, Sequence settled_through,
                                        Changes& changes) {
  FreedPending freed;
  freed.through = through;
  std::vector<std::pair<std::string, Sequence>> unsettled;
  std::vector<Sequence> found;
  std::optional<Error> error;
  CAUSEWAY_TRY(changes.scan(keys::pending_record({}), keys::pending_record(through.next()),
                            [&](std::string_view, std::string_view record) {
                              const Result<crdt::OfflineWrite> write = decode_pending(record);
                              if (!write) {
                                error = write.error();
                                return false;
                              }
                              const Sequence sequence = write.value().dot.sequence;
                              found.push_back(sequence);
                              freed.key_hashes.push_back(crdt::key_hash(write.value().key));
                              freed.bytes += crdt::journal_bytes(write.value());
                              if (sequence > settled_through) {
                                unsettled.emplace_back(write.value().key, sequence);
                              }
                              return true;
                            }));
  if (error) return *std::move(error);
  for (const Sequence sequence : found) changes.remove(keys::pending_record(sequence));
  // What the state has not settled yet still stands in `j` (the journal knew it from a state that
  // was lost since).
  for (const auto& [key, sequence] : unsettled) {
    CAUSEWAY_TRY(settled(key, sequence, changes));
  }
  return freed;
}

}  // namespace causeway::kv
