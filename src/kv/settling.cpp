// Settling: an ordered batch of one origin's offline writes meets the committed state (design 3.2).
//
// A proposal may be lost, doubled, or come after its successor; a restored disk image may propose
// what was settled long ago. So a batch names what it follows, sequence and running hash, and is
// applied only if the state stands exactly there; otherwise it is void and changes nothing. Inside
// a batch every item gets a verdict and nothing blocks the next one.
#include <algorithm>
#include <utility>

#include "crdt/dot.hpp"
#include "kv/limits.hpp"
#include "kv/state.hpp"
#include "kv/table_keys.hpp"

namespace causeway::kv {
namespace {

using crdt::OfflineWrite;
using crdt::StoredVersion;
using crdt::Verdict;
using crdt::VerdictKind;

bool ascending(const Settle& batch) {
  Sequence last = batch.follows;
  for (const OfflineWrite& item : batch.items) {
    if (item.dot.sequence <= last) return false;
    last = item.dot.sequence;
  }
  return true;
}

// An entry holds at most one version of a key: a watch delivers a revision whole.
bool keys_differ(const Settle& batch) {
  std::vector<std::string_view> names;
  names.reserve(batch.items.size());
  for (const OfflineWrite& item : batch.items) names.push_back(item.key);
  std::sort(names.begin(), names.end());
  return std::adjacent_find(names.begin(), names.end()) == names.end();
}

bool has_room(const OriginState* origin, const Settle& batch) {
  if (batch.items.size() > kSettleItemsMax) return false;
  if (origin == nullptr) return true;
  const auto learnt =
      std::upper_bound(origin->unlearnt.begin(), origin->unlearnt.end(), batch.learnt_through);
  const auto unlearnt = static_cast<std::size_t>(origin->unlearnt.end() - learnt);
  return unlearnt + batch.items.size() <= kUnlearntMax;
}

bool follows_state(const OriginState* origin, const Settle& batch) {
  const Sequence settled = origin == nullptr ? Sequence{} : origin->settled;
  const std::uint64_t chain = origin == nullptr ? 0 : origin->chain;
  return batch.follows == settled && batch.chain == chain && ascending(batch) &&
         has_room(origin, batch) && keys_differ(batch);
}

// Why an item cannot be applied; empty: it can.
std::string unusable(const OfflineWrite& item) {
  if (item.key.empty()) return "the key is empty";
  if (item.key.size() > kKeyBytesMax) return "the key is longer than 1 KiB";
  if (item.value.size() > kValueBytesMax) return "the value is larger than 1 MiB";
  if (item.expires_ms != 0) return "format 1 knows no expiry";
  return {};
}

StoredVersion version_of(const OfflineWrite& item, LogIndex revision, Stamp stamp) {
  return {.revision = revision,
          .stamp = stamp,
          .origin = item.dot.origin,
          .sequence = item.dot.sequence,
          .kind = crdt::WriteKind::offline,
          .tombstone = item.deleted};
}

std::optional<std::string> value_of(const OfflineWrite& item) {
  if (item.deleted) return std::nullopt;
  return std::string(item.value.view());
}

// An item that lost: its version has no revision, and the stamp is as it was made.
Conflict lost_by(const OfflineWrite& item) {
  Conflict conflict;
  conflict.key = item.key.substr(0, kKeyBytesMax);
  conflict.lost = version_of(item, {}, item.stamp);
  conflict.lost_value = value_of(item);
  return conflict;
}

Result<Verdict> reject(State& state, const OfflineWrite& item, std::string reason) {
  Conflict conflict = lost_by(item);
  conflict.verdict = VerdictKind::rejected;
  conflict.reason = reason;
  CAUSEWAY_TRY(state.conflicts.add(std::move(conflict), state.changes));
  return Verdict{
      .sequence = item.dot.sequence, .kind = VerdictKind::rejected, .reason = std::move(reason)};
}

// The verdict of an item that came under another dot before: nothing when it never settled under
// that.
Result<std::optional<Verdict>> verdict_under_old_dot(State& state, const OfflineWrite& item) {
  const OriginState* old = state.origins.find(item.old_dot.origin);
  if (item.old_dot == Dot{} || old == nullptr) return std::optional<Verdict>{};
  CAUSEWAY_TRY(known, settled_before(*old, item, state.changes));
  if (known == Known::never_settled) return std::optional<Verdict>{};
  if (known == Known::perhaps_settled) {
    CAUSEWAY_TRY(verdict, reject(state, item,
                                 "perhaps settled before under " + crdt::to_string(item.old_dot)));
    return std::optional<Verdict>{std::move(verdict)};
  }
  CAUSEWAY_TRY(row, state.changes.get(keys::verdict(item.old_dot)));
  if (!row) {
    return std::optional<Verdict>{
        Verdict{.sequence = item.dot.sequence,
                .kind = VerdictKind::rejected,
                .reason = "settled before under " + crdt::to_string(item.old_dot)}};
  }
  std::optional<Verdict> verdict = decode_verdict(item.dot.sequence, *row);
  if (!verdict) return damaged("a verdict");
  return verdict;
}

Result<Verdict> win(State& state, const OfflineWrite& item, const StoredVersion& version,
                    std::optional<Stored> beaten) {
  if (beaten) {
    Conflict conflict{.key = item.key, .lost = beaten->version};
    conflict.lost_value = std::move(*beaten).take_value();
    conflict.won = version;
    conflict.won_value = value_of(item);
    CAUSEWAY_TRY(state.conflicts.add(std::move(conflict), state.changes));
  }
  write_committed(state, item.key, version, item.value.view());
  return Verdict{.sequence = item.dot.sequence, .kind = VerdictKind::won, .winner = version};
}

Result<Verdict> lose(State& state, const OfflineWrite& item, Stored committed) {
  const StoredVersion winner = committed.version;
  Conflict conflict = lost_by(item);
  conflict.won = winner;
  conflict.won_value = std::move(committed).take_value();
  CAUSEWAY_TRY(state.conflicts.add(std::move(conflict), state.changes));
  return Verdict{.sequence = item.dot.sequence, .kind = VerdictKind::superseded, .winner = winner};
}

Result<Verdict> settle_item(State& state, const LogEntry& entry, const OfflineWrite& item) {
  if (std::string reason = unusable(item); !reason.empty()) {
    return reject(state, item, std::move(reason));
  }
  CAUSEWAY_TRY(before, verdict_under_old_dot(state, item));
  if (before) return *std::move(before);

  CAUSEWAY_TRY(committed, read_committed(state, item.key));
  std::optional<StoredVersion> version;
  if (committed) version = committed->version;
  // Log time rises with each entry and bounds every stamp in the state.
  if (version && version->stamp >= entry.log_time) return damaged("a stamp ahead of log time");
  const crdt::Meeting meeting = crdt::meet(item, version, entry.log_time);
  if (!meeting.item_wins && committed) return lose(state, item, *std::move(committed));
  if (meeting.succession) committed.reset();
  return win(state, item, version_of(item, entry.index, meeting.stamp), std::move(committed));
}

}  // namespace

Result<SettleResult> apply_settle(State& state, const LogEntry& entry, const Settle& batch) {
  SettleResult result{.index = entry.index,
                      .incarnation = batch.incarnation,
                      .number = batch.number,
                      .follows = batch.follows};
  if (const OriginState* origin = state.origins.find(batch.origin); !follows_state(origin, batch)) {
    result.settled_through = origin == nullptr ? Sequence{} : origin->settled;
    result.settled_chain = origin == nullptr ? 0 : origin->chain;
    return result;
  }
  OriginState& origin = state.origins.at(batch.origin);
  // Only an applied batch frees verdicts: a void one may come from a restored image that learnt
  // nothing of the kind.
  state.origins.learnt(origin, batch.learnt_through, state.changes);

  std::vector<std::pair<Sequence, std::uint64_t>> pairs;
  pairs.reserve(batch.items.size());
  std::uint64_t chain = batch.chain;
  for (const OfflineWrite& item : batch.items) {
    CAUSEWAY_TRY(verdict, settle_item(state, entry, item));
    chain = crdt::chain_after(chain, item);
    pairs.emplace_back(item.dot.sequence, chain);
    state.changes.put(keys::verdict(item.dot), encode_verdict(verdict));
    if (batch.origin != state.own) continue;
    result.verdicts.push_back(std::move(verdict));
    CAUSEWAY_TRY(state.pending.settled(item.key, item.dot.sequence, state.changes));
  }
  state.origins.settled(origin, pairs, state.changes);
  result.applied = true;
  result.settled_through = origin.settled;
  result.settled_chain = origin.chain;
  return result;
}

}  // namespace causeway::kv
