// Raft (Ongaro and Ousterhout 2014; Ongaro's dissertation) as one plain object: no thread, socket,
// file, clock or random device.
//
// The owner hands in messages, time, and the news that records are durable; it gets messages to
// send, records to make durable and indices to apply. What differs from the paper:
//   - Durability is asynchronous: records go out with a ticket, the leader sends entries meanwhile
//     but counts its own copy only when durable, and a message that rests on term or vote waits in
//     `Effects::after_sync` for the ticket of their record.
//   - Entries carry log time and a running hash (design 3.1, 3.5).
//   - Names are bound to origins; a member with another origin than its name's is served but never
//     counted.
//   - Proposals and reads may be made at any member: consensus carries them to the leader in order,
//     exactly once per term, and says when one will certainly never be appended (design 3.4).
// This file holds the interface; the parts stand beside it: quorum, progress, log_view, log_clock,
// election, replication, read_index, forwarding.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "consensus/configuration.hpp"
#include "consensus/entry.hpp"
#include "consensus/log_view.hpp"
#include "consensus/message.hpp"
#include <causeway/types.hpp>

namespace causeway::consensus {

/// A member's number: its position in the members sorted by name. Fixed while membership is.
using Peer = std::uint32_t;

enum class Role : std::uint8_t { follower, candidate, leader, learner };

struct Options {
  std::string name;                                             ///< this node's id; one of `voters`
  Origin origin;                                                ///< this data directory's
  Incarnation incarnation;                                      ///< this start's
  std::vector<std::string> voters;                              ///< 1 to 7 names, ascending
  Duration election_timeout = std::chrono::milliseconds(1000);  ///< each is drawn from [t, 2t)
  Duration heartbeat_interval = std::chrono::milliseconds(100);
  WallTime build_date;                       ///< a wall clock before this is no report (design 3.1)
  std::size_t batch_bytes_max = 1 << 20;     ///< payload bytes of one AppendEntries or Forward
  std::size_t inflight_bytes_max = 8 << 20;  ///< sent and not yet acknowledged, per follower
  std::size_t uncommitted_bytes_max = 32 << 20;  ///< beyond it a leader refuses proposals
  std::size_t proposals_max = 8192;              ///< waiting proposals of this node
  std::size_t cache_bytes_max = 8 << 20;  ///< applied entries kept in memory for slow followers
};

/// What this directory must not forget: one record, durable before any message that depends on it
/// leaves.
///
/// A vote is given to a directory, not to a name: a candidate that was wiped since asks as somebody
/// else.
struct HardState {
  Term term;
  std::string voted_for;    ///< empty: nobody in this term
  Origin voted_origin;      ///< the origin behind `voted_for`; {0} with an empty one
  std::uint64_t start = 0;  ///< the number of the newest start; 0: none was counted yet
  Origin barred;            ///< own origin, once known to have forgotten: it never votes again
  friend bool operator==(const HardState&, const HardState&) = default;
};

/// What is written to the log. An entry replaces every entry at its index and above.
using Record = std::variant<Entry, HardState>;

/// Everything that a start needs of the past; built by feeding each record of the log to `log` and
/// `hard_state` in order.
struct Recovered {
  HardState hard_state;
  LogView log;
  LogIndex commit_index;  ///< the greatest commit mark found; at most the last index
};

/// The caller's name for a proposal or a read; unique within this incarnation.
using ProposalId = std::uint64_t;
using ReadId = std::uint64_t;

struct Send {
  Peer to = 0;
  Message message;
  friend bool operator==(const Send&, const Send&) = default;
};

/// Why a proposal will never be in the log.
enum class Dropped : std::uint8_t {
  lost,       ///< sent in a term that is over, and not in its log: may be proposed again
  withdrawn,  ///< `withdraw` was granted
  exhausted,  ///< a limit was reached here or at the leader
};

struct ProposalDropped {
  ProposalId id = 0;
  Dropped why = Dropped::lost;
  friend bool operator==(const ProposalDropped&, const ProposalDropped&) = default;
};

/// The read may be answered from any state that has applied `index`.
struct ReadReady {
  ReadId id = 0;
  LogIndex index;
  friend bool operator==(const ReadReady&, const ReadReady&) = default;
};

/// A slow follower needs entries that are no longer in memory: answer with `Raft::fetched`. At
/// least one entry, then more while their payloads stay within `bytes_max`; it is no harm to give
/// fewer.
struct Fetch {
  Peer peer = 0;
  LogIndex from;
  std::size_t bytes_max = 0;
  friend bool operator==(const Fetch&, const Fetch&) = default;
};

/// What must now be done. Filled by one or more calls, then by `flush`, then carried out and
/// cleared by the owner.
struct Effects {
  std::vector<Record> records;   ///< to append to the log, in order, as the write numbered `ticket`
  std::uint64_t ticket = 0;      ///< of `records`; ascending, 0 when there are none
  std::vector<Send> messages;    ///< may leave at once
  std::vector<Send> after_sync;  ///< leave when the hard state of `after_ticket` is durable
  std::uint64_t after_ticket = 0;  ///< of the newest hard state when `after_sync` was filled
  std::vector<ProposalDropped> dropped;
  std::vector<ReadReady> reads;
  std::vector<Fetch> fetches;
  std::string corrupt;  ///< not empty: histories differ; the node must stop taking part and say so
};

/// A member as this node sees it.
struct MemberStatus {
  Member member;
  bool reachable =
      false;  ///< heard within an election timeout, here or (at a follower) by the leader
  std::uint64_t behind = 0;  ///< leader: entries that it lacks; 0 elsewhere
  bool counted = false;      ///< its connection shows the origin that its name is bound to
};

struct RaftState;  // raft_state.hpp, for the parts of this folder alone

/// Owned by the node's loop; used from one thread.
///
/// Every call may add to `out`; after the calls of one step the owner calls `flush` once, which
/// sends what piled up (entries to followers, forwarded proposals, a shared read round), so that
/// work batches by itself.
///
/// Invariants (checked after each step in tests):
///   - term and commit index never fall; the vote changes only with the term
///   - apply_index() <= commit_index() <= last index; apply_index() <= durable index
///   - at most `inflight_bytes_max` (or one batch) unacknowledged bytes per follower
class Raft {
 public:
  Raft(Options options, Recovered recovered, Random random, const Now& now);
  ~Raft();
  Raft(Raft&&) noexcept;
  Raft& operator=(Raft&&) noexcept;

