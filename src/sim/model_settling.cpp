// The model's batches of offline writes (design 3.2).
#include <set>
#include <string>
#include <utility>

#include "base/hash.hpp"
#include "kv/limits.hpp"
#include "sim/model_state.hpp"

namespace causeway::sim {

using crdt::Verdict;
using crdt::VerdictKind;

// Applied only exactly where it belongs: behind what it follows, in order, each key once, and
// within the bounds of a batch and of verdicts that nobody has learnt.
bool ModelState::follows(const ModelOrigin& origin, const kv::Settle& batch) {
  if (batch.follows != origin.settled || batch.chain != origin.chain) return false;
  if (batch.items.size() > kv::kSettleItemsMax) return false;
  std::set<std::string> keys;
  Sequence last = batch.follows;
  for (const crdt::OfflineWrite& item : batch.items) {
    if (item.dot.sequence <= last || !keys.insert(item.key).second) return false;
    last = item.dot.sequence;
  }
  std::size_t unlearnt = batch.items.size();
  for (const Sequence sequence : origin.unlearnt) unlearnt += sequence > batch.learnt_through;
  return unlearnt <= kv::kUnlearntMax;
}

kv::SettleResult ModelState::settle(const kv::LogEntry& entry, const kv::Settle& batch) {
  static const ModelOrigin kNobody;
  const auto known = origins_.find(batch.origin);
  kv::SettleResult result{.index = entry.index,
                          .incarnation = batch.incarnation,
                          .number = batch.number,
                          .follows = batch.follows};
  result.applied = follows(known == origins_.end() ? kNobody : known->second, batch);
  if (!result.applied) {
    if (known == origins_.end()) return result;
    result.settled_through = known->second.settled;
    result.settled_chain = known->second.chain;
    return result;
  }
  ModelOrigin& origin = origins_[batch.origin];
  origin.unlearnt.erase(origin.unlearnt.begin(), origin.unlearnt.upper_bound(batch.learnt_through));
  for (const crdt::OfflineWrite& item : batch.items) {
    const Verdict verdict = settle_item(entry, item);
    origin.settled = item.dot.sequence;
    origin.chain = crdt::chain_after(origin.chain, item);
    origin.unlearnt.insert(item.dot.sequence);
    origin.history[item.dot.sequence] = {
        .index = entry.index,
        .stamp = item.stamp,
        .content = fingerprint(item.key, item.deleted, item.value.view()),
        .old_dot = item.old_dot,
        .chain = origin.chain,
        .verdict = verdict};
    result.verdicts.push_back(verdict);
  }
  // What the state forgets of the chain, it forgets by whole batches.
  if (!batch.items.empty()) origin.batches.emplace_back(origin.settled, batch.items.size());
  std::size_t kept = 0;
  for (const auto& [last, count] : origin.batches) kept += count;
  while (kept > 0 && kept - origin.batches.front().second >= kv::kChainHistoryMin) {
    kept -= origin.batches.front().second;
    origin.remembered_behind = origin.batches.front().first;
    origin.batches.pop_front();
  }
  result.settled_through = origin.settled;
  result.settled_chain = origin.chain;
  return result;
}

Verdict ModelState::settle_item(const kv::LogEntry& entry, const crdt::OfflineWrite& item) {
  if (item.key.empty() || item.key.size() > kv::kKeyBytesMax ||
      item.value.size() > kv::kValueBytesMax || item.expires_ms != 0)
    return reject(item);
  if (const auto before = verdict_before(item)) return *before;

  const auto row = rows_.find(item.key);
  const ModelRow* committed = row == rows_.end() ? nullptr : &row->second;
  const Judgement judgement = judge(item, version_of(item.key), floor_, entry.log_time);
  if (!judgement.wins) {
    Verdict lost{.sequence = item.dot.sequence, .kind = VerdictKind::superseded};
    if (committed != nullptr) lost.winner = committed->version;
    lists_item(item, VerdictKind::superseded, committed);
    return lost;
  }
  Verdict won{.sequence = item.dot.sequence, .kind = VerdictKind::won};
  won.winner = {.revision = entry.index,
                .stamp = judgement.stamp,
                .origin = item.dot.origin,
                .sequence = item.dot.sequence,
                .kind = crdt::WriteKind::offline,
                .tombstone = item.deleted};
  if (committed != nullptr && !judgement.knew) lists_committed(item, *committed, won.winner);
  put(item.key, won.winner, Blob::copy_of(item.value.view()));  // not the batch's whole buffer
  return won;
}

// Under another dot it may have settled before: then it gets its verdict of then, if the state
// still has that. What it cannot know is never applied twice.
std::optional<Verdict> ModelState::verdict_before(const crdt::OfflineWrite& item) {
  const Dot old = item.old_dot;
  const ModelOrigin* origin = find(old.origin);
  if (old.origin.value == 0 || origin == nullptr || old.sequence > origin->settled)
    return std::nullopt;
  if (old.sequence <= origin->remembered_behind) return reject(item);
  const auto settled = origin->history.find(old.sequence);
  if (settled == origin->history.end()) return std::nullopt;  // another stood in its place
  // To know the write in the chain takes the chain before it, too.
  const bool before_is_forgotten = origin->remembered_behind.value != 0 &&
                                   settled != origin->history.begin() &&
                                   std::prev(settled)->first <= origin->remembered_behind;
  if (before_is_forgotten) return reject(item);
  const bool same =
      settled->second.content == fingerprint(item.key, item.deleted, item.value.view());
  if (!same) return std::nullopt;
  // It did settle, and its verdict was learnt: that is no loss, and stands in no list.
  if (!origin->unlearnt.contains(old.sequence))
    return Verdict{.sequence = item.dot.sequence, .kind = VerdictKind::rejected};
  Verdict again = settled->second.verdict;
  again.sequence = item.dot.sequence;
  return again;
}

Verdict ModelState::reject(const crdt::OfflineWrite& item) {
  lists_item(item, VerdictKind::rejected, nullptr);
  return {.sequence = item.dot.sequence, .kind = VerdictKind::rejected};
}

// ---- whoever lost is listed, an item or what it overwrote (promise 7)

namespace {

std::optional<std::uint64_t> hash_of(bool deleted, const Blob& value) {
  return deleted ? std::nullopt : std::optional(hash64(value.view()));
}

}  // namespace

void ModelState::lists_item(const crdt::OfflineWrite& item, VerdictKind verdict,
                            const ModelRow* won) {
  ModelLoser loser{.key = item.key.substr(0, kv::kKeyBytesMax), .verdict = verdict};
  loser.lost = {.revision = {},
                .stamp = item.stamp,
                .origin = item.dot.origin,
                .sequence = item.dot.sequence,
                .kind = crdt::WriteKind::offline,
                .tombstone = item.deleted};
  loser.lost_value = hash_of(item.deleted, item.value);
  loser.value_bytes = item.value.size();
  if (won != nullptr) {
    loser.won = won->version;
    loser.won_value = hash_of(won->version.tombstone, won->value);
    loser.value_bytes += won->value.size();
  }
  list(std::move(loser));
}

void ModelState::lists_committed(const crdt::OfflineWrite& item, const ModelRow& lost,
                                 const crdt::StoredVersion& won) {
  list({.key = item.key,
        .verdict = VerdictKind::superseded,
        .lost = lost.version,
        .lost_value = hash_of(lost.version.tombstone, lost.value),
        .won = won,
        .won_value = hash_of(item.deleted, item.value),
        .value_bytes = lost.value.size() + item.value.size()});
}

void ModelState::list(ModelLoser loser) {
  loser_bytes_ += loser.value_bytes;
  losers_.push_back(std::move(loser));
  if (losers_.size() > kv::kConflictsMax) losers_.pop_front();
}

}  // namespace causeway::sim
