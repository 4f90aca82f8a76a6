#include "sim/log_records.hpp"

#include <string>
#include <utility>

#include "sim/violation.hpp"

namespace causeway::sim {
namespace {

// Head and body in one, as the log gives them back.
Blob joined(const storage::LogRecord& record) {
  if (record.head_bytes == 0) return record.body;
  return Blob::copy_of(std::string(record.head_view()) + std::string(record.body.view()));
}

template <class Record>
Record value_of(Result<Record> decoded) {
  if (!decoded) throw Violation("records-decode", decoded.error().detail);
  return std::move(decoded).value();
}

}  // namespace

// Every entry comes by here twice for each node, and its payload may have a megabyte: only the head
// goes through the decoder.
wire::RaftRecord decode_raft(const storage::LogRecord& record) {
  if (record.head_bytes != wire::kEntryHeadBytes)
    return value_of(wire::decode_raft_record(record.type, joined(record)));
  wire::RaftRecord decoded =
      value_of(wire::decode_raft_record(record.type, Blob::copy_of(record.head_view())));
  if (auto* entry = std::get_if<consensus::Entry>(&decoded)) entry->payload = record.body;
  return decoded;
}

wire::JournalRecord decode_journal(const storage::LogRecord& record) {
  return value_of(wire::decode_journal_record(record.type, joined(record)));
}

std::vector<crdt::OfflineWrite> refused_writes(const storage::LogEffects& effects) {
  std::vector<crdt::OfflineWrite> writes;
  for (const storage::LogEffect& effect : effects) {
    const auto* refused = std::get_if<storage::Refused>(&effect);
    if (refused == nullptr) continue;
    for (const storage::Append& append : refused->appends) {
      for (const storage::LogRecord& each : append.records) {
        wire::JournalRecord record = decode_journal(each);
        if (auto* write = std::get_if<crdt::OfflineWrite>(&record))
          writes.push_back(std::move(*write));
      }
    }
  }
  return writes;
}

}  // namespace causeway::sim
