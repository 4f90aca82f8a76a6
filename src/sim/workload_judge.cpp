// What the clients were told, judged: while the run goes on, and when it is over.
#include <algorithm>
#include <utility>

#include "crdt/dot.hpp"
#include "kv/limits.hpp"
#include "sim/violation.hpp"
#include "sim/workload.hpp"

namespace causeway::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Beyond these the oldest are dropped.
constexpr std::size_t kConflictsListed = 1000;
constexpr Duration kLocalBound = seconds(2);
constexpr Duration kTimeoutBound = seconds(4);  // beyond the caller's own

}  // namespace

// ---- while it goes on

void Workload::look(Duration since_last) {
  const Instant now = cluster_.time().now();
  for (auto& [call, open] : open_) {
    open.well = faults_.well(open.peer) ? open.well + since_last : Duration(0);
    const bool local = open.offline || open.local_get;
    if (local && open.well > kLocalBound) {
      throw Violation("local-answers", "call " + std::to_string(call) + " at " +
                                           cluster_.name_of(open.peer) + " is not answered");
    }
    const bool certain = open.operation.kind == Operation::Kind::get || open.may_report;
    if (!local && open.timeout && certain && open.well > *open.timeout + kTimeoutBound &&
        now - open.called > *open.timeout + kTimeoutBound) {
      throw Violation("timely", "call " + std::to_string(call) + " at " +
                                    cluster_.name_of(open.peer) +
                                    " is not answered long after its timeout");
    }
  }
}

Duration Workload::longest_wait(std::uint32_t peers, Instant calm) const {
  const Instant now = cluster_.time().now();
  Duration longest{0};
  for (const auto& [call, open] : open_) {
    if (((peers >> open.peer) & 1) == 0 || open.offline || open.local_get) continue;
    longest = std::max(longest, now - std::max(calm, open.called));
  }
  return longest;
}

std::string Workload::waiting() const {
  std::string text;
  for (const auto& [call, open] : open_) {
    if (!text.empty()) text += "; ";
    text += "call " + std::to_string(call) + " at " + cluster_.name_of(open.peer) + ": " +
            to_string(open.operation);
  }
  return text;
}

// ---- when it is over

wire::Reply Workload::ask(Peer peer, wire::Call call) {
  const auto number = cluster_.call(cluster_.name_of(peer), std::move(call));
  if (!cluster_.run_until([&] { return cluster_.reply(number) != nullptr; }, seconds(60)))
    throw Violation("convergence",
                    "at rest, node " + cluster_.name_of(peer) + " does not answer a call");
  return *cluster_.reply(number);
}

AwaitResult Workload::fate_of(Peer peer, const std::string& token) {
  const wire::Reply reply = ask(peer, wire::AwaitCall{.token = token, .timeout_ms = 0});
  if (const auto* error = std::get_if<wire::CallError>(&reply))
    throw Violation("one-verdict", "await " + token + " is refused: " + error->error.detail);
  auto fate = std::get<AwaitResult>(std::get<wire::Answer>(reply));
  if (fate.state == AwaitResult::State::pending)
    throw Violation("one-verdict", "at rest, " + token + " is still pending");
  if (fate.state == AwaitResult::State::rejected)
    throw Violation("nothing-rejected", token + " was rejected: " + fate.reason);
  return fate;
}

