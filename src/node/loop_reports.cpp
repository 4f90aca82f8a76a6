// What disks, applier and consensus report, passed on to the parts that wait for it.
#include <algorithm>
#include <utility>

#include "node/answers.hpp"
#include "node/loop_state.hpp"

namespace causeway::node {

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
  for (const kv::OriginStart& start : news.starts_elsewhere) peers.applied(turn, start);
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

}  // namespace causeway::node
