// What a leader knows of one follower, and how much it may send.
//
// While it does not know where the follower's log agrees with its own it *probes*: one
// AppendEntries at a time, further back after each refusal. Once one was accepted it *streams*: it
// sends ahead without waiting, as far as the bytes in flight allow. Lost messages need no
// bookkeeping: what comes next (a heartbeat at the latest) does not fit to the follower's log, is
// refused, and the leader probes again.
//
//   probe --accepted--> stream --refused, reconnected--> probe
//
// Answers may be late or out of order; each probe draws a fresh round, so that an answer to an
// earlier position is known as one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/time.hpp"
#include "consensus/entry.hpp"
#include <causeway/types.hpp>

namespace causeway::consensus {

/// What an entry costs beside its payload in the accounts of bytes in flight and uncommitted.
inline constexpr std::size_t kEntryOverheadBytes = 64;
[[nodiscard]] inline std::size_t cost_of(const Entry& entry) {
  return entry.payload.size() + kEntryOverheadBytes;
}

/// Valid while this node leads; made anew for each term.
/// Invariants: match < next; in stream mode `before_next` is known.
struct Progress {
  enum class Mode : std::uint8_t { probe, stream };
  Mode mode = Mode::probe;

  // The next entry to send; in stream mode all before it were sent.
  LogIndex next{1};
  // Where the log stands at next - 1: what AppendEntries names as previous. Empty when that left
  // the cache.
  std::optional<LogPosition> before_next;
  // Durable at the directory behind the present connection, and equal to this leader's log.
  LogIndex match;

  // What the directory `acked_by` acknowledged in this term. Counts towards a majority while
  // `acked_by` is the origin that the name is bound to; kept over reconnections, also of other
  // directories under that name.
  Origin acked_by;
  LogIndex acked;

  // Probe: the round of the first one sent from here (0: none yet), what the follower had
  // acknowledged by then, the end of the entries that went with it, and whether the next flush
  // sends one.
  std::uint64_t probe_round = 0;
  LogIndex probe_match;
  std::optional<LogPosition> probe_end;
  bool probe_due = true;

  // ReadIndex and CheckQuorum, of answers from a counted connection.
  std::uint64_t sent_round = 0;
  std::uint64_t confirmed_round = 0;
  std::optional<Instant> last_word;

  LogIndex
      sent_commit;  // the follower was sent, or will be able to conclude, that this is committed

  // A slow follower needs entries from disk: what was asked for; whether the disk failed to give
  // them since the last heartbeat.
  std::optional<LogIndex> fetching;
  bool fetch_failed = false;

  /// Looks for the follower's position from `index` on, with a probe at the next flush.
  void probe_from(LogIndex index);
  /// The follower's log agrees up to `end`.
  void stream_behind(const LogPosition& end);
  /// Entries up to `last` left, of `bytes` together.
  void sent(const LogPosition& last, std::size_t bytes);
  /// The follower acknowledged up to `index`.
  void acknowledged(Origin by, Origin bound, LogIndex index);
  [[nodiscard]] std::size_t inflight_bytes() const { return inflight_bytes_; }

 private:
  struct Sent {
    LogIndex last;
    std::size_t bytes;
  };
  std::deque<Sent> inflight_;
  std::size_t inflight_bytes_ = 0;
};

}  // namespace causeway::consensus
