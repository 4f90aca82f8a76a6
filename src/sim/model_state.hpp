// An obvious model of the replicated state machine (design 3.2, 3.4): what the same log must come
// to, in maps and without a thought for speed or memory.
//
// It is written from the design and shares no rule with kv or crdt: only the decoder of commands,
// the chain's hash and plain types. What it does not model is bounded elsewhere (bytes of losers)
// or nobody's answer (rows of the table other than values and losers).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "kv/applier.hpp"
#include "kv/command.hpp"
#include "sim/model_rule.hpp"
#include <causeway/types.hpp>

namespace causeway::sim {

/// What is known of bytes without keeping them.
[[nodiscard]] std::uint64_t fingerprint(std::string_view key, bool deleted, std::string_view value);

/// What stands under a key: a value, or a tombstone.
struct ModelRow {
  crdt::StoredVersion version;
  Blob value;
};

/// One offline write, settled.
struct ModelSettled {
  LogIndex index;
  Stamp stamp;  ///< as made: tells two writes of one dot apart, where a directory was copied
  std::uint64_t content = 0;  ///< fingerprint
  Dot old_dot;
  std::uint64_t chain = 0;
  crdt::Verdict verdict;
};

struct ModelOrigin {
  /// A consistent write of the newest start, and what it came to.
  struct Kept {
    kv::WriteResult::Status status;
    crdt::StoredVersion version;  ///< done, absent
  };
  std::vector<Incarnation> starts;  ///< the newest last; as many as the state remembers
  std::uint64_t start_number = 0;
  std::uint64_t lowest = 1;  ///< unanswered, of the newest start
  std::map<std::uint64_t, Kept> results;

  Sequence settled;
  std::uint64_t chain = 0;
  std::map<Sequence, ModelSettled> history;  ///< all of it
  Sequence remembered_behind;                ///< the state forgot the chain through here ...
  std::deque<std::pair<Sequence, std::size_t>> batches;  ///< ... keeps these: last, how many
  std::set<Sequence> unlearnt;                           ///< whose verdicts the state still keeps
};

/// A write that lost, and to whom: a row of the superseded list.
struct ModelLoser {
  std::string key;
  crdt::VerdictKind verdict;
  crdt::StoredVersion lost;
  std::optional<std::uint64_t> lost_value;  ///< its hash; empty: a delete
  crdt::StoredVersion won;                  ///< rejected: none
  std::optional<std::uint64_t> won_value;
  std::size_t value_bytes = 0;  ///< of both
};

/// What an entry came to. Nothing for entries that are no commands.
struct ModelOutcome {
  Origin origin;  ///< that must hear of it
  std::variant<std::monostate, kv::WriteResult, kv::SettleResult, kv::StartResult> result;
  /// Of a mismatch, in place of `current`: the fingerprint of the value that stands there.
  std::optional<std::uint64_t> current;
};

class ModelState {
 public:
  /// The next entry; its index is index().next().
  const ModelOutcome& apply(const kv::LogEntry& entry);

  [[nodiscard]] LogIndex index() const { return {outcomes_.size()}; }
  /// 1 <= at <= index()
  [[nodiscard]] const ModelOutcome& outcome(LogIndex at) const { return outcomes_[at.value - 1]; }
  [[nodiscard]] const std::map<std::string, ModelRow>& rows() const { return rows_; }
  [[nodiscard]] const ModelOrigin* find(Origin origin) const;
  /// Nothing: it has not settled.
  [[nodiscard]] const ModelSettled* settled(Dot dot) const;
  /// The newest of those that lost, as many as the list holds; the oldest first.
  [[nodiscard]] const std::deque<ModelLoser>& losers() const { return losers_; }
  /// Bytes of values of all that ever lost.
  [[nodiscard]] std::uint64_t loser_bytes() const { return loser_bytes_; }

 private:
  [[nodiscard]] std::optional<crdt::StoredVersion> version_of(const std::string& key) const;
  void put(const std::string& key, const crdt::StoredVersion& version, Blob value);

  [[nodiscard]] kv::WriteResult write(const kv::LogEntry& entry, const kv::Write& write,
                                      std::optional<std::uint64_t>& current);
  [[nodiscard]] kv::WriteResult::Status take_effect(const kv::LogEntry& entry,
                                                    const kv::Write& write,
                                                    const ModelOrigin& origin,
                                                    crdt::StoredVersion& version);
  [[nodiscard]] kv::StartResult start(const kv::Start& start);
  [[nodiscard]] kv::SettleResult settle(const kv::LogEntry& entry, const kv::Settle& batch);
  [[nodiscard]] static bool follows(const ModelOrigin& origin, const kv::Settle& batch);
  [[nodiscard]] crdt::Verdict settle_item(const kv::LogEntry& entry,
                                          const crdt::OfflineWrite& item);
  [[nodiscard]] std::optional<crdt::Verdict> verdict_before(const crdt::OfflineWrite& item);
  [[nodiscard]] crdt::Verdict reject(const crdt::OfflineWrite& item);
  void lists_item(const crdt::OfflineWrite& item, crdt::VerdictKind verdict, const ModelRow* won);
  void lists_committed(const crdt::OfflineWrite& item, const ModelRow& lost,
                       const crdt::StoredVersion& won);
  void list(ModelLoser loser);

  std::map<std::string, ModelRow> rows_;
  std::map<Origin, ModelOrigin> origins_;
  TombstoneFloor floor_;  ///< format 1 has no entry that drops tombstones
  std::deque<ModelOutcome> outcomes_;
  std::deque<ModelLoser> losers_;
  std::uint64_t loser_bytes_ = 0;
};

}  // namespace causeway::sim
