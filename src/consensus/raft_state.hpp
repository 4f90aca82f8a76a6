// The state that all parts of Raft share, and the few things that each of them does to it.
//
// raft.cpp sets `now` and dispatches; election, follower, replication, forwarding decide. They are
// free functions over this struct and not classes of their own, because Raft's rules cut across: a
// message in a higher term ends whatever this node was doing. What has no such ties (quorum,
// log_clock, progress, durability, proposal_queue, forward_ledger, read_index) is a class that
// knows nothing of the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "consensus/configuration.hpp"
#include "consensus/durability.hpp"
#include "consensus/forward_ledger.hpp"
#include "consensus/log_clock.hpp"
#include "consensus/log_view.hpp"
#include "consensus/message.hpp"
#include "consensus/progress.hpp"
#include "consensus/proposal_queue.hpp"
#include "consensus/raft.hpp"
#include "consensus/read_index.hpp"
#include <causeway/types.hpp>

namespace causeway::consensus {

/// The roles of the paper, and the one before candidacy (dissertation 9.6).
enum class Phase : std::uint8_t { follower, pre_candidate, candidate, leader };

/// The connection to a member, in every role.
struct Link {
  bool up = false;
  Origin origin;  ///< of the newest handshake; {0}: there was none
  Incarnation incarnation;
  bool barred = false;           ///< it says of itself that it has forgotten
  std::optional<Instant> heard;  ///< any message
  // The newest wall clock reported with a vote or an acknowledgement that counts, and when it came.
  std::optional<WallTime> wall;
  Instant wall_at;
};

/// Valid in phases pre_candidate and candidate.
struct Candidacy {
  // Who granted, and as which directory; {0}: not (yet). A directory that was wiped after granting
  // still granted.
  std::vector<Origin> granted;
  std::vector<bool> refused;
  bool transfer = false;  ///< by TimeoutNow
};

/// Valid while this node follows a leader of its term.
struct Following {
  // Highest index known to equal this leader's log. Invariant: commit_index <= checked <= last
  // index.
  LogIndex checked;
  LogIndex fitted;  ///< end of what this leader's messages in this term fitted or brought
  std::optional<LogIndex> acknowledged;  ///< last match index told to this leader
  std::optional<Instant> word;           ///< last AppendEntries of any leader in this incarnation
  bool answer_due = false;               ///< entries were appended that wait for the disk
  std::uint64_t reachable = 0;           ///< members that the leader hears, as its last word had it
};

/// Valid in phase leader.
struct Leading {
  Instant since;
  LogIndex first_own;  ///< the entry that opened the term: reads wait until it is committed
  std::vector<Progress> progress;
  std::vector<ForwardLedger> ledgers;
  Instant heartbeat_at;
  std::uint64_t round = 1;       ///< newest identity given out
  std::uint64_t read_round = 0;  ///< newest that a read waits for: followers have to be sent it
  std::size_t uncommitted_bytes = 0;

  struct Transfer {
    Peer to;
    Instant give_up_at;
    bool asked = false;
  };
  std::optional<Transfer> transfer;
};

/// What was last heard of the log's time: from a leader, or as one.
struct HeardLogTime {
  Stamp log_time;
  BootTime at;
};

struct RaftState {
  RaftState(Options given, Recovered recovered, Random seeded, const Now& at);

  Options options;
  Random random;
  Now now;  ///< of the present call
  Peer self = 0;

  HardState hard;
  std::uint64_t start_ticket = 0;  ///< the number of this start was written with it; 0: not yet
  LogView log;
  Durability disk;
  LogIndex commit_index;
  Configuration unformed;  ///< in force while the log is empty

  Phase phase = Phase::follower;
  std::optional<Peer> leader;  ///< of this term, as far as known
  Instant election_at;
  Instant retry_at = Instant::never();  ///< requests to the leader without an answer go out again

  std::vector<Link> links;  ///< by Peer; the own one is unused
  Candidacy candidacy;
  Following following;
  Leading leading;

  LogClock clock;
  std::optional<HeardLogTime> heard_log_time;
  ProposalQueue proposals;
  ReadIndex reads;
};

// ---- who counts

// The first four are asked for each peer, many times a message.

[[nodiscard]] inline const Configuration& configuration_of(const RaftState& state) {
  const auto& in_log = state.log.configurations();
  return in_log.empty() ? state.unformed : in_log.back().configuration;
}
[[nodiscard]] inline bool is_voter(const RaftState& state, Peer peer) {
  return configuration_of(state).members[peer].role == MemberRole::voter;
}
/// The origin that the log binds the name to; {0}: none yet.
[[nodiscard]] inline Origin binding_of(const RaftState& state, Peer peer) {
  return configuration_of(state).members[peer].origin;
}
/// The log binds the name to that directory, and has not barred it since.
[[nodiscard]] inline bool is_bound(const RaftState& state, Peer peer, Origin origin) {
  const Member& member = configuration_of(state).members[peer];
  return origin != Origin{} && member.origin == origin && !member.barred;
}
[[nodiscard]] std::size_t voters_of(const RaftState& state);
/// The connection shows the bound directory of a voter: its acknowledgements count.
[[nodiscard]] bool is_counted(const RaftState& state, Peer peer);
/// The name is bound, but not to what the connection shows, or that is barred.
[[nodiscard]] bool is_impostor(const RaftState& state, Peer peer);
/// A vote counts also from an unbound name, until the first entry is known committed (design 3.5).
[[nodiscard]] bool vote_counts(const RaftState& state, Peer peer);
[[nodiscard]] bool is_quarantined(const RaftState& state);

// ---- the disk

/// It leaves a write unconfirmed for an election timeout.
[[nodiscard]] bool disk_is_stuck(const RaftState& state);

// ---- sending

/// Drops the message when there is no connection.
void send(RaftState& state, Effects& out, Peer to, Message message);
/// For messages that rest on the present term or vote: after the disk has it.
void send_when_term_durable(RaftState& state, Effects& out, Peer to, Message message);

// ---- writing

void write_hard_state(RaftState& state, Effects& out);
/// Enters `term` with a vote for that directory; an empty name: for nobody yet.
void write_vote(RaftState& state, Effects& out, Term term, std::string name, Origin origin);
/// Behind the last entry, or in place of it and what follows.
void write_entry(RaftState& state, Effects& out, Entry entry);
/// As the leader, behind the last entry.
void append_as_leader(RaftState& state, Effects& out, EntryKind kind, Blob payload);

// ---- time

/// The lower median of the voters' wall clocks; empty without reports of a majority (design 3.1).
[[nodiscard]] std::optional<WallTime> median_wall(const RaftState& state);
void report_wall(RaftState& state, Peer from, WallTime wall);
/// Leader: pulls log time forward to the median, before entries are stamped.
void follow_median(RaftState& state);
/// The leader's log time now; remembered for `log_time_now`.
[[nodiscard]] Stamp leader_log_time(RaftState& state);

/// Members heard here within an election timeout, this one too: bit n for Peer n.
[[nodiscard]] std::uint64_t reachable_members(const RaftState& state, Instant now);
[[nodiscard]] Duration draw_election_timeout(RaftState& state);

}  // namespace causeway::consensus
