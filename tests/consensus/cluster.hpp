// A cluster of Raft objects in virtual time: a network that loses, repeats and reorders, disks that
// take their time and forget what they had not confirmed, crashes, partitions, clocks that lie. All
// from one seed.
//
// It also is the referee. After every step of a node it checks what must hold of that node between
// two steps, and of all of them together (reliability.md, invariants 1-7, 11, 13, 15, 27); the
// first violation ends the run and says when.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <set>
#include <string>
#include <vector>

#include "consensus/raft.hpp"

namespace causeway::consensus::testing {

using namespace std::chrono_literals;

/// What the world does to messages and disks. Percentages are of messages.
struct Weather {
  std::uint64_t loss = 0;
  std::uint64_t duplicates = 0;
  bool reorder = false;  ///< else each connection delivers in order
  Duration delay_min = 200us;
  Duration delay_max = 2ms;
  Duration sync_min = 100us;
  Duration sync_max = 1ms;
};

enum class Fate : std::uint8_t { open, resolved, lost, withdrawn, exhausted, forgotten };

/// One proposal of one node: what became of it there. `forgotten`: the node crashed while it was
/// open.
struct Proposed {
  Peer node = 0;
  ProposalId id = 0;
  Fate fate = Fate::open;
};

class Cluster {
 public:
  Cluster(std::size_t nodes, std::uint64_t seed, Options common = small_options());

  Cluster(const Cluster&) = delete;  // events hold its address
  Cluster& operator=(const Cluster&) = delete;

  /// Defaults for tests: small batches and caches, so that limits are met.
  static Options small_options();

  Weather weather;

  // ---- running

  void run_for(Duration duration);
  /// False when `limit` passed first.
  template <class Condition>
  bool run_until(Condition&& condition, Duration limit = 30s) {
    const Duration end = time_ + limit;
    while (!condition()) {
      if (time_ >= end || !violation_.empty()) return false;
      run_one(end);
    }
    return true;
  }
  /// Runs until there is one leader, everything running is equal, and nothing is open.
  bool settle(Duration limit = 60s);

  // ---- faults

  void crash(Peer node);
  void restart(Peer node);
  /// Takes the disk away: a new directory, with a new origin.
  void wipe(Peer node);
  /// The durable records now, and putting such a copy back (under the same origin).
  struct DiskImage {
    std::vector<Record> records;
    LogIndex mark;
    Origin origin;
  };
  [[nodiscard]] DiskImage copy_disk(Peer node) const;
  void put_back(Peer node, DiskImage image);
  /// Messages from `from` to `to` vanish (or, with `notice`, the connection is down).
  void cut(Peer from, Peer to, bool notice = false);
  void isolate(Peer node, bool notice = false);
  void heal();
  /// The node's disk confirms nothing.
  void stall_disk(Peer node, bool stalled);
  /// The node's disk takes terms and votes, and no entry.
  void fill_disk(Peer node, bool full);
  void set_wall(Peer node, std::uint64_t wall_ms);

  // ---- using it

  /// Returns the number of the proposal, counted from 0.
  std::size_t propose(Peer node, std::optional<Duration> budget = std::nullopt,
                      std::size_t bytes = 16);
  void withdraw(std::size_t proposal);
  void read(Peer node);
  bool transfer(Peer node);
  /// Gives a message to a node as if `from` had sent it.
  void inject(Peer from, Peer to, Message message);

  // ---- looking

  [[nodiscard]] bool running(Peer node) const { return nodes_[node].raft.has_value(); }
  [[nodiscard]] Raft& raft(Peer node) { return *nodes_[node].raft; }
  [[nodiscard]] const Raft& raft(Peer node) const { return *nodes_[node].raft; }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  /// The running leader of the highest term.
  [[nodiscard]] std::optional<Peer> leader() const;
  [[nodiscard]] const std::vector<Proposed>& proposals() const { return proposals_; }
  [[nodiscard]] std::size_t open_reads() const;
  [[nodiscard]] std::size_t answered_reads() const { return answered_reads_; }
  [[nodiscard]] Duration time() const { return time_; }
  [[nodiscard]] Now now(Peer node) const;
  [[nodiscard]] Origin origin(Peer node) const { return nodes_[node].origin; }
  /// All committed entries; [0] is the entry of index 1.
  [[nodiscard]] const std::vector<Entry>& committed() const { return committed_; }
  /// How often the proposal stands in the committed log.
  [[nodiscard]] std::size_t times_committed(std::size_t proposal) const;
  /// Empty while all is well.
  [[nodiscard]] const std::string& violation() const { return violation_; }
  [[nodiscard]] const std::string& corrupt(Peer node) const { return nodes_[node].corrupt; }
  /// Of everything that was sent, so that two runs can be compared.
  [[nodiscard]] std::uint64_t trace() const { return trace_; }
  struct Counters {
    std::uint64_t messages = 0, lost = 0, duplicated = 0, crashes = 0, lost_records = 0,
                  fetches = 0, truncations = 0, elections = 0, gaps = 0, hard_states_ahead = 0;
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] Term durable_term(Peer node) const;

