// Raft's safety, judged from outside: by what nodes hand to their disks, what those report, and
// what is said to others.
//
// The checker keeps its own picture of each node: the log as handed out, and the log, term and vote
// that its disk has reported as durable. It asks no node anything. The names below are those of
// docs/verification.md.
//
//   election-safety       At most one node leads a term, and in one life only.
//   vote-once             A directory votes for one candidate a term, over restarts too. A wiped
//                         one, or an old copy, has another past, so it has a clean slate.
//   start-kept            The number of a directory's start never falls on its disk, and once its
//                         origin is barred there it stays so.
//   honest-counts         Only a directory that was put back from an old copy is ever barred.
//   terms-never-fall      Neither those of a directory's messages nor those on its disk.
//   vote-durable          A vote, a request for one, an accepted append and what a leader sends
//                         leave only when their term is durable, and the vote with it.
//   leader-append-only    In a term that it leads, a node replaces no entry of its log.
//   log-matching          Index and term name one entry and its whole past, in all logs and
//                         messages; the running hash is what the entries' bytes give.
//   leader-completeness   What is committed in a term stands in the log with which any leader of a
//                         later term begins.
//   commit-needs-majority Who first takes an entry for committed leads a term that covers it with
//                         an entry of its own, and a majority of the voters have it durable: those
//                         that the leader's log binds and does not bar.
//   commit-never-falls    Within one life, the index up to which a node knows the log committed.
//   mark-is-sure          What a node's commit mark names, its own log holds durably.
//   read-index-covers     Who confirms a read leads its term, and names an index from that term's
//                         first entry on (dissertation 6.4).
//   mark-first            A node applies only what a commit mark of its own covers, written before:
//                         so what its answers rest on outlives kill -9 (design 3.3).
//   state-machine-safety  All nodes apply the same entry at an index, and leave none out. After a
//                         restart they may go back.
//   applied-durable       A node applies only what its own log holds durably.
//   ack-durable           An accepted append with match index m: the node's log is durable up to m
//                         and equals the leader's up to there.
//   refused-first         Behind an append that the disk refused nothing is written before that one
//                         has been tried again.
//   acknowledged-kept     A start finds everything that was durable, unless a later append replaced
//                         it: then that was not committed. Term and vote do not go back. A node
//                         that refuses to start has kept its word, too.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "consensus/configuration.hpp"
#include "sim/cluster.hpp"
#include "sim/entry_registry.hpp"
#include "sim/observer.hpp"

namespace causeway::sim {

/// Observes a cluster from before its first start. A few map or vector look-ups a message.
class RaftChecks final : public Observer {
 public:
  explicit RaftChecks(Cluster& cluster);

  void starting(Peer peer) override;
  using Observer::recovered;
  void recovered(Peer peer, const wire::RaftRecord& record) override;
  void started(Peer peer) override;
  void died(Peer peer, Death death) override;
  void turn(Peer peer, const node::Effects& effects) override;
  void raft_log_step(Peer peer, const std::vector<storage::LogInput>& inputs) override;
  void raft_log_done(Peer peer, const storage::LogEffects& effects) override;
  void applying(Peer peer, const kv::Apply& apply) override;
  void applied(Peer peer, const kv::Applied& applied) override;

 private:
  /// What a log holds, once it is read back.
  struct Disk {
    LogPicture log;
    consensus::HardState hard;
    LogIndex mark;  ///< the newest that a start found in it
  };
  /// Given to the log's writer, and not reported durable.
  struct Given {
    std::uint64_t ticket = 0;
    std::vector<wire::RaftRecord> records;
    bool too_early = false;  ///< behind a refused one that has not come again
  };
  /// What a directory that is gone had durable: it will not vote again, so what was counted of it
  /// stays counted (design 3.5).
  struct Retired {
    Origin origin;
    LogPicture log;
  };

  struct Node {
    Machine* machine = nullptr;
    std::string name;

    // Of the directory:
    Origin origin;
    Disk disk;  ///< durable
    std::deque<Given> given;
    std::map<Term, Peer> votes;
    Term spoken;            ///< the highest in its messages
    LogIndex applied;       ///< the newest
    bool old_copy = false;  ///< its next start is that of one
    bool put_back = false;  ///< it is one, since its newest wipe

    // Of this life:
    std::uint64_t life = 0;
    LogPicture log;  ///< as handed out
    Term term;       ///< of the newest hard state handed out
    Term led;        ///< the newest term that it led
    LogIndex commit;
    LogIndex mark;  ///< written: in the log or in the file beside it
    bool has_applied = false;
    std::uint64_t refused_ticket = 0;  ///< comes again before all behind it; 0: none waits
    /// Entries that a full disk refused: they are handed out again.
    std::multiset<std::pair<LogIndex, Term>> refused;
    /// A full disk refused something: entries may wait inside the node and be handed out late.
    bool may_lag = false;

    // While it recovers:
    Disk found;
    bool found_gap = false;

    std::vector<Retired> retired;
  };

  struct Leader {
    Peer peer = 0;
    std::uint64_t life = 0;
    LogIndex opening;                        ///< its first entry; 0: not seen yet
    Term before;                             ///< of the entry in front of that
    consensus::Configuration configuration;  ///< the newest of this term
  };

  struct Committed {
    EntryId id;
    Term by;  ///< the term of the leader who committed it
  };

  template <class Tag>
  static std::string text(Ordinal<Tag> number) {
    return std::to_string(number.value);
  }
  [[noreturn]] static void broken(const char* invariant, const Node& node, const std::string& what);

  // What was handed out, and what became durable (raft_checks.cpp).
  void retire(Node& node);
  void handed_out(Peer peer, const storage::Append& append);
  void handed_out(Peer peer, const consensus::Entry& entry);
  void meet(Peer by, const consensus::Entry& entry, Term before);
  void now_durable(Node& node, const wire::RaftRecord& record);
  void refused(Node& node, const storage::Refused& refused);
  void check_kept(const Node& node) const;
  void check_written(const Node& node) const;

  // What is said (raft_checks_messages.cpp).
  void check(Peer from, Peer to, const consensus::Message& message);
  void check(Peer from, const consensus::AppendEntries& message);
  void check_read(Peer from, const consensus::ReadIndexReply& reply) const;
  void check_ack(Peer from, const consensus::AppendEntriesReply& reply);
  void leads(Peer peer, Term term);
  void votes_for(Peer peer, Term term, Peer candidate);
  void speaks_in(Node& node, Term term);
  void check_term_durable(const Node& node, Term term, const char* what) const;

  // What is committed (raft_checks_commits.cpp).
  void claims(Peer peer, const node::Effects& effects);
  [[nodiscard]] LogIndex counted_by_mark(Peer peer) const;
  void takes_for_committed(Peer peer, Term led, LogIndex index);
  [[nodiscard]] bool majority_holds(const Leader& leader, LogIndex index, Term term) const;
  [[nodiscard]] bool holds(const Node& node, Origin origin, LogIndex index, Term term) const;
  void opened(Peer peer, const consensus::Entry& entry, Term before);
  void check_complete(Term term, const Leader& leader, LogIndex index) const;

  std::vector<Node> nodes_;
  EntryRegistry entries_;
  std::map<Term, Leader> leaders_;
  ByIndex<Committed> committed_;
};

}  // namespace causeway::sim
