#include "node/loop.hpp"

#include <algorithm>
#include <utility>

#include "kv/command.hpp"
#include "node/admission.hpp"
#include "node/answers.hpp"
#include "node/core.hpp"
#include "node/inquiries.hpp"
#include "node/journal_disk.hpp"
#include "node/notices.hpp"
#include "node/offline.hpp"
#include "node/peers.hpp"
#include "node/pending_gate.hpp"
#include "node/raft_disk.hpp"
#include "node/reads.hpp"
#include "node/settling.hpp"
#include "node/writes.hpp"

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

void Effects::clear() { *this = Effects(); }

struct Loop::State {
  State(Options options, Recovered recovered, kv::AppliedPosition applied, Stamp greatest_stamp,
        Random random, const Now& now)
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

  // One overload for each input.
  void on(Turn& turn, CallArrived& input);
  void on(Turn& turn, ConnectionClosed& input);
  void on(Turn& turn, PeerDialled& input);
  void on(Turn& turn, PeerGreeted& input) { peers.greeted(turn, input.peer, input.reply); }
  void on(Turn& turn, PeerLost& input) { peers.lost(turn, input.peer); }
  void on(Turn& turn, LinkHello& input);
  void on(Turn& turn, LinkMessage& input) {
    peers.message(turn, input.link, std::move(input.message));
  }
  void on(Turn&, LinkLost& input) { peers.link_lost(input.link); }
  void on(Turn& turn, RaftLogReport& input);
  void on(Turn& turn, JournalReport& input);
  void on(Turn& turn, ApplierReport& input);
  void on(Turn& turn, IdentityWritten&) { turn.out.restart = true; }
  void on(Turn& turn, Tick&);
  void on(Turn& turn, StopAsked&);

  void journal_grew(Turn& turn);
  void applied(Turn& turn, kv::Applied& applied);
  void started(Turn& turn, const kv::StartResult& result);
  void propose_start(Turn& turn);
  void start_dropped(Turn& turn, consensus::Dropped why);
  void serve(Turn& turn, kv::SettledState state);
  void pass_on_gate(Turn& turn);
  bool pass_on_raft(Turn& turn);
  void follow_clock(Turn& turn);
  void continue_recovery(Turn& turn);
  void continue_stop(Turn& turn);

  Core core;
  LogIndex recovery_target;  ///< applied up to here, the node is as it was before its last end
  bool asked_standing = false;
  std::uint64_t start_proposal =
      0;  ///< the start record on its way to the log; 0: none, or it is there
  Instant start_at = Instant::never();  ///< propose it again then
  Instant stop_by = Instant::never();

  Admission admission;
  PendingGate gate;
  Peers peers;
  RaftDisk raft_disk;
  JournalDisk journal_disk;
  Writes writes;
  Reads reads;
  Offline offline;
  Settling settling;
  Inquiries inquiries;
  Notices notices;
};

Loop::Loop(Options options, Recovered recovered, kv::AppliedPosition applied, Stamp greatest_stamp,
           Random random, const Now& now)
    : state_(std::make_unique<State>(std::move(options), std::move(recovered), applied,
                                     greatest_stamp, random, now)) {}
Loop::~Loop() = default;
Loop::Loop(Loop&&) noexcept = default;
Loop& Loop::operator=(Loop&&) noexcept = default;

std::vector<std::pair<consensus::Peer, std::string>> Loop::peers_to_dial() const {
  std::vector<std::pair<consensus::Peer, std::string>> peers;
  consensus::Peer number = 0;
  for (const auto& [name, address] : state_->core.options.voters) {
    if (name != state_->core.options.name) peers.emplace_back(number, address);
    ++number;
  }
  return peers;
}

Instant Loop::next_deadline() const {
  const State& state = *state_;
  return std::min({state.core.raft.next_deadline(), state.writes.next_deadline(),
                   state.reads.next_deadline(), state.inquiries.next_deadline(),
                   state.settling.next_deadline(), state.raft_disk.next_deadline(),
                   state.journal_disk.next_deadline(), state.start_at, state.stop_by});
}

void Loop::step(const Now& now, Input input, Effects& out) {
  Turn turn{now, state_->core, out};
  std::visit([&](auto& known) { state_->on(turn, known); }, input);
  state_->pass_on_gate(turn);
}

void Loop::flush(const Now& now, Effects& out) {
  State& state = *state_;
  Turn turn{now, state.core, out};
  state.follow_clock(turn);
  do {  // what raft drops may be proposed again at once: round until nothing is left
    state.offline.run(turn);
    state.settling.run(turn, state.writes, state.offline.empty());
    state.reads.begin_group(turn);
    state.core.raft.flush(now, state.core.raft_out);
  } while (state.pass_on_raft(turn));
  state.raft_disk.carry_out(turn);
  state.raft_disk.feed_applier(turn);
  state.reads.given(turn, state.raft_disk.given());
  state.settling.given(turn);
  state.journal_disk.flush(turn);
  state.settling.replaced(state.offline.take_replaced());
  state.notices.tell(turn);
  if (state.settling.take_decided()) state.inquiries.decided(turn);
  if (state.writes.take_outcomes_changed()) state.inquiries.applied(turn);
  state.continue_recovery(turn);
  state.continue_stop(turn);
  state.peers.keep_sendable(out.messages);
}

