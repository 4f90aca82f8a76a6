#include "kv/machine.hpp"

namespace causeway::kv::testing {

Blob command(const WriteOf& of) {
  Write write{.kind = of.kind,
              .call = {of.origin, of.incarnation, of.number, of.lowest},
              .reached = {of.reached},
              .key = of.key};
  if (of.expected) write.expected = *of.expected;
  if (of.kind != CommandKind::remove) write.value = of.value;
  return encode(write);
}

OfflineWrite offline(const Offline& of) {
  OfflineWrite write;
  write.dot = {of.origin, {of.sequence}};
  write.stamp = {of.stamp};
  write.seen = {{of.seen}, log_time_at(of.seen)};
  write.key = of.key;
  write.deleted = of.deleted;
  if (!of.deleted) write.value = Blob::copy_of(of.value);
  write.old_dot = of.old_dot;
  write.old_chain = of.old_chain;
  return write;
}

std::vector<crdt::VerdictKind> kinds(const std::vector<crdt::Verdict>& verdicts) {
  std::vector<crdt::VerdictKind> result;
  for (const crdt::Verdict& verdict : verdicts) result.push_back(verdict.kind);
  return result;
}

Settle Proposer::batch(std::vector<Offline> items) {
  Settle settle{.origin = origin_,
                .incarnation = kFirst,
                .number = ++number_,
                .follows = follows_,
                .chain = chain_,
                .learnt_through = learnt_through,
                .items = {}};
  for (Offline& item : items) {
    item.origin = origin_;
    settle.items.push_back(offline(item));
    chain_ = crdt::chain_after(chain_, settle.items.back());
    follows_ = settle.items.back().dot.sequence;
  }
  return settle;
}

Machine::Machine(Origin own) : own_(own) { restart(); }

void Machine::restart(std::size_t kept) {
  applier.reset();
  table.crash(kept);
  Result<std::unique_ptr<Applier>> opened = Applier::open(table, own_);
  REQUIRE(opened);
  applier = std::move(opened).value();
}

LogEntry Machine::entry(Blob payload) {
  const std::uint64_t index = log.size() + 1;
  return {.index = {index},
          .term = {1},
          .log_time = log_time_at(index),
          .command = true,
          .payload = std::move(payload),
          .hash = 7 * index};
}

std::vector<Output> Machine::step(std::vector<Input> inputs) {
  std::vector<Output> out;
  applier->step(std::move(inputs), out);
  return out;
}

template <class T>
T Machine::ask(Input input) {
  std::vector<Input> inputs;
  inputs.push_back(std::move(input));
  std::vector<Output> out = step(std::move(inputs));
  REQUIRE(out.size() == 1);
  REQUIRE(std::holds_alternative<T>(out[0]));
  return std::get<T>(std::move(out[0]));
}

Applied Machine::apply(std::vector<Blob> payloads) {
  Apply input;
  for (Blob& payload : payloads) {
    log.push_back(entry(std::move(payload)));
    input.entries.push_back(log.back());
  }
  return ask<Applied>(std::move(input));
}

WriteResult Machine::write(const WriteOf& of) {
  Applied applied = apply({command(of)});
  REQUIRE(applied.writes.size() == 1);
  return applied.writes[0];
}

SettleResult Machine::settle(const Settle& batch) {
  const Applied applied = apply({encode(batch)});
  if (batch.origin != own_) {
    CHECK(applied.settles.empty());
    return {};
  }
  REQUIRE(applied.settles.size() == 1);
  return applied.settles[0];
}

StartResult Machine::start(Origin origin, Incarnation incarnation, std::uint64_t number) {
  const Applied applied =
      apply({encode(Start{.origin = origin, .incarnation = incarnation, .number = number})});
  if (origin != own_) {
    CHECK(applied.starts.empty());
    return {};
  }
  REQUIRE(applied.starts.size() == 1);
  return applied.starts[0];
}

GetResult Machine::get(std::string_view key, bool local) {
  return ask<GetResult>(Get{1, std::string(key), local});
}

ConflictList Machine::list_conflicts() {
  return ask<ConflictList>(ListConflicts{1, 0, 1u << 20, 1u << 30});
}
std::vector<Conflict> Machine::conflicts() { return list_conflicts().conflicts; }

SettledState Machine::settled() { return ask<SettledState>(AskSettled{1}); }

OutcomeFound::State Machine::outcome(Incarnation incarnation, std::uint64_t number,
                                     Incarnation running) {
  return ask<OutcomeFound>(FindOutcome{1, incarnation, number, running}).state;
}

void Machine::put_pending(const OfflineWrite& write) { CHECK(step({PutPending{write}}).empty()); }

std::optional<crdt::PendingWrite> Machine::find_pending(std::string_view key) {
  return ask<FoundPending>(FindPending{1, std::string(key)}).held;
}

}  // namespace causeway::kv::testing
