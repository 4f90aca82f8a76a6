// Between consensus and the disk: what is written to the Raft log, what may leave when it is
// durable, and what is given to the applier.
//
// Consensus hands out records under tickets; each turn's records become one append, with the commit
// mark of that moment behind them (design 3.3: synced with the batch, for free). Messages that rest
// on a record wait here for its ticket. The newest mark also goes to the mark file, unsynced,
// before anything that rests on it leaves: a killed process loses none of it, and a lost machine
// falls back to the last synced one.
//
// What a full disk refused waits here, in order, and all that comes later waits behind it
// (docs/decisions/002). Only term and vote go in front.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "node/core.hpp"

namespace causeway::node {

class RaftDisk {
 public:
  explicit RaftDisk(const Core& core);

  /// Carries out what raft's calls left in `core.raft_out`, but for its reads and dropped proposals
  /// (the loop passes those on).
  void carry_out(Turn& turn);
  /// Gives newly committed entries to the applier, as far as its bounds allow.
  void feed_applier(Turn& turn);
  /// Syncs a commit mark of at least `needed` when no other append is about to.
  void sync_mark(Turn& turn, LogIndex needed);

  void durable(Turn& turn, std::uint64_t ticket);
  void refused(Turn& turn, storage::Refused refused);
  void fetched(Turn& turn, storage::Fetched fetched);
  void applied(Turn& turn, const kv::AppliedPosition& position);
  void tick(Turn& turn);

  [[nodiscard]] Instant next_deadline() const { return retry_at_; }
  /// Entries up to here have been given to the applier.
  [[nodiscard]] LogIndex given() const { return given_; }
  /// Commit marks up to here are synced.
  [[nodiscard]] LogIndex synced_mark() const { return synced_mark_; }

 private:
  struct Ticket {
    std::uint64_t ticket = 0;
    std::uint64_t raft_ticket = 0;  ///< durable with it; 0: none
    std::uint64_t vote = 0;  ///< the raft ticket whose newest hard state stands in it; 0: none
    LogIndex mark;
  };
  struct Gated {
    std::uint64_t vote = 0;  ///< raft ticket of the hard state that it rests on
    consensus::Send send;
  };
  struct Given {
    LogIndex last;
    std::size_t bytes = 0;
  };

  void append_all(Turn& turn, const consensus::Effects& raft);
  void append(Turn& turn, std::uint64_t key, std::vector<storage::LogRecord> records,
              Ticket ticket);
  void write_vote_ahead(Turn& turn);
  [[nodiscard]] bool put_vote_first();
  /// Entries up to here may be given to the applier now.
  [[nodiscard]] LogIndex may_give(const Core& core) const;
  void give(Turn& turn, std::vector<kv::LogEntry> entries, std::size_t bytes);
  void fetch_for_applier(Turn& turn);
  [[nodiscard]] std::vector<consensus::Entry> current_entries(const Core& core,
                                                              const storage::Fetched& fetched,
                                                              LogIndex from) const;
  void gate(std::uint64_t vote, consensus::Send send);
  void release_messages(Turn& turn);

  std::uint64_t tickets_given_ = 0;
  std::deque<Ticket> tickets_;      ///< on their way to the disk
  std::uint64_t durable_vote_ = 0;  ///< hard states of raft tickets up to this one are durable
  std::deque<Gated> gated_;
  LogIndex mark_;           ///< as in the mark file
  LogIndex appended_mark_;  ///< newest that is on its way to the disk
  LogIndex synced_mark_;

  std::map<std::uint64_t, storage::Append> retry_;  ///< appends that a full disk refused, by ticket
  Instant retry_at_ = Instant::never();
  bool full_ = false;  ///< a full disk refused something, and nothing was written since

  LogIndex given_;
  std::deque<Given> giving_;  ///< given and not applied yet
  std::size_t giving_bytes_ = 0;
  bool fetching_for_applier_ = false;
  std::map<std::uint64_t, LogIndex> fetching_for_;  ///< peer -> the index asked for
};

}  // namespace causeway::node
