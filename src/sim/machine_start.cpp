// From a data directory to a running node, as host does it.
#include <utility>

#include "node/recovery.hpp"
#include "sim/machine_live.hpp"

namespace causeway::sim {

namespace {

Result<storage::SegmentedLog> open_raft_log(DataDirectory& directory,
                                            const MachineSettings& settings, Random& random,
                                            node::Recovery& recovery, Observer* observer) {
  return storage::SegmentedLog::open(
      directory.raft_log,
      {.name = "raft",
       .kind = 1,
       .segment_bytes_max = settings.raft_segment_bytes,
       .vital_bytes = settings.raft_vital_bytes},
      random, [&](const storage::RecordRef& record) -> Result<void> {
        if (observer != nullptr) {
          CAUSEWAY_TRY(seen, wire::decode_raft_record(record.type, Blob::copy_of(record.body)));
          observer->recovered(settings.number, seen);
        }
        return recovery.raft_record(record.type, record.body);
      });
}

Result<storage::SegmentedLog> open_journal(DataDirectory& directory,
                                           const MachineSettings& settings, Random& random,
                                           node::Recovery& recovery, Observer* observer) {
  return storage::SegmentedLog::open(
      directory.journal,
      {.name = "journal",
       .kind = 2,
       .segment_bytes_max = settings.journal_segment_bytes,
       .vital_bytes = 0},
      random, [&](const storage::RecordRef& record) -> Result<void> {
        if (observer != nullptr) {
          CAUSEWAY_TRY(seen, wire::decode_journal_record(record.type, Blob::copy_of(record.body)));
          observer->recovered(settings.number, seen);
        }
        return recovery.journal_record(record.type, record.body);
      });
}

/// Fills the journal's index anew.
Result<void> put_pending(storage::SegmentedLog& journal, node::Recovery& recovery,
                         kv::Applier& applier) {
  CAUSEWAY_TRY(applier.clear_pending());
  std::vector<kv::Input> puts;
  CAUSEWAY_TRY(
      stop, journal.read_from(0, SIZE_MAX, [&](const storage::RecordRef& record) -> Result<void> {
        CAUSEWAY_TRY(write, recovery.live_write(record.type, record.body));
        if (write) puts.emplace_back(kv::PutPending{std::move(*write)});
        return success();
      }));
  static_cast<void>(stop);
  std::vector<kv::Output> outputs;
  applier.step(std::move(puts), outputs);
  CAUSEWAY_CHECK(outputs.empty());
  return success();
}

node::Options loop_options(const MachineSettings& settings, const DataDirectory& directory) {
  node::Options options;
  options.name = settings.name;
  options.origin = directory.origin;
  options.old_origins = directory.old_origins;
  options.voters = settings.voters;
  options.election_timeout = settings.election_timeout;
  options.heartbeat_interval = settings.heartbeat_interval;
  options.build_date = kBuildDate;
  options.journal_bytes_max = settings.journal_bytes_max;
  options.limits = settings.limits;
  return options;
}

}  // namespace

Result<void> Machine::start() {
  CAUSEWAY_CHECK(!live_);
  ++starts_;
  if (observer != nullptr) observer->starting(settings_.number);
  DataDirectory& directory = *directory_;
  node::Recovery recovery(directory.origin, settings_.journal_bytes_max);
  CAUSEWAY_TRY(applier, kv::Applier::open(directory.table, directory.origin));
  Random log_random(random_.next());
  CAUSEWAY_TRY(raft_log, open_raft_log(directory, settings_, log_random, recovery, observer));
  recovery.mark(directory.mark);
  CAUSEWAY_TRY(journal, open_journal(directory, settings_, log_random, recovery, observer));
  CAUSEWAY_TRY(recovery.finish());
  CAUSEWAY_TRY(recovery.check_voters(settings_.voters));
  CAUSEWAY_TRY(put_pending(journal, recovery, *applier));

  node::Recovered recovered = recovery.take(applier->position().index);
  recovered.journal_segments = journal.segments();
  node::Options options = loop_options(settings_, directory);
  options.incarnation = {random_.id()};
  options.boot_id = clocks.boot_id();
  auto live = std::make_unique<Live>();
  live->loop =
      std::make_unique<node::Loop>(std::move(options), std::move(recovered), applier->position(),
                                   applier->greatest_stamp(), Random(random_.next()), now());
  live->applier = std::move(applier);
  live->raft_log = std::make_unique<storage::LogWriter>(std::move(raft_log));
  live->journal = std::make_unique<storage::LogWriter>(std::move(journal));
  live_ = std::move(live);
  if (observer != nullptr) observer->started(settings_.number);
  give(node::Tick{});
  return success();
}

}  // namespace causeway::sim
