#include "node/writes.hpp"

#include <algorithm>
#include <utility>

#include "kv/command.hpp"
#include "kv/limits.hpp"
#include "node/answers.hpp"

namespace causeway::node {
namespace {

kv::CommandKind kind_of(wire::WriteOp op) {
  switch (op) {
    case wire::WriteOp::set: return kv::CommandKind::set;
    case wire::WriteOp::remove: return kv::CommandKind::remove;
    case wire::WriteOp::swap: return kv::CommandKind::swap;
  }
  CAUSEWAY_CHECK(!"a WriteOp without a command");
  return kv::CommandKind::set;
}

std::size_t bytes_of(const wire::WriteCall& call) {
  return call.key.size() + call.value.size() + (call.expected ? call.expected->size() : 0);
}

}  // namespace

void Writes::arrive(Turn& turn, CallHandle handle, wire::WriteCall call) {
  const std::size_t bytes = bytes_of(call);
  if (open_bytes_ + bytes > turn.core.options.limits.waiting_bytes_max) {
    turn.out.answers.push_back(
        {handle, refuse(Errc::exhausted,
                        "the writes that wait for a majority at this node hold too many bytes: "
                        "nothing was done, retry later")});
    return;
  }
  if (!admission_.admit(turn, handle, Waits::for_majority)) return;
  const std::uint64_t number = ++numbers_given_;
  const auto deadline = deadline_of(turn.now, call.timeout_ms);
  deadlines_.add(deadline, number);
  auto& write = open_.emplace_hint(open_.end(), number, Write{})->second;
  write.handle = handle;
  write.call = std::move(call);
  write.reached = turn.core.journal.reached();
  write.deadline = deadline;
  write.bytes = bytes;
  open_bytes_ += bytes;
  if (number - lowest_unanswered() >= kv::kResultsMax) {
    finish(
        turn, open_.find(number),
        refuse(Errc::exhausted, "too many writes wait behind one that is not decided: retry later"),
        OutcomeResult::State::did_not_happen);
    return;
  }
  if (gate_.enter(turn, write.call.key, tagged(Asker::writes, number))) released(turn, number);
}

void Writes::released(Turn& turn, std::uint64_t number) {
  const auto at = open_.find(number);
  if (at == open_.end()) return;
  if (!session_open_) {
    at->second.stage = Stage::before_session;
    before_session_.push_back(number);
    return;
  }
  if (at->second.overtaken) {
    finish(turn, at, timeout_reply(TimeoutReason::overtaken), OutcomeResult::State::did_not_happen);
    return;
  }
  propose(turn, number, at->second);
}

void Writes::session_opened(Turn& turn) {
  session_open_ = true;
  for (const std::uint64_t number : std::exchange(before_session_, {})) released(turn, number);
}

void Writes::propose(Turn& turn, std::uint64_t number, Write& write) {
  if (write.stage != Stage::proposed) {
    write.stage = Stage::proposed;
    kv::Write command{.kind = kind_of(write.call.op),
                      .call = {.origin = turn.core.options.origin,
                               .incarnation = turn.core.options.incarnation,
                               .number = number,
                               .lowest_unanswered = lowest_unanswered()},
                      .reached = write.reached,
                      .key = write.call.key,
                      .expected = write.call.expected,
                      .value = write.call.value.view()};
    write.payload = kv::encode(command);
    write.call.value = Blob();
  }
  turn.core.raft.propose(turn.now, tagged(Asker::writes, number), write.payload, write.deadline,
                         turn.core.raft_out);
}

void Writes::applied(Turn& turn, const kv::WriteResult& result) {
  if (result.incarnation != turn.core.options.incarnation) return;
  turn.core.raft.resolved(tagged(Asker::writes, result.number));
  const auto at = open_.find(result.number);
  if (at == open_.end()) return;
  finish(turn, at, reply_to(result), outcome_of(result));
}

void Writes::dropped(Turn& turn, std::uint64_t number, consensus::Dropped why) {
  const auto at = open_.find(number);
  if (at == open_.end()) return;
  Write& write = at->second;
  if (why == consensus::Dropped::exhausted) {
    finish(turn, at,
           refuse(Errc::exhausted,
                  "the leader has too many writes in flight: nothing was done, retry later"),
           OutcomeResult::State::did_not_happen);
  } else if (stopping_) {
    finish(turn, at,
           refuse(Errc::unavailable,
                  "this node is stopping: the write was withdrawn and did not happen"),
           OutcomeResult::State::did_not_happen);
  } else if (why == consensus::Dropped::withdrawn || write.expired || write.abandoned ||
             write.reported) {
    finish(turn, at, timeout_reply(TimeoutReason::budget), OutcomeResult::State::did_not_happen);
  } else if (write.overtaken) {
    finish(turn, at, timeout_reply(TimeoutReason::overtaken), OutcomeResult::State::did_not_happen);
  } else {
    propose(turn, number, write);
  }
}

void Writes::offline_proposed(Turn&, const std::vector<crdt::OfflineWrite>& items) {
  if (open_.empty()) return;
  std::map<std::string_view, Sequence> newest;
  for (const crdt::OfflineWrite& item : items) newest[item.key] = item.dot.sequence;
  for (auto& [number, write] : open_) {
    const auto found = newest.find(write.call.key);
    if (found != newest.end() && found->second > write.reached) write.overtaken = true;
  }
}

void Writes::withdraw(Turn& turn, std::uint64_t number) {
  turn.core.raft.withdraw(turn.now, tagged(Asker::writes, number), turn.core.raft_out);
}

void Writes::due(Turn& turn) {
  while (const auto number = deadlines_.pop(turn.now.mono)) {
    const auto at = open_.find(*number);
    CAUSEWAY_CHECK(at != open_.end());
    at->second.deadline.reset();
    expire(turn, at);
  }
}

void Writes::expire(Turn& turn, Open::iterator at) {
  const std::uint64_t number = at->first;
  Write& write = at->second;
  if (write.stage != Stage::proposed) {
    gate_.cancel(turn, tagged(Asker::writes, number));
    finish(turn, at, timeout_reply(TimeoutReason::budget), OutcomeResult::State::did_not_happen);
    return;
  }
  if (write.expired) {  // the leader had its time to refuse it
    report_in_doubt(turn, at);
    return;
  }
  write.expired = true;
  if (write.call.in_doubt == InDoubt::report) {
    // With a leader at hand a withdrawal is certain within a round trip, which is a better answer
    // than "in doubt".
    write.deadline = turn.now.mono + turn.core.options.heartbeat_interval;
    deadlines_.add(write.deadline, number);
  }
  withdraw(turn, number);
}

void Writes::connection_closed(Turn& turn, std::uint64_t connection) {
  for (auto at = open_.begin(); at != open_.end();) {
    const auto here = at++;
    Write& write = here->second;
    if (write.handle.connection != connection || write.reported) continue;
    if (write.stage != Stage::proposed) {
      gate_.cancel(turn, tagged(Asker::writes, here->first));
      finish(turn, here, timeout_reply(TimeoutReason::withdrawn),
             OutcomeResult::State::did_not_happen);
      continue;
    }
    write.abandoned = true;
    withdraw(turn, here->first);
  }
}

void Writes::stop(Turn& turn) {
  stopping_ = true;
  for (auto at = open_.begin(); at != open_.end();) {
    const auto here = at++;
    if (here->second.stage != Stage::proposed) {
      gate_.cancel(turn, tagged(Asker::writes, here->first));
      finish(turn, here,
             refuse(Errc::unavailable,
                    "this node is stopping: the write was withdrawn and did not happen"),
             OutcomeResult::State::did_not_happen);
    } else if (!here->second.reported) {
      withdraw(turn, here->first);
    }
  }
}

void Writes::end(Turn& turn) {
  for (auto at = open_.begin(); at != open_.end(); ++at) {
    if (!at->second.reported) report_in_doubt(turn, at);
  }
}

void Writes::report_in_doubt(Turn& turn, Open::iterator at) {
  Write& write = at->second;
  deadlines_.remove(write.deadline, at->first);
  write.deadline.reset();
  write.reported = true;
  ++reported_open_;
  reported_.insert(at->first);
  admission_.answer(
      turn, write.handle, Waits::for_majority,
      wire::CallError{
          .error = {Errc::in_doubt,
                    "the write may or may not have happened: ask `outcome` with the operation id"},
          .leader = {},
          .operation =
              operation_id(turn.core.options.origin, turn.core.options.incarnation, at->first)});
}

void Writes::finish(Turn& turn, Open::iterator at, wire::Reply reply,
                    OutcomeResult::State outcome) {
  const std::uint64_t number = at->first;
  Write& write = at->second;
  deadlines_.remove(write.deadline, number);
  open_bytes_ -= write.bytes;
  if (write.stage == Stage::before_session) std::erase(before_session_, number);
  if (write.reported) {
    --reported_open_;
    if (reported_.contains(number)) outcomes_[number] = outcome;
    outcomes_changed_ = true;
  } else {
    admission_.answer(turn, write.handle, Waits::for_majority, std::move(reply));
  }
  open_.erase(at);
}

std::uint64_t Writes::lowest_unanswered() {
  while (!reported_.empty() && (reported_.size() > kReportedMax ||
                                numbers_given_ - *reported_.begin() > kReportedSpanMax)) {
    outcomes_.erase(*reported_.begin());
    reported_.erase(reported_.begin());
  }
  std::uint64_t lowest = numbers_given_ + 1;
  if (!open_.empty()) lowest = std::min(lowest, open_.begin()->first);
  if (!reported_.empty()) lowest = std::min(lowest, *reported_.begin());
  return lowest;
}

std::optional<OutcomeResult::State> Writes::outcome(std::uint64_t number) const {
  if (open_.contains(number)) return OutcomeResult::State::pending;
  const auto known = outcomes_.find(number);
  if (known != outcomes_.end()) return known->second;
  return std::nullopt;
}

}  // namespace causeway::node