// ---- calls

void Loop::State::on(Turn& turn, CallArrived& input) {
  const auto answer = [&](wire::Reply reply) {
    turn.out.answers.push_back({input.handle, std::move(reply)});
  };
  if (core.phase == Phase::recovering)
    return answer(refuse(Errc::unavailable, "this node is starting: ask again in a moment"));
  if (core.phase == Phase::stopping)
    return answer(refuse(Errc::unavailable, "this node is stopping: ask another"));
  if (auto refused = unusable(core.options.limits, input.call)) return answer(std::move(*refused));
  if (auto* get = std::get_if<wire::GetCall>(&input.call))
    return reads.arrive(turn, input.handle, std::move(*get));
  if (auto* write = std::get_if<wire::WriteCall>(&input.call)) {
    if (write->consistent) return writes.arrive(turn, input.handle, std::move(*write));
    if (settling.moving()) {
      return answer(
          refuse(Errc::unavailable,
                 "this data directory is a copy and takes a new origin: ask again in a moment"));
    }
    return offline.arrive(turn, input.handle, std::move(*write));
  }
  if (auto* await = std::get_if<wire::AwaitCall>(&input.call))
    return inquiries.arrive(turn, input.handle, std::move(*await));
  if (auto* outcome = std::get_if<wire::OutcomeCall>(&input.call))
    return inquiries.arrive(turn, input.handle, std::move(*outcome));
  if (auto* pending = std::get_if<wire::PendingCall>(&input.call))
    return inquiries.arrive(turn, input.handle, *pending);
  if (auto* conflicts = std::get_if<wire::ConflictsCall>(&input.call))
    return inquiries.arrive(turn, input.handle, *conflicts);
  inquiries.arrive(turn, input.handle, std::get<wire::StatusCall>(input.call));
}

void Loop::State::on(Turn& turn, ConnectionClosed& input) {
  admission.connection_closed(input.connection);
  reads.connection_closed(turn, input.connection);
  writes.connection_closed(turn, input.connection);
  inquiries.connection_closed(turn, input.connection);
}

// The number of this start is not known before the state was read, so peers wait until then.
void Loop::State::on(Turn& turn, PeerDialled& input) {
  if (core.phase == Phase::recovering) {
    turn.out.drop_peers.push_back({input.peer, "this node is starting"});
  } else {
    peers.dialled(turn, input.peer);
  }
}

void Loop::State::on(Turn& turn, LinkHello& input) {
  if (core.phase == Phase::recovering) {
    turn.out.drop_links.push_back({input.link, "this node is starting"});
  } else {
    peers.hello(turn, input.link, input.hello);
  }
}

void Loop::State::pass_on_gate(Turn& turn) {
  for (const std::uint64_t waiter : gate.take_released()) {
    if (asker_of(waiter) == Asker::writes) {
      writes.released(turn, number_of(waiter));
    } else {
      reads.released(number_of(waiter));
    }
  }
}

// ---- what disks, applier and consensus report

void Loop::State::on(Turn& turn, RaftLogReport& input) {
  if (auto* durable = std::get_if<storage::Durable>(&input.effect))
    return raft_disk.durable(turn, durable->ticket);
  if (auto* fetched = std::get_if<storage::Fetched>(&input.effect))
    return raft_disk.fetched(turn, std::move(*fetched));
  if (auto* refused = std::get_if<storage::Refused>(&input.effect))
    return raft_disk.refused(turn, std::move(*refused));
  if (auto* failed = std::get_if<storage::Failed>(&input.effect))
    turn.out.failed = std::move(failed->error);
}

void Loop::State::on(Turn& turn, JournalReport& input) {
  if (auto* durable = std::get_if<storage::Durable>(&input.effect)) {
    const JournalDisk::Durable news = journal_disk.durable(durable->ticket);
    offline.durable(turn, news.writes);
    journal_grew(turn);
    for (const Sequence through : news.settled) settling.settled_durable(turn, through);
    settling.page_rewritten(turn);
  } else if (auto* refused = std::get_if<storage::Refused>(&input.effect)) {
    offline.refused(turn, journal_disk.refused(turn, std::move(*refused)));
    journal_grew(turn);
    settling.rewrite_refused(turn);
  } else if (auto* changed = std::get_if<storage::SegmentsChanged>(&input.effect)) {
    journal_disk.segments(*changed);
  } else if (auto* failed = std::get_if<storage::Failed>(&input.effect)) {
    turn.out.failed = std::move(failed->error);
  }
}