 private:
  struct Write {
    std::uint64_t ticket;
    std::vector<Record> records;
  };
  struct Held {
    std::uint64_t ticket;
    Send send;
    std::uint64_t epoch;
  };
  /// What the invariants compare between two steps.
  struct Seen {
    Term term;
    LogIndex commit;
    LogIndex last;
    bool leads = false;
  };
  struct Node {
    std::optional<Raft> raft;
    Origin origin;
    Incarnation incarnation;
    std::uint64_t life = 0;  // events of earlier lives are void
    std::vector<Record> disk;
    std::map<std::uint64_t, Entry> disk_log;  // what `disk` says of each index
    HardState disk_hard;
    LogIndex mark;
    std::deque<Write> unsynced;
    bool sync_under_way = false;
    bool stalled = false;
    bool full = false;
    std::deque<Held> held;
    LogIndex applied;
    HardState voted;  // as last written, for the rule that a vote changes only with the term
    std::int64_t wall_offset_ms = 0;
    std::vector<bool> up;  // own outgoing connections
    Seen seen;
    std::string corrupt;
    std::map<ProposalId, std::size_t> own;
    std::map<ReadId, LogIndex> reads;  // open ones, and the least index that may answer
    ProposalId next_proposal = 1;
    ReadId next_read = 1;
    Instant tick_planned = Instant::never();
  };
  struct Event {
    Duration at;
    std::uint64_t order;
    std::function<void()> run;
    friend bool operator>(const Event& a, const Event& b) {
      return std::pair(a.at, a.order) > std::pair(b.at, b.order);
    }
  };

  void run_one(Duration end);
  void at(Duration when, std::function<void()> run);
  template <class Call>
  void step(Peer node, Call&& call);
  void carry_out(Peer node, Effects& out);
  void transmit(Peer from, Send send);
  void deliver(Peer from, Peer to, const Message& message);
  void sync(Peer node);
  void sync_done(Peer node);
  void sync_hard_state(Peer node);
  void release(Peer node, std::uint64_t ticket);
  void to_disk(Node& node, const Record& record);
  void apply(Peer node);
  void plan_tick(Peer node);
  void start(Peer node);
  void connect(Peer a, Peer b);
  void disconnect(Peer a, Peer b);
  void check_step(Peer node);
  void check_committed(Peer node);
  void check_new_leader(Peer node);
  void fail(const std::string& what);
  [[nodiscard]] Duration between(Duration low, Duration high);

  Options common_;
  Random random_;
  Duration time_{0};
  std::uint64_t order_ = 0;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::vector<Node> nodes_;
  std::vector<std::vector<bool>> cut_;
  std::vector<std::vector<bool>> cut_noticed_;
  std::vector<std::vector<Duration>> last_delivery_;
  std::vector<std::vector<std::uint64_t>> epoch_;

  std::vector<Entry> committed_;
  std::map<std::string, std::size_t> committed_payloads_;
  std::map<Peer, std::size_t> newest_committed_;  // its newest proposal's number + 1
  LogIndex commit_seen_;                          // the highest commit index that any node ever had
  std::map<std::uint64_t, std::pair<Peer, Origin>> leaders_;
  std::vector<Proposed> proposals_;
  std::vector<std::string> payloads_;
  std::size_t answered_reads_ = 0;
  std::string violation_;
  std::uint64_t trace_ = 0;
  Counters counters_;
};

}  // namespace causeway::consensus::testing
