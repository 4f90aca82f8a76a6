#include "sim/reckoning.hpp"

#include <utility>

#include "crdt/dot.hpp"
#include "kv/limits.hpp"
#include "node/writes.hpp"
#include "sim/plan.hpp"
#include "sim/violation.hpp"

namespace causeway::sim {
namespace {

std::string name_of(Peer peer) { return std::to_string(peer + 1); }

}  // namespace

Reckoning::Reckoning(Told& told, std::size_t node_count, std::size_t keys, Nodes nodes)
    : told_(told), node_count_(node_count), keys_(keys), nodes_(std::move(nodes)) {}

void Reckoning::judge() {
  told_.promises.judge(ask_fates());
  ask_outcomes();
  write_everywhere();
  read_everywhere();
  judge_history();
}

AwaitResult Reckoning::fate_of(Peer peer, const std::string& token) {
  const wire::Reply reply = nodes_.ask(peer, wire::AwaitCall{.token = token, .timeout_ms = 0});
  if (const auto* error = std::get_if<wire::CallError>(&reply))
    throw Violation("one-verdict", "await " + token + " is refused: " + error->error.detail);
  auto fate = std::get<AwaitResult>(std::get<wire::Answer>(reply));
  if (fate.state == AwaitResult::State::pending)
    throw Violation("one-verdict", "at rest, " + token + " is still pending");
  if (fate.state == AwaitResult::State::rejected)
    throw Violation("nothing-rejected", token + " was rejected: " + fate.reason);
  return fate;
}

Promises::Fates Reckoning::ask_fates() {
  using State = AwaitResult::State;
  Promises::Fates fates;
  const std::multiset<std::string> listed = losers();
  const bool all_are_listed = listed.size() < kv::kConflictsMax;
  std::set<std::string> tokens;
  for (const Told::OfflineWrite& write : told_.offline) {
    if (!tokens.insert(write.token).second)
      throw Violation("one-verdict", "two writes got the token " + write.token);
    const AwaitResult fate = fates[write.token] = fate_of(write.peer, write.token);
    settle(told_.history[write.at], fate.state);
    if (fate.state == State::superseded && all_are_listed && !listed.contains(write.token))
      throw Violation("losers-listed", write.token + " was superseded, and stands in no list");
    // What stands in its place may be of a client that was gone before it was answered.
    std::string next = fate.replaced_by;
    while (!next.empty() && !fates.contains(next)) {
      fates[next] = fate_of(write.peer, next);
      next = std::string(fates[next].replaced_by);
    }
  }
  return fates;
}

/// One that won took effect at some moment until now. One that is forgotten may have.
void Reckoning::settle(Operation& write, AwaitResult::State state) const {
  using State = AwaitResult::State;
  if (state == State::forgotten) return;
  const bool won = state == State::won;
  write.outcome = won ? Operation::Outcome::done : Operation::Outcome::did_not_happen;
  if (won) write.answered = nodes_.now();
}

/// Tokens of the writes in the list of conflicts. A consistent one that lost has no number of its
/// own, and shares the one that stands there with others.
std::multiset<std::string> Reckoning::losers() {
  std::multiset<std::string> tokens;
  std::string cursor;
  do {
    const wire::Reply reply = nodes_.ask(0, wire::ConflictsCall{.limit = 1000, .cursor = cursor});
    const auto* answer = std::get_if<wire::Answer>(&reply);
    if (answer == nullptr) {
      throw Violation("losers-listed", "the list of conflicts is refused: " +
                                           std::get<wire::CallError>(reply).error.detail);
    }
    const auto& page = std::get<ConflictPage>(*answer);
    for (const ConflictItem& item : page.items) {
      const Version& lost = item.lost.version;
      tokens.insert(crdt::to_string(Dot{lost.origin, lost.sequence}));
    }
    cursor = page.cursor;
  } while (!cursor.empty());
  return tokens;
}

void Reckoning::ask_outcomes() {
  for (const Told::Doubt& doubt : told_.doubts) {
    const wire::Reply reply = nodes_.ask(
        doubt.peer, wire::OutcomeCall{.operation = doubt.operation, .timeout_ms = 30'000});
    const auto* answer = std::get_if<wire::Answer>(&reply);
    take_outcome(doubt, answer == nullptr ? OutcomeResult::State::pending
                                          : std::get<OutcomeResult>(*answer).state);
  }
}

bool Reckoning::may_be_forgotten(const Told::Doubt& doubt) const {
  return told_.starts[doubt.peer] - doubt.starts >= kv::kIncarnationsMax ||
         told_.writes[doubt.peer] - doubt.writes > node::Writes::kReportedSpanMax ||
         told_.doubtful[doubt.peer] > node::Writes::kReportedMax;
}

void Reckoning::take_outcome(const Told::Doubt& doubt, OutcomeResult::State state) {
  using State = OutcomeResult::State;
  using Outcome = Operation::Outcome;
  Operation& operation = told_.history[doubt.at];
  switch (state) {
    case State::done:
      operation.outcome = Outcome::done;
      operation.answered = nodes_.now();
      return;
    case State::mismatch:  // what stood there is not told
    case State::did_not_happen: operation.outcome = Outcome::did_not_happen; return;
    case State::forgotten:
      if (may_be_forgotten(doubt)) return;
      throw Violation("in-doubt-resolves", doubt.operation + " is forgotten too soon");
    case State::pending:
      throw Violation("in-doubt-resolves",
                      "at rest, nobody knows what became of " + doubt.operation);
  }
}

// A majority is there: through each node a write succeeds, and soon.
void Reckoning::write_everywhere() {
  for (Peer peer = 0; peer < node_count_; ++peer) {
    Operation last{.key = key_at(peer % keys_),
                   .kind = Operation::Kind::set,
                   .called = nodes_.now(),
                   .outcome = Operation::Outcome::done,
                   .written = "v" + std::to_string(++told_.values)};
    const wire::Reply reply = nodes_.ask(
        peer, wire::WriteCall{
                  .key = last.key, .value = Blob::copy_of(*last.written), .consistent = true});
    const auto* answer = std::get_if<wire::Answer>(&reply);
    if (answer == nullptr || !std::get<Response>(*answer).valid) {
      throw Violation("convergence",
                      "at rest, a consistent set at " + name_of(peer) + " does not succeed");
    }
    last.answered = nodes_.now();
    told_.history.push_back(std::move(last));
  }
}

// The last reads of the history; each node answers the same, by a majority and alone.
void Reckoning::read_everywhere() {
  for (std::size_t i = 0; i < keys_; ++i) {
    const std::string key = key_at(i);
    std::optional<Response> first;
    for (Peer peer = 0; peer < node_count_; ++peer) {
      for (const bool consistent : {true, false}) {
        Operation last{.key = key,
                       .kind = Operation::Kind::get,
                       .called = nodes_.now(),
                       .outcome = Operation::Outcome::done};
        const wire::Reply reply =
            nodes_.ask(peer, wire::GetCall{.key = key, .consistent = consistent});
        const auto* answer = std::get_if<wire::Answer>(&reply);
        if (answer == nullptr) {
          const Error& error = std::get<wire::CallError>(reply).error;
          if (error.code == Errc::no_data) continue;
          throw Violation("convergence", "at rest, a get of " + key + " at " + name_of(peer) +
                                             " fails: " + error.detail);
        }
        const Response& response = std::get<Response>(*answer);
        if (!first) first = response;
        if (response.valid != first->valid || response.value != first->value) {
          throw Violation("convergence", "at rest, " + key + " differs at " + name_of(peer) +
                                             ": \"" + response.value.substr(0, 20) +
                                             "\", elsewhere \"" + first->value.substr(0, 20) +
                                             "\"");
        }
        last.answered = nodes_.now();
        if (response.valid) last.found = response.value;
        if (consistent) told_.history.push_back(std::move(last));
      }
    }
  }
}

void Reckoning::judge_history() const {
  const HistoryVerdict verdict = check_linearizable(told_.history);
  if (verdict.kind == HistoryVerdict::Kind::gave_up)
    throw Violation("bound", "the search for an order of the history was given up");
  if (verdict.kind != HistoryVerdict::Kind::linearizable)
    throw Violation("linearizable", verdict.explanation);
}

}  // namespace causeway::sim
