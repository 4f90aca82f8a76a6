#include "sim/model_compare.hpp"

#include "base/hash.hpp"
#include "crdt/dot.hpp"

namespace causeway::sim {

// ---- entries

std::string differ(const ModelOutcome& outcome, const kv::WriteResult& got) {
  using Status = kv::WriteResult::Status;
  const auto& want = std::get<kv::WriteResult>(outcome.result);
  if (got.incarnation != want.incarnation || got.number != want.number || got.index != want.index)
    return "another call";
  if (got.status != want.status) {
    return "status " + std::to_string(static_cast<std::uint64_t>(got.status)) + " and not " +
           std::to_string(static_cast<std::uint64_t>(want.status));
  }
  const bool versioned = want.status == Status::done || want.status == Status::absent ||
                         want.status == Status::mismatch;
  if (versioned && got.version != want.version) return "another version";
  std::optional<std::uint64_t> current;
  if (got.current) current = hash64(*got.current);
  if (current != outcome.current) return "another value that stands there";
  return {};
}

std::string differ(const ModelOutcome& outcome, const kv::StartResult& got) {
  const bool same = got == std::get<kv::StartResult>(outcome.result);
  return same ? ""
              : "accepted " + std::to_string(got.accepted) + " with number " +
                    std::to_string(got.number);
}

std::string differ(const crdt::Verdict& want, const crdt::Verdict& got) {
  const std::string name = "sequence " + std::to_string(want.sequence.value) + " ";
  if (got.sequence != want.sequence) return name + "is " + std::to_string(got.sequence.value);
  if (got.kind != want.kind) {
    return name + "has verdict " + std::to_string(static_cast<std::uint64_t>(got.kind)) +
           " and not " + std::to_string(static_cast<std::uint64_t>(want.kind));
  }
  if (got.winner != want.winner) return name + "has another winner";
  const bool rejected = want.kind == crdt::VerdictKind::rejected;
  if (rejected != !got.reason.empty()) return name + "has no reason, or one too many";
  return {};
}

std::string differ(const ModelOutcome& outcome, const kv::SettleResult& got) {
  const auto& want = std::get<kv::SettleResult>(outcome.result);
  if (got.index != want.index || got.number != want.number || got.follows != want.follows ||
      got.incarnation != want.incarnation)
    return "another batch";
  if (got.applied != want.applied)
    return got.applied ? "applied, and should be void" : "void, and should be applied";
  if (got.settled_through != want.settled_through || got.settled_chain != want.settled_chain)
    return "another position";
  if (got.verdicts.size() != want.verdicts.size()) return "another number of verdicts";
  for (std::size_t i = 0; i < want.verdicts.size(); ++i) {
    if (std::string why = differ(want.verdicts[i], got.verdicts[i]); !why.empty()) return why;
  }
  return {};
}

// ---- losers

namespace {

bool same_value(const std::optional<std::uint64_t>& want, const std::optional<std::string>& got,
                bool dropped) {
  if (dropped) return want && !got;
  return want == (got ? std::optional(hash64(*got)) : std::nullopt);
}

}  // namespace

std::string differ(const ModelLoser& loser, const kv::Conflict& got) {
  if (got.key != loser.key) return "is of another key";
  if (got.verdict != loser.verdict) return "has another verdict";
  if (got.lost != loser.lost) return "has another loser";
  if (got.won != loser.won) return "has another winner";
  if (got.reason.empty() == (loser.verdict == crdt::VerdictKind::rejected))
    return "has no reason, or one too many";
  if (!same_value(loser.lost_value, got.lost_value, got.lost_value_dropped))
    return "has another lost value";
  if (!same_value(loser.won_value, got.won_value, got.won_value_dropped))
    return "has another value that won";
  return {};
}

// ---- awaits

namespace {

std::string differ(const ModelSettled& settled, const AwaitResult& answer) {
  using State = AwaitResult::State;
  using Kind = crdt::VerdictKind;
  const Kind kind = settled.verdict.kind;
  const bool same = (kind == Kind::won && answer.state == State::won) ||
                    (kind == Kind::superseded && answer.state == State::superseded) ||
                    (kind == Kind::rejected && answer.state == State::rejected);
  if (!same) return "it settled otherwise, in entry " + std::to_string(settled.index.value);
  if (kind == Kind::rejected) return answer.reason.empty() ? "no reason is given" : "";
  const crdt::StoredVersion& winner = settled.verdict.winner;
  const Version version{winner.revision, winner.stamp, winner.origin, winner.sequence,
                        winner.expires_ms};
  return answer.winner == version ? "" : "the winner is another version";
}

}  // namespace

std::string differ(const OfflineFate& fate, bool may_forget, const wire::Reply& reply) {
  const auto* answer = std::get_if<wire::Answer>(&reply);
  const auto* result = answer == nullptr ? nullptr : std::get_if<AwaitResult>(answer);
  if (result == nullptr) return "there is no answer";
  using State = AwaitResult::State;
  if (result->state == State::pending) return "it is pending";
  if (result->state == State::forgotten) return may_forget ? "" : "it is forgotten too early";
  if (fate.settled != nullptr) return differ(*fate.settled, *result);
  if (result->state != State::replaced) return "it was replaced";
  const auto by = crdt::parse_dot(result->replaced_by);
  return by && by.value().sequence == fate.replaced_by ? "" : "another one replaced it";
}

}  // namespace causeway::sim
