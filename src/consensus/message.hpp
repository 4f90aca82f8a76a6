// What members say to each other (docs/architecture.md has the table: who sends what to whom, what
// must be durable first).
//
// No message names its sender: the connection does, and the handshake has checked name and origin.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "consensus/entry.hpp"
#include <causeway/types.hpp>

namespace causeway::consensus {

/// RequestVote (Raft section 5.2) and, with `pre`, PreVote (dissertation 9.6), which changes
/// neither term nor vote.
struct RequestVote {
  Term term;  ///< pre: the term that the sender would start
  LogIndex last_log_index;
  Term last_log_term;
  std::uint64_t cluster = 0;  ///< the cluster id in the candidate's log; 0 while that is empty
  bool pre = false;
  bool transfer = false;  ///< the leader asked for this election (TimeoutNow): do not protect it
  friend bool operator==(const RequestVote&, const RequestVote&) = default;
};

struct RequestVoteReply {
  Term term;  ///< pre and granted: the term asked for; otherwise the sender's own
  bool pre = false;
  bool granted = false;
  WallTime wall;  ///< the voter's wall clock, for log time
  friend bool operator==(const RequestVoteReply&, const RequestVoteReply&) = default;
};

struct AppendEntries {
  Term term;
  LogIndex prev_log_index;
  Term prev_log_term;
  std::uint64_t prev_log_hash = 0;
  LogIndex leader_commit;
  /// Identity that the answer repeats: ReadIndex rounds and probes draw fresh ones, ascending
  /// within the term. 0: no answer is wanted before something became durable, unless the append is
  /// refused.
  std::uint64_t round = 0;
  Stamp log_time_now;           ///< the leader's log clock as it sends
  std::uint64_t reachable = 0;  ///< members that the leader hears, itself too: bit n for Peer n
  std::vector<Entry> entries;
  friend bool operator==(const AppendEntries&, const AppendEntries&) = default;
};

struct AppendEntriesReply {
  Term term;
  bool accepted = false;
  LogIndex match_index;  ///< accepted: durable here and equal to the leader's log up to this index
  // Refused: the follower's log conflicts. Term of its entry at prev_log_index (0: its log is
  // shorter) and the first index that it holds of that term (its last index + 1 when shorter).
  Term conflict_term;
  LogIndex conflict_index;
  std::uint64_t round = 0;  ///< as in the request
  WallTime wall;            ///< the follower's wall clock, for log time
  friend bool operator==(const AppendEntriesReply&, const AppendEntriesReply&) = default;
};

/// The leader gives its office to the receiver (dissertation 3.10).
struct TimeoutNow {
  Term term;
  friend bool operator==(const TimeoutNow&, const TimeoutNow&) = default;
};

/// Proposals on their way to the leader (design 3.4). They hold counters first, first + 1, ... of
/// this incarnation in `term`.
struct Forward {
  struct Item {
    Blob payload;
    std::uint32_t budget_ms = 0;  ///< what remains of the caller's timeout; 0: it waits for ever
    friend bool operator==(const Item&, const Item&) = default;
  };
  Term term;
  Incarnation incarnation;
  std::uint64_t first_counter = 0;
  std::uint64_t lowest_open = 0;  ///< what the leader remembers of lower counters may be forgotten
  std::vector<Item> items;
  friend bool operator==(const Forward&, const Forward&) = default;
};

/// Asks the leader to refuse `counter` for good unless it has appended it.
struct Withdraw {
  Term term;
  Incarnation incarnation;
  std::uint64_t counter = 0;
  friend bool operator==(const Withdraw&, const Withdraw&) = default;
};

/// The leader's word on forwarded proposals. All counters below `next_counter` are decided:
/// appended, unless named refused.
struct ForwardReply {
  Term term;
  Incarnation incarnation;
  std::uint64_t next_counter =
      0;  ///< the one it would take next; a sender that is ahead sends again from here
  std::vector<std::uint64_t> refused;  ///< refused for good (withdrawn, over a limit), ascending
  bool exhausted = false;              ///< the newest refusals are for a limit that was reached
  friend bool operator==(const ForwardReply&, const ForwardReply&) = default;
};

/// ReadIndex for all reads that wait at the sender (dissertation 6.4).
struct ReadIndexRequest {
  Term term;
  std::uint64_t id = 0;  ///< fresh within the sender's incarnation
  friend bool operator==(const ReadIndexRequest&, const ReadIndexRequest&) = default;
};

struct ReadIndexReply {
  Term term;
  std::uint64_t id = 0;
  bool accepted = false;  ///< false: not the leader of that term, or no longer
  LogIndex index;
  friend bool operator==(const ReadIndexReply&, const ReadIndexReply&) = default;
};

using Message =
    std::variant<RequestVote, RequestVoteReply, AppendEntries, AppendEntriesReply, TimeoutNow,
                 Forward, Withdraw, ForwardReply, ReadIndexRequest, ReadIndexReply>;

}  // namespace causeway::consensus
