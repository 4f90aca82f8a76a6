// Clocks and stamps, judged from outside (design 3.1, 3.2).
//
//   log-time-rises        Strictly along the log.
//   log-time-honest       While most voters' wall clocks have never been off by more than a second,
//                         no entry is dated later than the furthest ahead of them, and what the
//                         monotonic clocks ran fast. No lower bound against true time: log time
//                         *may* be pulled forward to the median (design 3.1), and a cluster that
//                         was down for hours rightly opens its next term hours late.
//   log-time-moves        The lower bound that is promised: an entry is dated at least as much
//                         later than the one before as passed on its leader's monotonic clock since
//                         that one was appended there, received, or found at the start. Judged
//                         until a full disk holds something up.
//   stamps-rise           The committed versions of a key have strictly rising stamps, none beyond
//                         the log time of its entry; a consistent one has just that.
//   node-stamps-rise      A directory's offline write has a stamp above those of its writes that it
//                         still holds, over restarts too. Not above every earlier one: a clock that
//                         ran ahead returns once those that it misdated are settled.
//   effect-exceeds-cause  An offline write has a stamp above every committed version of its key
//                         that its node had applied. (Above its own pending ones, too: that is
//                         node-stamps-rise.)
//   stamp-near-log-time   A follower's offline write has a stamp no further ahead than log time, as
//                         heard there, and the node's own clocks allow, or than the stamps that it
//                         still holds: a clock that was mad does not stay so.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/cluster.hpp"
#include "sim/entry_registry.hpp"
#include "sim/observer.hpp"

namespace causeway::sim {

[[nodiscard]] std::string stamp_text(Stamp stamp);

/// Observes a cluster from before its first start. Looks at every clock whenever its node looks.
class ClockChecks final : public Observer {
 public:
  explicit ClockChecks(Cluster& cluster);

  void starting(Peer peer) override;
  void recovered(Peer peer, const wire::RaftRecord& record) override;
  void recovered(Peer peer, const wire::JournalRecord& record) override;
  void started(Peer peer) override;
  void turn(Peer peer, const node::Effects& effects) override;
  void raft_log_done(Peer peer, const storage::LogEffects& effects) override;
  void journal_done(Peer peer, const storage::LogEffects& effects) override;
  void applying(Peer peer, const kv::Apply& apply) override;
  void applied(Peer peer, const kv::Applied& applied) override;
  void sent(Peer from, Peer to, const consensus::Message& message) override;
  void delivered(Peer from, Peer to, const consensus::Message& message) override;

 private:
  struct Node {
    Machine* machine = nullptr;
    std::string name;

    bool honest = true;     ///< its wall clock was right whenever it was read
    Duration ran_ahead{0};  ///< at the last look at all clocks

    ByIndex<Stamp> log;  ///< log times, as handed out or found by the start
    Instant last_entry;  ///< by its monotonic clock: when the last of these came
    /// Entries that a full disk refused: they are handed out again.
    std::multiset<std::pair<LogIndex, Term>> refused;

    Sequence reached;                ///< of its offline writes, as handed out
    std::map<Sequence, Stamp> held;  ///< of those, what the journal has not freed
    Stamp greatest_held;             ///< of these, before its present turn and in it
    Stamp let_go;                    ///< greatest of what it may hold though it was freed

    std::vector<kv::LogEntry> applying;  ///< not reported as applied

    // What it heard of log time since it started.
    Term appends_of;                     ///< greatest term of an AppendEntries that reached it
    std::int64_t log_time_ahead_ms = 0;  ///< the most that log time was ahead of its boot clock
    bool follows = false;                ///< it accepted one of these, and has not led since
    Stamp applied_log_time;
  };
  struct Version {
    LogIndex revision;
    Stamp stamp;
  };

  [[noreturn]] static void broken(const char* invariant, const Node& node, const std::string& what);
  [[nodiscard]] Instant instant() const;

  void look_at_clock(Node& node);
  void look_at_rates();
  void new_entry(Node& node, const consensus::Entry& entry);
  void check_honest(const Node& node, const consensus::Entry& entry);
  void check_moves(const Node& node, const consensus::Entry& entry) const;
  void refused(Node& node, const storage::Refused& refused);
  void handed_out(Node& node, const wire::JournalRecord& record);
  void new_write(Node& node, const crdt::OfflineWrite& write);
  void check_near(const Node& node, const crdt::OfflineWrite& write) const;
  static void let_go(Node& node, Sequence sequence);
  static void forget_what_is_gone(Node& node);
  [[nodiscard]] std::int64_t boot_ms(const Node& node) const;
  void committed(const Node& node, std::string_view key, const crdt::StoredVersion& version);

  Cluster& cluster_;
  std::vector<Node> nodes_;
  EntryRegistry entries_;
  std::uint64_t ahead_ms_ = 0;  ///< the furthest that an honest clock was ahead of true time
  Duration fast_{0};            ///< the most that monotonic clocks can have gained so far
  bool disk_was_full_ = false;  ///< so entries may be seen long after they were made
  ByIndex<Stamp> log_times_;    ///< of committed entries
  std::map<std::string, std::vector<Version>, std::less<>> versions_;  ///< of a key, by revision
};

}  // namespace causeway::sim
