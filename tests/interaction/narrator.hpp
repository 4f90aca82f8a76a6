// Tells what happens in a cluster, one line an event: who leads, what is appended, applied,
// journalled and forgotten, and what is answered.
//
// It listens to what each loop asks for and looks at each node's status; it never takes part. What
// every cluster does all the time (heartbeats, ordinary replication, followers applying what the
// leader applied a moment before) is left out, or nothing else could be seen.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "interaction/ledger.hpp"
#include "interaction/words.hpp"
#include "support/virtual_cluster.hpp"

namespace causeway::testing {

class Narrator {
 public:
  explicit Narrator(VirtualCluster& cluster);

  /// `3@1.900s TEXT`
  void say(const std::string& node, const std::string& text);
  /// This node begins a new life: what was known of its memory is gone.
  void begins(const std::string& node);
  /// It was given another data directory.
  void changes_directory(const std::string& node) { seen_.erase(node); }
  [[nodiscard]] std::vector<std::string> take_lines();
  [[nodiscard]] std::size_t lines() const { return said_; }
  [[nodiscard]] Words& words() { return words_; }

 private:
  struct Seen {
    std::string role = "follower";
    std::string leader;
    std::string state;
    Term term;
    Term asked_votes;
    Term asked_pre_votes;
    std::map<LogIndex, Term> log;  ///< as appended; what a full disk refused comes again
    std::string warned;            ///< the newest warning: said once
    LogIndex applied;
    LogIndex ever_applied;  ///< in earlier starts too
    bool applied_known = false;
    Sequence journalled;
    Sequence forgotten;
    std::map<Term, std::uint64_t> forwarded;  ///< highest counter told of
    std::uint64_t read = 0;                   ///< highest id told of
    std::set<std::pair<Term, std::uint64_t>> withdrawn;
  };

  void effects(const std::string& node, const node::Effects& out);
  void look(const std::string& node);
  void raft_log(const std::string& node, const storage::Append& append);
  void journal(const std::string& node, const storage::Append& append);
  void applier(const std::string& node, const kv::Input& input);
  void message(const std::string& node, const node::PeerSend& send);
  void forward(const std::string& node, const std::string& to, const consensus::Forward& forward);
  void applied(const std::string& node, const kv::Applied& news);

  VirtualCluster& cluster_;
  Words words_;
  Ledger ledger_;
  std::map<std::string, Seen> seen_;
  std::map<LogIndex, kv::LogEntry> committed_;  ///< as given to appliers
  std::map<LogIndex, Instant> told_;            ///< entries told of, and when
  std::vector<std::string> lines_;
  std::size_t said_ = 0;
};

}  // namespace causeway::testing
