#include "host/past.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/random.hpp"
#include "host/entropy.hpp"

namespace causeway::host {
namespace {

using storage::RecordRef;

/// Kinds of logs, as they stand in every segment's header (docs/formats.md#segments).
constexpr std::uint32_t kRaftLogKind = 1;
constexpr std::uint32_t kJournalKind = 2;

/// Small for a small journal: a segment is reserved as a whole, and freed as a whole.
std::uint64_t journal_segment_bytes(std::uint64_t journal_bytes_max) {
  return std::clamp(journal_bytes_max / 16, std::uint64_t{256} << 10, std::uint64_t{8} << 20);
}

/// Live writes given to the state machine's index in one step.
constexpr std::size_t kPutsPerStep = 512;

Result<std::unique_ptr<PosixDisk>> open_disk(const DataDirectory& directory, std::string_view name,
                                             SpaceReserve& reserve) {
  CAUSEWAY_TRY(disk, directory.subdirectory(name));
  disk.set_reserve_limit(&reserve);
  return std::make_unique<PosixDisk>(std::move(disk));
}

/// Fills the state machine's index of the journal, in pieces of a bounded size.
class IndexFiller {
 public:
  explicit IndexFiller(kv::Applier& applier) : applier_(applier) {}

  Result<void> put(crdt::OfflineWrite write) {
    inputs_.emplace_back(kv::PutPending{std::move(write)});
    return inputs_.size() < kPutsPerStep ? success() : flush();
  }

  Result<void> flush() {
    if (inputs_.empty()) return success();
    std::vector<kv::Output> outputs;
    applier_.step(std::exchange(inputs_, {}), outputs);
    for (kv::Output& output : outputs) {
      if (auto* failed = std::get_if<kv::Failed>(&output)) return std::move(failed->error);
    }
    return success();
  }

 private:
  kv::Applier& applier_;
  std::vector<kv::Input> inputs_;
};

Result<void> index_live_writes(storage::SegmentedLog& journal, node::Recovery& recovery,
                               kv::Applier& applier) {
  CAUSEWAY_TRY(applier.clear_pending());
  IndexFiller index(applier);
  const auto visit = [&](const RecordRef& record) -> Result<void> {
    CAUSEWAY_TRY(live, recovery.live_write(record.type, record.body));
    return live ? index.put(std::move(*live)) : success();
  };
  CAUSEWAY_TRY(stopped, journal.read_from(0, SIZE_MAX, visit));
  static_cast<void>(stopped);  // SIZE_MAX bytes: it can only be the end
  return index.flush();
}

}  // namespace

Result<Past> open_past(DataDirectory& directory, std::uint64_t journal_bytes_max,
                       std::function<void(std::string_view)> warn) {
  const Origin origin = directory.identity().value().origin;
  Random random(entropy());
  node::Recovery recovery(origin, journal_bytes_max);

  auto reserve = std::make_unique<SpaceReserve>(directory.disk());

  CAUSEWAY_TRY(state_disk, directory.subdirectory("state"));
  CAUSEWAY_TRY(table, RocksdbTable::open(state_disk.path(),
                                         {.reserve = reserve.get(), .warn = std::move(warn)}));
  CAUSEWAY_TRY(applier, kv::Applier::open(*table, origin));

  CAUSEWAY_TRY(log_disk, open_disk(directory, "log", *reserve));
  CAUSEWAY_TRY(raft_log,
               storage::SegmentedLog::open(*log_disk, {.name = "raft", .kind = kRaftLogKind},
                                           random, [&](const RecordRef& record) {
                                             return recovery.raft_record(record.type, record.body);
                                           }));
  CAUSEWAY_TRY(mark, MarkFile::open(directory.disk()));
  if (mark.found()) recovery.mark(*mark.found());

  CAUSEWAY_TRY(journal_disk, open_disk(directory, "journal", *reserve));
  CAUSEWAY_TRY(journal, storage::SegmentedLog::open(
                            *journal_disk,
                            {.name = "journal",
                             .kind = kJournalKind,
                             .segment_bytes_max = journal_segment_bytes(journal_bytes_max),
                             .vital_bytes = 0},
                            random, [&](const RecordRef& record) {
                              return recovery.journal_record(record.type, record.body);
                            }));
  CAUSEWAY_TRY(recovery.finish());
  CAUSEWAY_TRY(recovery.check_voters(directory.identity()->cluster));
  CAUSEWAY_TRY(index_live_writes(journal, recovery, *applier));

  node::Recovered recovered = recovery.take(applier->position().index);
  recovered.journal_segments = journal.segments();
  return Past{std::move(reserve),  std::move(table),        std::move(applier),
              std::move(log_disk), std::move(journal_disk), std::move(raft_log),
              std::move(journal),  std::move(mark),         std::move(recovered)};
}

}  // namespace causeway::host
