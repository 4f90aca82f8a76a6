// How offline writes become committed ones, judged against an independent model (design 3.2, 3.4).
//
// The model (model_state.hpp) applies each entry of the log once, when the first node is about to.
// What every node then says, and holds, must be what the model says. The second half is about
// callers: no write that one was told of is lost, whatever crashes (offline_ledger.hpp). Names of
// what is judged, as in Violation::invariant:
//
//   model-write-result   a consistent write's result at its node is the model's: status, version,
//                        and what stands there where it did not match
//   model-start-result   so is that of a start record
//   model-verdict        so is that of a settle batch: applied or void, position, verdicts, winners
//   model-state          a node's table holds for each key exactly the model's value and version
//   losers-listed        its superseded list names just those that lost, and to whom, with both
//                        values; what it leaves out, of these or of their values, its bounds make
//                        it
//   settles-once         no dot settles at two entries, none that was replaced settles, and no
//                        write takes effect under two dots
//   origin-order         the items of one origin settle in the order of their sequences
//   nothing-vanishes     every acknowledged offline write is settled, or replaced by one that is
//   verdict-learnt       journals come to be empty, and each token's node knows its verdict for
//                        good; `forgotten` only where the list's bound, or a move, allows it
//   freed-not-early      a journal frees only what settled, at a commit mark that its node has
//                        synced
//   moved-for-cause      only an old copy of a directory takes a new origin
//   offline-durable, seen-truthful   see offline_ledger.hpp
//
// A directory that is wiped, or put back from an old copy, is released from what it owed; that of a
// node that does not run at the end is not asked.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/cluster.hpp"
#include "sim/model_compare.hpp"
#include "sim/model_state.hpp"
#include "sim/observer.hpp"
#include "sim/offline_ledger.hpp"

namespace causeway::sim {

class SettleModel final : public Observer {
 public:
  /// What was there to be judged: a test without it shows nothing.
  struct Counts {
    std::uint64_t write_results = 0;
    std::uint64_t verdicts = 0;
    std::uint64_t void_batches = 0;
    std::uint64_t tables = 0;
    std::uint64_t losers = 0;
    std::uint64_t freed = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t awaited = 0;
    std::uint64_t replaced = 0;
    std::uint64_t moved = 0;                 ///< verdicts on writes that came under an old dot, too
    std::uint64_t moved_settled_before = 0;  ///< ... or lost
  };

  explicit SettleModel(Cluster& cluster) : cluster_(cluster) {}

  void starting(Peer peer) override;
  void recovered(Peer peer, const wire::RaftRecord& record) override {
    ledger_.recovered(peer, record);
  }
  void recovered(Peer peer, const wire::JournalRecord& record) override {
    ledger_.recovered(peer, record);
  }
  void started(Peer peer) override { ledger_.started(peer); }
  void died(Peer peer, Death death) override;
  void ended(Peer peer, const std::optional<Error>&) override { ledger_.gone(peer); }

  void turn(Peer peer, const node::Effects& effects) override;
  void raft_log_step(Peer peer, const std::vector<storage::LogInput>& inputs) override {
    ledger_.raft_log_step(peer, inputs);
  }
  void raft_log_done(Peer peer, const storage::LogEffects& effects) override {
    ledger_.raft_log_done(peer, effects);
  }
  void journal_step(Peer peer, const std::vector<storage::LogInput>& inputs) override {
    ledger_.journal_step(peer, inputs);
  }
  void journal_done(Peer peer, const storage::LogEffects& effects) override {
    ledger_.journal_done(peer, effects);
  }
  void applying(Peer peer, const kv::Apply& apply) override;
  void applied(Peer peer, const kv::Applied& applied) override;

  void called(Peer peer, const node::CallHandle& handle, const wire::Call& what) override {
    ledger_.called(peer, handle.call, what);
  }
  void answered(Peer peer, std::uint64_t call, const wire::Reply& reply) override {
    ledger_.answered(peer, call, reply);
  }
  /// Runs the cluster on, to ask its nodes.
  void finish() override;

  [[nodiscard]] const ModelState& state() const { return state_; }
  [[nodiscard]] Counts counts() const;

 private:
  /// One start of a machine.
  struct Run {
    Origin origin;
    LogIndex applied;
  };

  [[nodiscard]] Machine& machine(Peer peer) { return cluster_.node(cluster_.name_of(peer)); }
  [[nodiscard]] std::optional<LogIndex> table_position(Peer peer);
  void judge_replaced(Origin origin, const kv::SettleResult& result) const;
  void judge_once(Origin origin, const kv::SettleResult& result);
  void judge_freed(Peer peer, const crdt::Settled& record);
  void judge_table(Peer peer);
  void judge_losers(Peer peer);

  // settle_model_end.cpp
  [[nodiscard]] OfflineFate fate_of(const LedgerDirectory& directory, Sequence sequence,
                                    Stamp stamp) const;
  [[nodiscard]] bool may_forget(const LedgerDirectory& directory, const OfflineFate& fate) const;
  void judge_rest(const std::vector<Peer>& running);
  void judge_vanished(Peer peer);
  void judge_learnt(Peer peer);

  Cluster& cluster_;
  ModelState state_;
  OfflineLedger ledger_{state_};
  std::map<Peer, Run> runs_;
  std::map<Peer, LogIndex> looked_at_;  ///< applied position at the last look into a table
  std::map<Origin, std::map<Sequence, LogIndex>> settled_at_;  ///< as nodes say
  /// Which write took effect where. Beside its first dot stands its stamp: copies of a directory
  /// give one dot to two writes.
  std::map<std::pair<Dot, Stamp>, std::pair<LogIndex, Dot>> effects_;
  Counts counts_;
};

}  // namespace causeway::sim
