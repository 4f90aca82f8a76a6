// The life of a loop: made from what recovery read, ready once the state has caught up with it,
// opened by a start record in the log, ended by handing over.
#include <algorithm>
#include <utility>

#include "kv/command.hpp"
#include "node/loop_state.hpp"

namespace causeway::node {
namespace {

constexpr Duration kMaxClockDrift = std::chrono::milliseconds(500);

consensus::Options raft_options(const Options& options) {
  consensus::Options raft;
  raft.name = options.name;
  raft.origin = options.origin;
  raft.incarnation = options.incarnation;
  for (const auto& [name, address] : options.voters) raft.voters.push_back(name);
  raft.election_timeout = options.election_timeout;
  raft.heartbeat_interval = options.heartbeat_interval;
  raft.build_date = options.build_date;
  return raft;
}

Core make_core(Options options, Recovered& recovered, kv::AppliedPosition applied,
               Stamp greatest_stamp, Random random, const Now& now) {
  const Stamp floor = std::max(
      {greatest_stamp, recovered.journal.greatest_stamp(), recovered.raft.log.last().log_time});
  const Random for_raft(random.next());
  consensus::Raft raft(raft_options(options), std::move(recovered.raft), for_raft, now);
  return Core{.options = std::move(options),
              .raft = std::move(raft),
              .journal = std::move(recovered.journal),
              .clock = crdt::HybridClock(floor, kMaxClockDrift),
              .random = random,
              .applied = applied};
}

}  // namespace

Loop::State::State(Options options, Recovered recovered, kv::AppliedPosition applied,
                   Stamp greatest_stamp, Random random, const Now& now)
    : core(make_core(std::move(options), recovered, applied, greatest_stamp, random, now)),
      recovery_target(core.raft.apply_index()),
      peers(core.options),
      raft_disk(core),
      journal_disk(std::move(recovered.journal_segments)),
      writes(admission, gate),
      reads(admission, gate),
      offline(admission, journal_disk),
      settling(core, journal_disk, raft_disk),
      inquiries(admission, writes, settling) {}

// ---- start

void Loop::State::continue_recovery(Turn& turn) {
  if (core.phase != Phase::recovering || asked_standing || core.applied.index < recovery_target)
    return;
  asked_standing = true;
  turn.out.applier.push_back(
      kv::AskSettled{.id = tagged(Asker::start, core.fresh()), .starts = true});
}

void Loop::State::serve(Turn& turn, kv::SettledState state) {
  for (const kv::OriginStart& start : state.starts) peers.started(start);
  core.raft.count_start(turn.now, state.start_number, core.raft_out);
  core.settled_through = std::max(core.settled_through, state.through);
  core.phase = Phase::serving;
  turn.out.ready = true;
}

// Only under a durable number; the flush that learns of it proposes.
void Loop::State::propose_start(Turn& turn) {
  const std::optional<std::uint64_t> number = core.raft.start_number();
  if (core.phase == Phase::stopping || !number) return;
  const kv::Start start{
      .origin = core.options.origin, .incarnation = core.options.incarnation, .number = *number};
  start_proposal = core.fresh();
  proposed_number = *number;
  start_at = Instant::never();
  core.raft.propose(turn.now, tagged(Asker::start, start_proposal), kv::encode(start), std::nullopt,
                    core.raft_out);
}

// A leader at its limits is not asked again in the same breath.
void Loop::State::start_dropped(Turn& turn, consensus::Dropped why) {
  start_proposal = 0;
  if (why == consensus::Dropped::exhausted) {
    start_at = turn.now.mono + core.options.heartbeat_interval;
  } else {
    propose_start(turn);
  }
}

void Loop::State::started(Turn& turn, const kv::StartResult& result) {
  const std::optional<std::uint64_t> number = core.raft.start_number();
  const bool is_later = number && *number <= result.number;
  if (result.incarnation != core.options.incarnation) {  // an earlier start, or a copy's
    if (result.accepted && is_later) peers.overtaken(turn, result.number);
    return;
  }
  if (start_proposal == 0) return;
  core.raft.resolved(tagged(Asker::start, start_proposal));
  start_proposal = 0;
  if (result.accepted) return writes.session_opened(turn);
  if (proposed_number > result.number) {
    turn.out.failed = Error{Errc::unavailable,
                            "another start of this data directory took over from this one: a copy "
                            "of it runs; stop one of the two"};
    return;
  }
  if (is_later) peers.overtaken(turn, result.number);
  propose_start(turn);
}

// ---- time and end

void Loop::State::on(Turn& turn, Tick&) {
  if (core.raft.next_deadline() <= turn.now.mono) core.raft.tick(turn.now, core.raft_out);
  writes.due(turn);
  reads.due(turn);
  inquiries.due(turn);
  raft_disk.tick(turn);
  if (start_at <= turn.now.mono) {
    start_at = Instant::never();
    propose_start(turn);
  }
}

void Loop::State::on(Turn& turn, StopAsked&) {
  if (core.phase == Phase::stopping) return;
  core.phase = Phase::stopping;
  reads.stop(turn);
  inquiries.stop(turn);
  offline.stop(turn);
  writes.stop(turn);
  const bool handing_over = core.raft.transfer_leadership(turn.now, core.raft_out);
  stop_by = turn.now.mono + (handing_over || !writes.empty() || !offline.empty()
                                 ? core.options.election_timeout
                                 : Duration(0));
}

void Loop::State::continue_stop(Turn& turn) {
  if (core.phase != Phase::stopping || stop_by == Instant::never()) return;
  const bool done =
      writes.empty() && offline.empty() && core.raft.role() != consensus::Role::leader;
  if (!done && turn.now.mono < stop_by) return;
  writes.end(turn);
  stop_by = Instant::never();
  turn.out.stopped = true;
}

}  // namespace causeway::node
