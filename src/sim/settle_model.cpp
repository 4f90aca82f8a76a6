#include "sim/settle_model.hpp"

#include <algorithm>

#include "crdt/dot.hpp"
#include "kv/limits.hpp"
#include "kv/stored.hpp"
#include "kv/table_keys.hpp"
#include "sim/model_compare.hpp"
#include "sim/violation.hpp"

namespace causeway::sim {
namespace {

constexpr std::uint64_t kEntriesBetweenLooks = 500;

/// All of one kind that a node says of entries in (after, through], in order.
template <class Kind>
void compare(const char* invariant, const ModelState& state, Origin own, LogIndex after,
             LogIndex through, const std::vector<Kind>& all) {
  const auto fail = [&](LogIndex at, const std::string& why) {
    throw Violation(invariant, "entry " + std::to_string(at.value) + ": " + why);
  };
  auto got = all.begin();
  for (LogIndex at = after.next(); at <= through; at = at.next()) {
    const ModelOutcome& outcome = state.outcome(at);
    if (outcome.origin != own || !std::holds_alternative<Kind>(outcome.result)) continue;
    if (got == all.end()) fail(at, "its node does not say what came of it");
    if (const std::string why = differ(outcome, *got); !why.empty()) fail(at, why);
    ++got;
  }
  if (got != all.end()) fail(through, "a node says more than there is");
}

}  // namespace

SettleModel::Counts SettleModel::counts() const {
  Counts counts = counts_;
  counts.acknowledged = ledger_.acknowledged();
  return counts;
}

std::optional<LogIndex> SettleModel::table_position(Peer peer) {
  const auto row = machine(peer).directory().table.get(kv::keys::kApplied);
  if (!row || !row.value()) return std::nullopt;
  const auto applied = kv::decode_applied(*row.value());
  return applied ? std::optional(applied->position.index) : std::nullopt;
}

void SettleModel::starting(Peer peer) {
  const DataDirectory& directory = machine(peer).directory();
  ledger_.starting(peer, directory);
  runs_[peer] = {directory.origin, table_position(peer).value_or(LogIndex{})};
  looked_at_[peer] = runs_[peer].applied;
  ledger_.applied(peer, runs_[peer].applied);
}

void SettleModel::died(Peer peer, Death death) {
  ledger_.gone(peer);
  if (death == Death::power) ledger_.lost_power(peer);
  if (death == Death::wipe) ledger_.wiped(peer);
  if (death == Death::old_copy) ledger_.put_back(peer);
}

void SettleModel::turn(Peer peer, const node::Effects& effects) {
  for (const storage::LogInput& input : effects.journal) {
    const auto* append = std::get_if<storage::Append>(&input);
    if (append == nullptr) continue;
    for (const storage::LogRecord& record : append->records) {
      if (record.type != static_cast<std::uint8_t>(wire::RecordType::settled)) continue;
      const auto settled = wire::decode_journal_record(record.type, bytes_of(record));
      if (settled) judge_freed(peer, std::get<crdt::Settled>(settled.value()));
    }
  }
  if (effects.new_origin && !ledger_.at(peer).copied) {
    throw Violation("moved-for-cause", "node " + cluster_.name_of(peer) +
                                           " takes a new origin, and is no copy of anything");
  }
}

void SettleModel::applying(Peer, const kv::Apply& apply) {
  for (const kv::LogEntry& entry : apply.entries) {
    if (entry.index <= state_.index()) continue;
    if (entry.index != state_.index().next()) {
      throw Violation("model-state", "entry " + std::to_string(entry.index.value) +
                                         " is applied before anybody applied the one before it");
    }
    const ModelOutcome& outcome = state_.apply(entry);
    if (const auto* settled = std::get_if<kv::SettleResult>(&outcome.result))
      judge_replaced(outcome.origin, *settled);
  }
}

void SettleModel::applied(Peer peer, const kv::Applied& applied) {
  const LogIndex position = applied.position.index;
  const auto [run, unknown] =
      runs_.try_emplace(peer, Run{machine(peer).directory().origin, position});
  const LogIndex after = std::exchange(run->second.applied, position);
  ledger_.applied(peer, position);
  if (unknown) return;
  const Origin own = run->second.origin;
  if (position > state_.index()) {
    throw Violation("model-state", "node " + cluster_.name_of(peer) + " has applied entry " +
                                       std::to_string(position.value) +
                                       ", which it never was given");
  }
  for (const kv::SettleResult& result : applied.settles) judge_once(own, result);
  compare("model-write-result", state_, own, after, position, applied.writes);
  compare("model-start-result", state_, own, after, position, applied.starts);
  compare("model-verdict", state_, own, after, position, applied.settles);
  counts_.write_results += applied.writes.size();
  if (position.value >= looked_at_[peer].value + kEntriesBetweenLooks) judge_table(peer);
}

void SettleModel::judge_replaced(Origin origin, const kv::SettleResult& result) const {
  const LedgerDirectory* directory = ledger_.find(origin);
  if (directory == nullptr) return;
  for (const crdt::Verdict& verdict : result.verdicts) {
    const Dot dot{origin, verdict.sequence};
    const auto replaced = directory->replaced.find(dot.sequence);
    if (replaced == directory->replaced.end() ||
        replaced->second.stamp != state_.settled(dot)->stamp)
      continue;
    throw Violation("settles-once", crdt::to_string(dot) + " settles in entry " +
                                        std::to_string(result.index.value) +
                                        ", and was replaced by " +
                                        std::to_string(replaced->second.by.value));
  }
}

void SettleModel::judge_once(Origin origin, const kv::SettleResult& result) {
  if (!result.applied) ++counts_.void_batches;
  std::map<Sequence, LogIndex>& order = settled_at_[origin];
  for (const crdt::Verdict& verdict : result.verdicts) {
    ++counts_.verdicts;
    const Dot dot{origin, verdict.sequence};
    const auto [at, is_new] = order.emplace(dot.sequence, result.index);
    if (at->second != result.index) {
      throw Violation("settles-once", crdt::to_string(dot) + " settles in entries " +
                                          std::to_string(at->second.value) + " and " +
                                          std::to_string(result.index.value));
    }
    const bool behind_later = std::next(at) != order.end() && std::next(at)->second < at->second;
    const bool before_earlier = at != order.begin() && std::prev(at)->second > at->second;
    if (behind_later || before_earlier) {
      throw Violation("origin-order", crdt::to_string(dot) + " settles in entry " +
                                          std::to_string(result.index.value) +
                                          ", out of its order");
    }
    const ModelSettled* settled = state_.settled(dot);
    if (settled != nullptr && settled->old_dot.origin.value != 0) {
      ++counts_.moved;
      counts_.moved_settled_before += verdict.winner.revision != result.index;
    }
    const bool takes_effect = verdict.kind == crdt::VerdictKind::won &&
                              verdict.winner.revision == result.index && settled != nullptr;
    if (!takes_effect) continue;
    const Dot first =
        ledger_.first_dot(settled->old_dot.origin.value != 0 ? settled->old_dot : dot);
    const auto [effect, first_time] =
        effects_.emplace(std::pair(first, settled->stamp), std::pair(result.index, dot));
    if (effect->second != std::pair(result.index, dot)) {
      throw Violation("settles-once", crdt::to_string(dot) + " takes effect in entry " +
                                          std::to_string(result.index.value) + ", and did as " +
                                          crdt::to_string(effect->second.second) + " in entry " +
                                          std::to_string(effect->second.first.value));
    }
  }
}

void SettleModel::judge_freed(Peer peer, const crdt::Settled& record) {
  if (record.through.value == 0) return;
  ++counts_.freed;
  const Dot through{record.origin, record.through};
  const auto fail = [&](const char* invariant, const std::string& why) {
    throw Violation(invariant, "node " + cluster_.name_of(peer) + " frees through " +
                                   crdt::to_string(through) + ": " + why);
  };
  const ModelSettled* settled = state_.settled(through);
  if (settled == nullptr) return fail("freed-not-early", "that has not settled");
  if (settled->chain != record.chain) fail("freed-not-early", "the chain there is another");
  const LogIndex mark = ledger_.at(peer).mark;
  if (mark < settled->index) {
    fail("freed-not-early", "it settled in entry " + std::to_string(settled->index.value) +
                                ", and the mark that is synced is " + std::to_string(mark.value));
  }
  for (const crdt::Verdict& verdict : record.verdicts) {
    if (verdict.kind == crdt::VerdictKind::replaced) continue;
    const ModelSettled* own = state_.settled({record.origin, verdict.sequence});
    if (own == nullptr) fail("verdict-learnt", "with a verdict on what has not settled");
    if (const std::string why = differ(own->verdict, verdict); !why.empty())
      fail("verdict-learnt", why);
  }
}

void SettleModel::judge_table(Peer peer) {
  if (table_position(peer) != state_.index()) return;
  looked_at_[peer] = state_.index();
  ++counts_.tables;
  const auto fail = [&](std::string_view key, const char* why) {
    throw Violation("model-state", "node " + cluster_.name_of(peer) + " at entry " +
                                       std::to_string(state_.index().value) + ", key '" +
                                       std::string(key) + "': " + why);
  };
  auto want = state_.rows().begin();
  const auto scanned = machine(peer).directory().table.scan(
      kv::keys::data(""), kv::keys::behind_prefix(kv::keys::data("")),
      [&](std::string_view row_key, std::string_view row) {
        const std::string_view key = row_key.substr(1);
        const auto stored = kv::decode_stored(std::string(row));
        if (!stored) fail(key, "does not decode");
        if (want == state_.rows().end() || key < want->first) fail(key, "should not be there");
        if (want->first < key) fail(want->first, "is missing");
        if (stored->version != want->second.version) fail(key, "has another version");
        if (stored->value() != want->second.value.view()) fail(key, "has another value");
        ++want;
        return true;
      });
  if (scanned && want != state_.rows().end()) fail(want->first, "is missing");
  judge_losers(peer);
}

// The list gives up the oldest rows, and the bytes of the oldest values, only for want of room.
void SettleModel::judge_losers(Peer peer) {
  const auto fail = [&](const std::string& key, const std::string& why) {
    throw Violation("losers-listed", "node " + cluster_.name_of(peer) + " at entry " +
                                         std::to_string(state_.index().value) + ", key '" + key +
                                         "': its line in the list of losers " + why);
  };
  const bool full = state_.loser_bytes() > kv::kConflictBytesMax;
  bool older_kept = false;
  auto want = state_.losers().begin();
  const std::string first(1, kv::keys::kConflict);
  const auto scanned = machine(peer).directory().table.scan(
      first, kv::keys::behind_prefix(first), [&](std::string_view row_key, std::string_view row) {
        const auto got = kv::decode_conflict(kv::keys::trailing_number(row_key), row);
        if (!got) fail("?", "does not decode");
        if (want == state_.losers().end()) fail(got->key, "is one too many");
        if (const std::string why = differ(*want, *got); !why.empty()) fail(got->key, why);
        const bool dropped = got->lost_value_dropped || got->won_value_dropped;
        const bool fits_alone = want->value_bytes <= kv::kConflictBytesMax;
        if (dropped && (!full || (older_kept && fits_alone)))
          fail(got->key, "lost a value for which there was room");
        if (!dropped && want->value_bytes != 0) older_kept = true;
        ++counts_.losers;
        ++want;
        return true;
      });
  if (scanned && want != state_.losers().end()) fail(want->key, "is missing");
}

}  // namespace causeway::sim