Promises::Fates Workload::ask_fates() {
  using State = AwaitResult::State;
  Promises::Fates fates;
  const std::set<std::string> listed = losers();
  std::set<std::string> tokens;
  for (const Token& write : tokens_) {
    if (!tokens.insert(write.token).second)
      throw Violation("one-verdict", "two writes got the token " + write.token);
    const AwaitResult fate = fates[write.token] = fate_of(write.peer, write.token);
    if (fate.state != State::won && fate.state != State::forgotten)
      history_[write.at].outcome = Operation::Outcome::did_not_happen;
    if (fate.state == State::superseded && listed.size() < kConflictsListed &&
        !listed.contains(write.token))
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

/// Tokens of the writes in the list of conflicts.
std::set<std::string> Workload::losers() {
  std::set<std::string> tokens;
  std::string cursor;
  do {
    const wire::Reply reply = ask(0, wire::ConflictsCall{.limit = 1000, .cursor = cursor});
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

void Workload::ask_outcomes() {
  for (const Doubt& doubt : in_doubt_) {
    const wire::Reply reply =
        ask(doubt.peer, wire::OutcomeCall{.operation = doubt.operation, .timeout_ms = 30'000});
    const auto* answer = std::get_if<wire::Answer>(&reply);
    take_outcome(doubt, answer == nullptr ? OutcomeResult::State::pending
                                          : std::get<OutcomeResult>(*answer).state);
  }
}

void Workload::take_outcome(const Doubt& doubt, OutcomeResult::State state) {
  using State = OutcomeResult::State;
  using Outcome = Operation::Outcome;
  Operation& operation = history_[doubt.at];
  switch (state) {
    case State::done:
      operation.outcome = Outcome::done;
      operation.answered = at_now();
      return;
    case State::mismatch:  // what stood there is not told
    case State::did_not_happen: operation.outcome = Outcome::did_not_happen; return;
    case State::forgotten:
      if (starts_[doubt.peer] - doubt.starts >= kv::kIncarnationsMax) return;
      throw Violation("in-doubt-resolves", doubt.operation +
                                               " is forgotten, though its node has "
                                               "started only a few times since");
    case State::pending:
      throw Violation("in-doubt-resolves",
                      "at rest, nobody knows what became of " + doubt.operation);
  }
}

// A majority is there: through each node a write succeeds, and soon.
void Workload::write_everywhere() {
  for (Peer peer = 0; peer < plan_.nodes; ++peer) {
    Operation last{.key = key_at(peer % plan_.keys),
                   .kind = Operation::Kind::set,
                   .called = at_now(),
                   .outcome = Operation::Outcome::done,
                   .written = "v" + std::to_string(++values_)};
    const wire::Reply reply =
        ask(peer, wire::WriteCall{
                      .key = last.key, .value = Blob::copy_of(*last.written), .consistent = true});
    const auto* answer = std::get_if<wire::Answer>(&reply);
    if (answer == nullptr || !std::get<Response>(*answer).valid) {
      throw Violation("convergence", "at rest, a consistent set at " + cluster_.name_of(peer) +
                                         " does not succeed");
    }
    last.answered = at_now();
    history_.push_back(std::move(last));
  }
}

// The last reads of the history; each node answers the same, by a majority and alone.
void Workload::read_everywhere() {
  for (std::size_t i = 0; i < plan_.keys; ++i) {
    const std::string key = key_at(i);
    std::optional<Response> first;
    for (Peer peer = 0; peer < plan_.nodes; ++peer) {
      for (const bool consistent : {true, false}) {
        Operation last{.key = key,
                       .kind = Operation::Kind::get,
                       .called = at_now(),
                       .outcome = Operation::Outcome::done};
        const wire::Reply reply = ask(peer, wire::GetCall{.key = key, .consistent = consistent});
        const auto* answer = std::get_if<wire::Answer>(&reply);
        if (answer == nullptr) {
          const Error& error = std::get<wire::CallError>(reply).error;
          if (error.code == Errc::no_data) continue;
          throw Violation("convergence", "at rest, a get of " + key + " at " +
                                             cluster_.name_of(peer) + " fails: " + error.detail);
        }
        const Response& response = std::get<Response>(*answer);
        if (!first) first = response;
        if (response.valid != first->valid || response.value != first->value) {
          throw Violation("convergence", "at rest, " + key + " differs at " +
                                             cluster_.name_of(peer) + ": \"" +
                                             response.value.substr(0, 20) + "\", elsewhere \"" +
                                             first->value.substr(0, 20) + "\"");
        }
        last.answered = at_now();
        if (response.valid) last.found = response.value;
        if (consistent) history_.push_back(std::move(last));
      }
    }
  }
}

void Workload::finish() {
  const Promises::Fates fates = ask_fates();
  promises_.judge(fates);
  ask_outcomes();
  write_everywhere();
  read_everywhere();
  const HistoryVerdict verdict = check_linearizable(history_);
  if (verdict.kind == HistoryVerdict::Kind::gave_up)
    throw Violation("bound", "the search for an order of the history was given up");
  if (verdict.kind != HistoryVerdict::Kind::linearizable)
    throw Violation("linearizable", verdict.explanation);
}

}  // namespace causeway::sim
