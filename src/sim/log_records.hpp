// Records on their way to a log, as observers see them.
#pragma once

#include <vector>

#include "storage/log_writer.hpp"
#include "wire/log_record.hpp"

namespace causeway::sim {

/// The record that `record` holds. The payload of an entry is shared, not copied.
/// A record that does not decode breaks "records-decode": a start would refuse it.
[[nodiscard]] wire::RaftRecord decode_raft(const storage::LogRecord& record);
[[nodiscard]] wire::JournalRecord decode_journal(const storage::LogRecord& record);
/// The offline writes that a journal's disk refused: they never were.
[[nodiscard]] std::vector<crdt::OfflineWrite> refused_writes(const storage::LogEffects& effects);

}  // namespace causeway::sim
