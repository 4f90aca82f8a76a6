#include "sim/workload.hpp"

#include <algorithm>
#include <utility>

#include "sim/violation.hpp"

namespace causeway::sim {

using std::chrono::milliseconds;

namespace {

/// A disk that was full may have said so long ago. Whether a limit was reached, queue-bound judges.
bool may_refuse_local(Errc code) {
  return code == Errc::journal_full || code == Errc::disk_full || code == Errc::no_data ||
         code == Errc::exhausted;
}

}  // namespace

Workload::Workload(Cluster& cluster, const Faults& faults, const Plan& plan,
                   std::size_t history_max)
    : cluster_(cluster),
      faults_(faults),
      plan_(plan),
      history_max_(history_max),
      random_(plan.seed ^ 0x776f726b6c6f6164),
      clients_(plan.clients) {
  for (Client& client : clients_) client.connection = ++connections_;
}

std::uint64_t Workload::at_now() const {
  return static_cast<std::uint64_t>(cluster_.time().now().since_start.count());
}

// ---- asking

void Workload::begin() { schedule_next(); }

// Calls arrive as a Poisson process would let them, near enough: gaps drawn evenly around the mean.
void Workload::schedule_next() {
  if (plan_.operations_per_s == 0) return;
  const std::uint64_t mean_ns = 1'000'000'000 / plan_.operations_per_s;
  const Duration gap(static_cast<std::int64_t>(random_.below(2 * mean_ns) + 1));
  cluster_.time().after(gap, [this] {
    if (ended_) return;
    const std::uint8_t bursts = plan_.level(FaultKind::bursts);
    const bool burst = bursts != 0 && random_.below(200) < bursts;
    if (burst) count(FaultKind::bursts);
    const std::size_t calls = burst ? clients_.size() * 4 : 1;
    for (std::size_t i = 0; i < calls; ++i) arrive();
    schedule_next();
  });
}

void Workload::arrive() {
  const std::size_t client = random_.below(clients_.size());
  if (clients_[client].call) {
    const std::uint8_t retries = plan_.level(FaultKind::retries);
    if (retries == 0 || random_.below(20) >= retries) return;
    count(FaultKind::retries);
    return begin_call(give_up(client));
  }
  begin_call(draw_call(client));
}

// The client is gone, and its call with it; what came of it nobody will learn. Another asks the
// same of another node.
Workload::Open Workload::give_up(std::size_t client) {
  const auto found = open_.find(*clients_[client].call);
  Open again = std::move(found->second);
  open_.erase(found);
  cluster_.close(cluster_.name_of(again.peer), clients_[client].connection);
  if (is_consistent_write(again)) ++told_.doubtful[again.peer];
  if (again.operation.kind != Operation::Kind::get) told_.history.push_back(again.operation);
  clients_[client].call.reset();
  clients_[client].connection = ++connections_;
  const std::size_t steps = plan_.nodes == 1 ? 0 : 1 + random_.below(plan_.nodes - 1);
  again.peer = static_cast<Peer>((again.peer + steps) % plan_.nodes);
  again.operation.called = at_now();
  again.called = cluster_.time().now();
  again.well = Duration(0);
  return again;
}

Workload::Open Workload::draw_call(std::size_t client) {
  const Open* const waiting = draw_rival();
  const Peer peer = waiting ? waiting->peer : static_cast<Peer>(random_.below(plan_.nodes));
  Open open{.operation = {}, .peer = peer, .client = client, .called = cluster_.time().now()};
  if (waiting) {
    open.offline = random_.below(2) == 0;
    open.operation.key = waiting->operation.key;
  }
  draw_operation(open);
  return open;
}

void Workload::begin_call(Open open) {
  const Cluster::Name& name = cluster_.name_of(open.peer);
  const Machine& machine = cluster_.node(name);
  if (!machine.running() || (machine.paused() && random_.below(4) != 0)) return;
  if (told_.history.size() >= history_max_)
    throw Violation("bound", "more than " + std::to_string(history_max_) + " operations");
  ++operations_;
  Client& client = clients_[open.client];
  client.call = cluster_.call(name, call_of(open), client.connection);
  open.acknowledged = acknowledged_;
  if (is_consistent_write(open)) ++told_.writes[open.peer];
  open.writes = told_.writes[open.peer];
  open_.emplace(*client.call, std::move(open));
}

// A consistent write that the next call goes past: a write of its key, through its node. Whose
// write is stuck becomes impatient.
const Workload::Open* Workload::draw_rival() {
  if (open_.empty()) return nullptr;
  const auto any =
      std::next(open_.begin(), static_cast<std::ptrdiff_t>(random_.below(open_.size())));
  const Open& open = any->second;
  const bool stuck = cluster_.time().now() - open.called > milliseconds(500);
  if (random_.below(stuck ? 2 : 8) != 0) return nullptr;
  return is_consistent_write(open) ? &open : nullptr;
}

std::string Workload::draw_value(bool offline) {
  std::string value = "v" + std::to_string(++told_.values);
  // A few of these fill a journal, where no majority empties it.
  const std::uint8_t full = plan_.level(FaultKind::full_journal);
  if (full != 0 && offline && random_.below(6) < full)
    return value + std::string(random_.below(journal_bytes_max(plan_) / 2), '.');
  const std::uint8_t huge = plan_.level(FaultKind::huge_values);
  if (huge != 0 && random_.below(30) < huge) {
    count(FaultKind::huge_values);
    value += std::string(random_.below(random_.below(4) == 0 ? 900'000 : 60'000), '.');
  }
  return value;
}

void Workload::draw_operation(Open& open) {
  Operation& operation = open.operation;
  operation.client = static_cast<int>(open.client);
  const bool is_rival = !operation.key.empty();
  if (!is_rival) operation.key = key_at(random_.below(plan_.keys));
  operation.called = at_now();
  operation.outcome = Operation::Outcome::unknown;
  open.offline = random_.below(3) == 0 || open.offline;
  if (random_.below(3) != 0) open.timeout = milliseconds(50 + random_.below(1500));
  const std::uint64_t kind = random_.below(is_rival ? 4 : 10);
  if (kind < 4 || open.offline) return draw_write(open, kind);
  open.local_get = kind >= 8;
}

void Workload::draw_write(Open& open, std::uint64_t kind) {
  Operation& operation = open.operation;
  open.may_report = random_.below(2) == 0;
  operation.kind = kind == 3 ? Operation::Kind::remove : Operation::Kind::set;
  if (kind == 3) return;
  operation.written = draw_value(open.offline);
  if (kind != 2 || open.offline) return;
  operation.kind = Operation::Kind::swap;
  if (random_.below(4) != 0) operation.expected = seen_[operation.key];
}

wire::Call Workload::call_of(const Open& open) {
  const Operation& operation = open.operation;
  std::optional<std::uint64_t> timeout_ms;
  if (open.timeout) timeout_ms = *open.timeout / milliseconds(1);
  if (operation.kind == Operation::Kind::get) {
    return wire::GetCall{
        .key = operation.key, .consistent = !open.local_get, .timeout_ms = timeout_ms};
  }
  wire::WriteCall write{.key = operation.key,
                        .value = {},
                        .expected = operation.expected,
                        .consistent = !open.offline,
                        .timeout_ms = timeout_ms,
                        .in_doubt = open.may_report ? InDoubt::report : InDoubt::wait};
  if (operation.kind == Operation::Kind::remove) write.op = wire::WriteOp::remove;
  if (operation.kind == Operation::Kind::swap) write.op = wire::WriteOp::swap;
  if (operation.written) write.value = Blob::copy_of(*operation.written);
  return write;
}

// ---- being told

void Workload::answered(Peer, std::uint64_t call, const wire::Reply& reply) {
  const auto found = open_.find(call);
  if (found == open_.end()) return;
  Open open = std::move(found->second);
  open_.erase(found);
  clients_[open.client].call.reset();
  open.operation.answered = at_now();
  if (const auto* error = std::get_if<wire::CallError>(&reply)) {
    take_error(std::move(open), *error);
  } else {
    take_response(std::move(open), std::get<Response>(std::get<wire::Answer>(reply)));
  }
}

void Workload::take_error(Open open, const wire::CallError& error) {
  const bool local = open.local_get || open.offline;
  if (local && faults_.well(open.peer) && !may_refuse_local(error.error.code)) {
    throw Violation("local-answers", "node " + cluster_.name_of(open.peer) +
                                         " refuses a local call: " + error.error.detail);
  }
  if (open.local_get) return;
  Operation& operation = open.operation;
  if (error.error.code == Errc::journal_full) count(FaultKind::full_journal);
  if (error.error.code == Errc::in_doubt) {
    doubt(open, error.operation);
  } else {
    operation.outcome = Operation::Outcome::did_not_happen;
  }
  told_.history.push_back(std::move(operation));
}

// Its operation is the next in the history.
void Workload::doubt(const Open& open, const std::string& operation) {
  ++told_.doubtful[open.peer];
  told_.doubts.push_back({.peer = open.peer,
                          .operation = operation,
                          .at = told_.history.size(),
                          .starts = told_.starts[open.peer],
                          .writes = open.writes});
}

void Workload::take_response(Open open, const Response& response) {
  Operation& operation = open.operation;
  if (open.local_get) return observe(open, Observed::Kind::local_get, response);
  if (response.in_doubt) {
    doubt(open, response.operation);
    told_.history.push_back(std::move(operation));
    return;
  }
  if (open.offline) {  // takes effect at an unknown time, once at most
    told_.offline.push_back({open.peer, response.token, told_.history.size()});
    observe(open, Observed::Kind::offline_write, response);
    told_.history.push_back(std::move(operation));
    return;
  }
  if (response.pending)
    throw Violation("linearizable", "a consistent answer shows a pending write");
  operation.outcome = Operation::Outcome::done;
  if (response.timeout) {
    operation.outcome = Operation::Outcome::did_not_happen;
    told_.history.push_back(std::move(operation));
    return;
  }
  observe(open, Observed::Kind::consistent, response);
  if (response.version) acknowledged_ = std::max(acknowledged_, response.version->revision);
  if (operation.kind == Operation::Kind::get) {
    judge_fresh(open);
    if (response.valid) operation.found = response.value;
    seen_[operation.key] = operation.found;
  } else if (operation.kind == Operation::Kind::remove) {
    operation.was_there = response.valid;
  } else if (operation.kind == Operation::Kind::swap && !response.valid) {
    operation.outcome = Operation::Outcome::mismatch;
    if (!response.absent) operation.found = response.value;
    seen_[operation.key] = operation.found;
  }
  told_.history.push_back(std::move(operation));
}

void Workload::judge_fresh(const Open& open) const {
  if (applied_[open.peer] >= open.acknowledged) return;
  throw Violation("fresh-read", "node " + cluster_.name_of(open.peer) +
                                    " answers a consistent get, and has applied entries up to " +
                                    std::to_string(applied_[open.peer].value) + ": entry " +
                                    std::to_string(open.acknowledged.value) +
                                    " was acknowledged before it was asked");
}

void Workload::observe(const Open& open, Observed::Kind kind, const Response& response) {
  const bool write = open.operation.kind != Operation::Kind::get;
  const bool took_place = response.valid || open.operation.kind == Operation::Kind::remove;
  Observed observed{.kind = kind,
                    .writes = write && took_place,
                    .node = cluster_.name_of(open.peer),
                    .key = open.operation.key,
                    .called = open.operation.called,
                    .answered = at_now(),
                    .response = response};
  observed.response.value.clear();  // nobody asks for it, and it may be large
  told_.promises.observe(std::move(observed));
}

void Workload::died(Peer peer, Death death) {
  forget_calls_of(peer);
  if (death == Death::power) told_.promises.power_lost(cluster_.name_of(peer), at_now());
  if (death == Death::wipe || death == Death::old_copy) forget_promises_of(peer);
}

void Workload::ended(Peer peer, const std::optional<Error>&) { forget_calls_of(peer); }

/// The node's callers will never hear of their calls.
void Workload::forget_calls_of(Peer peer) {
  std::erase_if(open_, [&](auto& item) {
    if (item.second.peer != peer) return false;
    clients_[item.second.client].call.reset();
    if (item.second.operation.kind != Operation::Kind::get)
      told_.history.push_back(std::move(item.second.operation));
    return true;
  });
}

/// A new directory stands under this name: nobody can tell what became of the old one's writes.
void Workload::forget_promises_of(Peer peer) {
  told_.promises.forget(cluster_.name_of(peer));
  std::erase_if(told_.offline, [&](const Told::OfflineWrite& write) { return write.peer == peer; });
  std::erase_if(told_.doubts, [&](const Told::Doubt& doubt) { return doubt.peer == peer; });
}

}  // namespace causeway::sim