  /// Counts this start of the directory, once. `known`: the greatest number of a start of this
  /// origin in the state.
  void count_start(const Now& now, std::uint64_t known, Effects& out);
  /// Another start of this directory with the number `known` was seen, which this one's has to
  /// exceed: it is an old copy, and is barred from now on (docs/decisions/008).
  void start_is_old(const Now& now, std::uint64_t known, Effects& out);
  /// The number of this start. Empty: not counted yet, or not durably; no handshake may name it.
  [[nodiscard]] std::optional<std::uint64_t> start_number() const;
  /// This directory knows that it has forgotten what it promised under its origin. Durable when
  /// `start_number` is there again.
  [[nodiscard]] bool barred() const;

  /// Timers. Call at or after next_deadline().
  void tick(const Now& now, Effects& out);
  [[nodiscard]] Instant next_deadline() const;

  /// A connection to `peer` exists and its handshake named this origin and incarnation; messages
  /// sent before may be lost. May be called again without a `peer_down` between: another connection
  /// took the place of the old one.
  void peer_up(const Now& now, Peer peer, Origin origin, Incarnation incarnation, Effects& out);
  void peer_down(const Now& now, Peer peer, Effects& out);
  /// The directory behind the newest `peer_up` says that it is barred.
  void peer_is_barred(Peer peer);
  /// `from` is the directory and the incarnation that the newest `peer_up` named: who owns the
  /// connections does not hand in what another one says. Untrusted all the same: nonsense is
  /// ignored. Before the first `peer_up` everything is.
  void receive(const Now& now, Peer from, Message message, Effects& out);

