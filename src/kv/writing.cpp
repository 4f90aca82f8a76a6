// Consistent writes: each takes effect once, or never.
//
// A write may stand in the log several times (forwarded again, retried), and may come late: after
// its node has started anew, or after an offline write of the same key that was made later. So
// before it is judged by the key's value it is judged by its call: is its start the newest, has it
// a result already, was it overtaken (design 3.2, 3.4).
#include "kv/limits.hpp"
#include "kv/state.hpp"
#include "kv/table_keys.hpp"

namespace causeway::kv {
namespace {

using Status = WriteResult::Status;

// The answer of a write that has its result: the first answer again, except that a mismatch shows
// what stands there now.
Result<void> answer_again(State& state, const Write& write, const KeptResult& kept,
                          WriteResult& result) {
  result.status = kept.status;
  if (kept.status == Status::mismatch) {
    CAUSEWAY_TRY(committed, read_committed(state, write.key));
    if (!committed) return success();
    result.version = committed->version;
    result.current = std::move(*committed).take_value();
  } else if (kept.status != Status::overtaken) {
    result.version = {.revision = kept.revision,
                      .stamp = kept.stamp,
                      .origin = write.call.origin,
                      .sequence = kept.sequence,
                      .kind = crdt::WriteKind::consistent,
                      .tombstone = kept.tombstone};
  }
  return success();
}

bool holds_value(const std::optional<Stored>& committed) {
  return committed && !committed->version.tombstone;
}

// Does what a swap expects stand there?
bool matches(const Write& write, const std::optional<Stored>& committed) {
  if (!write.expected) return !holds_value(committed);
  return holds_value(committed) && committed->value() == *write.expected;
}

// Judges a write that is new, and carries it out.
Result<void> decide(State& state, const LogEntry& entry, const Write& write, Sequence settled,
                    WriteResult& result) {
  // A plain set reads nothing, unless writes of its own node that were made after it may have
  // settled already.
  const bool settled_past = settled > write.reached;
  std::optional<Stored> committed;
  if (settled_past || write.kind != CommandKind::set) {
    CAUSEWAY_TRY(found, read_committed(state, write.key));
    committed = std::move(found);
  }
  if (settled_past && committed && committed->version.origin == write.call.origin &&
      committed->version.sequence > write.reached) {
    result.status = Status::overtaken;
    return success();
  }
  if (write.kind == CommandKind::swap && !matches(write, committed)) {
    result.status = Status::mismatch;
    if (!committed) return success();
    result.version = committed->version;
    result.current = std::move(*committed).take_value();
    return success();
  }
  const bool remove = write.kind == CommandKind::remove;
  result.status = remove && !holds_value(committed) ? Status::absent : Status::done;
  result.version = {.revision = entry.index,
                    .stamp = entry.log_time,
                    .origin = write.call.origin,
                    .sequence = write.reached,
                    .kind = crdt::WriteKind::consistent,
                    .tombstone = remove,
                    .session = write.session,
                    .expires_ms = write.expires_ms};
  write_committed(state, write.key, result.version, write.value);
  return success();
}

KeptResult kept_of(const WriteResult& result) {
  KeptResult kept{.status = result.status};
  if (result.status == Status::done || result.status == Status::absent) {
    kept.tombstone = result.version.tombstone;
    kept.revision = result.version.revision;
    kept.stamp = result.version.stamp;
    kept.sequence = result.version.sequence;
  }
  return kept;
}

// A result of an earlier start, from the table.
Result<std::optional<KeptResult>> find_earlier(State& state, Incarnation incarnation,
                                               std::uint64_t number) {
  CAUSEWAY_TRY(bytes,
               state.changes.get(keys::results(state.own, incarnation, number / kResultsPerRow)));
  if (!bytes) return std::optional<KeptResult>{};
  const std::optional<ResultRow> row = decode_results(*bytes);
  if (!row) return damaged("a row of results");
  const KeptResult* kept = row->find(number);
  return kept == nullptr ? std::optional<KeptResult>{} : std::optional<KeptResult>{*kept};
}

OutcomeFound::State outcome_of(Status status) {
  switch (status) {
    case Status::done:
    case Status::absent: return OutcomeFound::State::done;
    case Status::mismatch: return OutcomeFound::State::mismatch;
    case Status::overtaken:
    case Status::stale:
    case Status::exhausted: break;
  }
  return OutcomeFound::State::did_not_happen;
}

}  // namespace

Result<WriteResult> apply_write(State& state, const LogEntry& entry, const Write& write) {
  const CallId& call = write.call;
  WriteResult result;
  result.incarnation = call.incarnation;
  result.number = call.number;
  result.index = entry.index;
  result.status = Status::stale;

  OriginState* origin = state.origins.find(call.origin);
  if (origin == nullptr || origin->newest() == nullptr) return result;
  if (origin->newest()->id != call.incarnation) return result;

  state.origins.answered_below(*origin, call.lowest_unanswered, state.changes);
  const std::uint64_t lowest = origin->newest()->lowest_unanswered;
  if (call.number < lowest) return result;
  if (call.number - lowest >= kResultsMax) {
    result.status = Status::exhausted;
    return result;
  }
  if (const KeptResult* kept = origin->results.find(call.number)) {
    CAUSEWAY_TRY(answer_again(state, write, *kept, result));
    return result;
  }
  CAUSEWAY_TRY(decide(state, entry, write, origin->settled, result));
  origin->results.keep(call.number, kept_of(result), lowest);
  state.origins.changed(*origin);
  return result;
}

StartResult apply_start(State& state, const Start& start) {
  OriginState& origin = state.origins.at(start.origin);
  const bool accepted = state.origins.start(origin, start.incarnation, start.number, state.changes);
  return {.incarnation = start.incarnation, .accepted = accepted, .number = origin.start_number};
}

Result<OutcomeFound> find_outcome(State& state, const FindOutcome& ask) {
  using Outcome = OutcomeFound::State;
  OutcomeFound found{.id = ask.id, .state = Outcome::unknown};
  OriginState* origin = state.origins.find(state.own);
  if (origin == nullptr || origin->newest() == nullptr) return found;

  const IncarnationState* asked = origin->find(ask.incarnation);
  if (asked == nullptr) {
    // Either it is too long ago, or its start record never was applied; and now that a newer one
    // was, never will be.
    if (origin->newest()->id == ask.running && ask.incarnation != ask.running) {
      found.state = origin->incarnations_dropped ? Outcome::forgotten : Outcome::did_not_happen;
    }
    return found;
  }
  if (ask.number < asked->lowest_unanswered) {
    found.state = Outcome::forgotten;
    return found;
  }
  if (asked == origin->newest()) {
    if (const KeptResult* kept = origin->results.find(ask.number)) {
      found.state = outcome_of(kept->status);
    }
    return found;
  }
  CAUSEWAY_TRY(kept, find_earlier(state, ask.incarnation, ask.number));
  found.state = kept ? outcome_of(kept->status) : Outcome::did_not_happen;
  return found;
}

}  // namespace causeway::kv
