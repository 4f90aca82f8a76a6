// What callers were told of their offline writes, and what the machines' disks hold of them.
//
// It knows nothing of how writes settle: it keeps, for each data directory, the journal as its disk
// has it, who replaced whom, and every write that was acknowledged. It judges two rules by itself:
//
//   seen-truthful     a write over an own pending one has seen what that one had (design 3.2); any
//                     other no more than its node has applied, and no less than it had told of
//   offline-durable   an offline write is answered only when its record is durable, with the very
//                     content that was asked for; and whatever crash comes, the next start finds
//                     the record of each acknowledged write, or of the one that replaced it, or
//                     that it was freed
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/log_watch.hpp"
#include "sim/machine.hpp"
#include "sim/model_state.hpp"
#include "sim/observer.hpp"
#include <causeway/types.hpp>

namespace causeway::sim {

/// An offline write, as a caller asked for it or as a journal holds it.
struct LedgerWrite {
  std::string key;
  std::uint64_t content = 0;  ///< fingerprint of key, kind and value
  Stamp stamp;
  crdt::Seen seen;
  LogIndex told;  ///< a call: what its node had told callers of by then
};

struct Acknowledged {
  Dot dot;  ///< as its token says
  LedgerWrite write;
};

struct ReplacedBy {
  Sequence by;
  Stamp stamp;  ///< of the one that was replaced; 0: its record was not seen
};

/// One data directory. Of a wiped one nothing stays; an old copy begins with what its disk shows.
struct LedgerDirectory {
  std::vector<Origin> origins;  ///< that it had so far, the newest last
  bool copied = false;          ///< an old image of itself, so it may have to take a new origin
  LogIndex applied;             ///< as its last start reported
  LogIndex told;                ///< greatest revision in an answer
  LogIndex mark;                ///< greatest commit mark that the Raft log's disk has synced
  std::vector<wire::JournalRecord> found;    ///< by the start under way; not durable before its end
  std::map<Dot, LedgerWrite> journal;        ///< durable records since the last start
  std::map<std::string, Dot> newest;         ///< of these, by key
  std::set<Sequence> inherited;              ///< under way: their seen is an earlier one's
  std::map<Origin, Sequence> freed_through;  ///< as durable records say
  std::map<Sequence, ReplacedBy> replaced;   ///< by durable records
  std::map<Sequence, Acknowledged> acknowledged;
  std::map<std::uint64_t, LedgerWrite> open_calls;

  LogWatch journal_log{{wire::RecordType::offline_write, wire::RecordType::settled}};
  LogWatch raft_log{{wire::RecordType::commit_mark}};
};

class OfflineLedger {
 public:
  explicit OfflineLedger(const ModelState& state) : state_(state) {}

  void starting(Peer peer, const DataDirectory& directory);
  void recovered(Peer peer, const wire::RaftRecord& record);
  void recovered(Peer peer, const wire::JournalRecord& record);
  void started(Peer peer);
  void applied(Peer peer, LogIndex index) { directories_[peer].applied = index; }
  void gone(Peer peer);
  void lost_power(Peer peer) { directories_[peer].told = {}; }
  void wiped(Peer peer) { directories_.erase(peer); }
  void put_back(Peer peer);

  void raft_log_step(Peer peer, const std::vector<storage::LogInput>& inputs);
  void raft_log_done(Peer peer, const storage::LogEffects& effects);
  void journal_step(Peer peer, const std::vector<storage::LogInput>& inputs);
  void journal_done(Peer peer, const storage::LogEffects& effects);

  void called(Peer peer, std::uint64_t call, const wire::Call& what);
  void answered(Peer peer, std::uint64_t call, const wire::Reply& reply);

  [[nodiscard]] const LedgerDirectory& at(Peer peer) { return directories_[peer]; }
  /// Whose origin it is, or was.
  [[nodiscard]] const LedgerDirectory* find(Origin origin) const;
  /// The first dot that this write had, before its directory moved to other origins.
  [[nodiscard]] Dot first_dot(Dot dot) const;
  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }

 private:
  void add(LedgerDirectory& directory, const wire::JournalRecord& record);
  void judge_seen(LedgerDirectory& directory, const crdt::OfflineWrite& write) const;
  void acknowledge(LedgerDirectory& directory, const LedgerWrite& asked, const Response& response);

  const ModelState& state_;
  std::map<Peer, LedgerDirectory> directories_;
  std::map<Dot, Dot> old_dots_;
  std::uint64_t acknowledged_ = 0;
};

}  // namespace causeway::sim