  /// All records up to `ticket` are durable.
  void durable(const Now& now, std::uint64_t ticket, Effects& out);
  /// The newest hard state of this ticket is durable, though entries handed out before it, or with
  /// it, are not: on disk it may stand in front of them.
  void hard_state_durable(const Now& now, std::uint64_t ticket, Effects& out);

  /// Entries read back for a Fetch: consecutive from `from`; empty when they could not be read
  /// (asked again at a heartbeat).
  void fetched(const Now& now, Peer peer, LogIndex from, std::vector<Entry> entries, Effects& out);

  /// Carries `payload` to the log, here or through the leader, in the order of these calls. Waits
  /// while there is no leader. Ends by `resolved` (the owner saw its entry applied) or by a
  /// ProposalDropped.
  void propose(const Now& now, ProposalId id, Blob payload, std::optional<Instant> deadline,
               Effects& out);
  /// Asks that the proposal never happens. A ProposalDropped follows (at once, when it never left
  /// this node) unless it is or may be in the log; then nothing follows until it is resolved or
  /// lost.
  void withdraw(const Now& now, ProposalId id, Effects& out);
  /// True while the proposal may stand in a log somewhere (false: a withdrawal now would be certain
  /// at once, or it is unknown here).
  [[nodiscard]] bool may_be_in_log(ProposalId id) const;
  void resolved(ProposalId id);
  /// The owner has applied entries up to here and has resolved what it found: older terms'
  /// proposals that are still open are lost.
  void applied(const Now& now, LogIndex index, Term term, Effects& out);

  /// Finds an index for a linearizable read; waits for a leader if need be. Ends by ReadReady or
  /// `cancel_read`.
  void read(const Now& now, ReadId id, Effects& out);
  void cancel_read(ReadId id);

  /// Leader: hands its office to the most up-to-date voter, if there is one; refuses proposals
  /// meanwhile (they wait). False: nobody to take it.
  bool transfer_leadership(const Now& now, Effects& out);

  /// Sends what the calls of this step left to send. Once, at the end of each step.
  void flush(const Now& now, Effects& out);

  [[nodiscard]] Role role() const;
  [[nodiscard]] Term term() const;
  [[nodiscard]] std::optional<Peer> leader() const;
  [[nodiscard]] LogIndex commit_index() const;
  /// Committed, durable here, and checked against a leader's log: what may be applied, and the
  /// value of a commit mark.
  [[nodiscard]] LogIndex apply_index() const;
  [[nodiscard]] const LogView& log() const;
  /// Entries up to `index` are applied: they may leave the cache.
  void evict_applied(LogIndex index);
  /// The newest configuration in the log, committed or not; before the first entry the names given
  /// at start, unbound.
  [[nodiscard]] const Configuration& configuration() const;
  /// The first entry of the cluster is known to be committed.
  [[nodiscard]] bool formed() const;
  /// This node's name is bound to another origin: it is served, never counted, and does not
  /// campaign.
  [[nodiscard]] bool quarantined() const;
  /// The same of another member, as far as its newest connection here and the log tell: its name is
  /// bound, but not to the directory that it showed, or that one is barred.
  [[nodiscard]] bool quarantined(Peer peer) const;
  [[nodiscard]] std::vector<MemberStatus> members(const Now& now) const;
  /// This node exchanges messages with a leader that has a majority (or is it).
  [[nodiscard]] bool majority_reachable(const Now& now) const;
  /// The last word from a leader (or of a majority to this leader); empty: none in this
  /// incarnation.
  [[nodiscard]] std::optional<Instant> last_word(const Now& now) const;
  /// The log's time now, as far as known in this boot: the last log time heard plus what passed
  /// since. Empty: never heard.
  [[nodiscard]] std::optional<Stamp> log_time_now(const Now& now) const;

 private:
  std::unique_ptr<RaftState> state_;
};

}  // namespace causeway::consensus
