// What a start reads of the past: both logs, record by record, into the objects that go on from
// there.
//
// The owner opens the logs (storage) and gives every record here in file order. The journal is read
// twice: which of its records are live is known only at the end, and they do not fit in memory; the
// second reading fills the applier's index.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/blob.hpp"
#include "consensus/raft.hpp"
#include "crdt/journal.hpp"
#include "storage/segment.hpp"
#include "wire/log_record.hpp"
#include <causeway/result.hpp>
#include <causeway/types.hpp>

namespace causeway::node {

struct Recovered {
  consensus::Recovered raft;
  crdt::Journal journal;
  std::vector<storage::SegmentInfo>
      journal_segments;  ///< set by the owner: SegmentedLog::segments()
};

class Recovery {
 public:
  Recovery(Origin origin, std::uint64_t journal_bytes_max);

  /// errors   corrupt: the bytes are no record, or entries leave a gap or do not chain
  Result<void> raft_record(std::uint8_t type, std::string_view body);
  Result<void> journal_record(std::uint8_t type, std::string_view body);
  /// The unsynced commit mark of the mark file, where one could be read.
  void mark(LogIndex index);

  /// After all records of both logs.
  /// errors   corrupt: the mark file knows of entries that the log has lost
  Result<void> finish();
  /// Second reading of the journal: the write to put into the applier's index, if the record is one
  /// and live. A write that was rewritten forward may come twice.
  Result<std::optional<crdt::OfflineWrite>> live_write(std::uint8_t type, std::string_view body);

  /// errors   corrupt: the log is of a cluster with other voters than `voters` (id -> address)
  Result<void> check_voters(const std::map<std::string, std::string>& voters) const;

  /// What the loop starts from. Once, after the second reading. `applied`: entries up to there may
  /// leave memory.
  Recovered take(LogIndex applied);

 private:
  Result<void> entry(consensus::Entry entry);

  consensus::Recovered raft_;
  crdt::Journal journal_;
  LogIndex mark_;
  std::vector<Sequence> live_;  ///< ascending
};

}  // namespace causeway::node