void Loop::State::journal_grew(Turn& turn) {
  const Sequence durable = offline.durable_through(core);
  core.journal.durable(durable);
  settling.wrote(turn, durable);
}

void Loop::State::on(Turn& turn, ApplierReport& input) {
  if (auto* news = std::get_if<kv::Applied>(&input.output)) {
    applied(turn, *news);
  } else if (auto* got = std::get_if<kv::GetResult>(&input.output)) {
    asker_of(got->id) == Asker::reads ? reads.found(turn, std::move(*got))
                                      : offline.found(turn, *got);
  } else if (auto* found = std::get_if<kv::FoundPending>(&input.output)) {
    asker_of(found->id) == Asker::gate ? gate.found(turn, *found) : offline.found(turn, *found);
  } else if (auto* list = std::get_if<kv::PendingList>(&input.output)) {
    asker_of(list->id) == Asker::settling ? settling.listed(turn, std::move(*list))
                                          : inquiries.listed(turn, std::move(*list));
  } else if (auto* freed = std::get_if<kv::FreedPending>(&input.output)) {
    settling.freed(turn, *freed);
  } else if (auto* state = std::get_if<kv::SettledState>(&input.output)) {
    asker_of(state->id) == Asker::start ? serve(turn, std::move(*state))
                                        : settling.standing(turn, std::move(*state));
  } else if (auto* conflicts = std::get_if<kv::ConflictList>(&input.output)) {
    inquiries.listed(turn, std::move(*conflicts));
  } else if (auto* outcome = std::get_if<kv::OutcomeFound>(&input.output)) {
    inquiries.found(turn, *outcome);
  } else {
    turn.out.failed = std::move(std::get<kv::Failed>(input.output).error);
  }
}

void Loop::State::applied(Turn& turn, kv::Applied& news) {
  core.applied = news.position;
  core.clock.observe_committed(news.position.log_time);
  raft_disk.applied(turn, news.position);
  for (const kv::StartResult& result : news.starts) started(turn, result);
  for (const kv::WriteResult& result : news.writes) writes.applied(turn, result);
  for (const kv::SettleResult& result : news.settles) {
    if (result.incarnation == core.options.incarnation)
      core.raft.resolved(tagged(Asker::settling, result.number));
    if (result.applied)
      core.settled_through = std::max(core.settled_through, result.settled_through);
    settling.settled(turn, result);
  }
  if (!news.settles.empty()) gate.settled(turn, core.settled_through);
  // Only now: what is still open and was sent in an older term is not in its log.
  core.raft.applied(turn.now, news.position.index, news.position.term, core.raft_out);
  inquiries.applied(turn);
}

/// True when something was passed on: it may have left more to do for raft.
bool Loop::State::pass_on_raft(Turn& turn) {
  const auto dropped = std::exchange(core.raft_out.dropped, {});
  const auto ready = std::exchange(core.raft_out.reads, {});
  for (const consensus::ProposalDropped& drop : dropped) {
    switch (asker_of(drop.id)) {
      case Asker::start: start_dropped(turn, drop.why); break;
      case Asker::writes: writes.dropped(turn, number_of(drop.id), drop.why); break;
      default: settling.dropped(turn, number_of(drop.id)); break;
    }
  }
  for (const consensus::ReadReady& read : ready) {
    if (asker_of(read.id) == Asker::reads) {
      reads.ready(turn, number_of(read.id), read.index);
    } else {
      settling.read_ready(read.index);
    }
  }
  return !dropped.empty() || !ready.empty();
}

void Loop::State::follow_clock(Turn& turn) {
  const auto log_time = core.raft.log_time_now(turn.now);
  if (log_time)
    core.clock.heard_leader(*log_time,
                            std::max(core.journal.greatest_stamp(), core.applied.log_time));
}

// ---- start

void Loop::State::continue_recovery(Turn& turn) {
  if (core.phase != Phase::recovering || asked_standing || core.applied.index < recovery_target)
    return;
  asked_standing = true;
  turn.out.applier.push_back(kv::AskSettled{.id = tagged(Asker::start, core.fresh())});
}

void Loop::State::serve(Turn& turn, kv::SettledState state) {
  peers.set_start_number(state.start_number + 1);
  core.settled_through = std::max(core.settled_through, state.through);
  core.phase = Phase::serving;
  turn.out.ready = true;
  propose_start(turn);
}

void Loop::State::propose_start(Turn& turn) {
  if (core.phase == Phase::stopping) return;
  const kv::Start start{.origin = core.options.origin,
                        .incarnation = core.options.incarnation,
                        .number = peers.start_number()};
  start_proposal = core.fresh();
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
  if (result.incarnation != core.options.incarnation || start_proposal == 0) return;
  core.raft.resolved(tagged(Asker::start, start_proposal));
  start_proposal = 0;
  if (result.accepted) {
    writes.session_opened(turn);
    return;
  }
  peers.set_start_number(result.number + 1);  // a copy of this directory has started meanwhile
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
