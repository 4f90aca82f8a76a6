// What a start finds on disk: state, logs and mark, opened and read in the order in which each
// needs the one before.
//
//     1. state/    RocksDB and the state machine: how far it is applied
//     2. log/      the Raft log, every record into node::Recovery
//     3. mark      the newest commit mark that may not have been synced
//     4. journal/  every record into node::Recovery; then once more, the live ones into the state
//                  machine's index
//
// Nothing here decides what the bytes mean: node::Recovery does.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "host/data_directory.hpp"
#include "host/mark_file.hpp"
#include "host/posix_disk.hpp"
#include "host/rocksdb_table.hpp"
#include "host/space_reserve.hpp"
#include "kv/applier.hpp"
#include "node/recovery.hpp"
#include "storage/segmented_log.hpp"
#include <causeway/result.hpp>

namespace causeway::host {

struct Past {
  std::unique_ptr<SpaceReserve> reserve;  // all below ask it
  std::unique_ptr<RocksdbTable> table;
  std::unique_ptr<kv::Applier> applier;  // stands on the table
  std::unique_ptr<PosixDisk> log_disk;
  std::unique_ptr<PosixDisk> journal_disk;
  storage::SegmentedLog raft_log;  // stands on log_disk
  storage::SegmentedLog journal;   // stands on journal_disk
  MarkFile mark;
  node::Recovered recovered;
};

/// directory  locked, with an identity
/// warn       gets RocksDB's warnings for as long as the table lives, from any thread
/// errors     corrupt (file, offset and remedy), unavailable (newer format, in use), disk_full, io
[[nodiscard]] Result<Past> open_past(DataDirectory& directory, std::uint64_t journal_bytes_max,
                                     std::function<void(std::string_view)> warn);

}  // namespace causeway::host
