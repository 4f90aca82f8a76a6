// Linearizable reads without writing to the log (ReadIndex, dissertation section 6.4).
//
// A leader may answer from its commit index if it was still the leader after the read arrived. So
// it notes the index, starts a round, and waits until a majority answers to that round or a later
// one: an answer to an earlier round, however late it comes, says nothing about now. All reads that
// wait when a round starts share it. A member that does not lead asks the leader, once for all
// reads that wait here.
//
//   read -> fresh --leader--> Round (number, index) --majority--> ReadReady
//             |  \--other---> Asked (id) ----ReadIndexReply----> ReadReady
//             ^------------------ leadership or leader changed ---/
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "consensus/message.hpp"
#include "consensus/raft.hpp"
#include <causeway/types.hpp>

namespace causeway::consensus {

/// Reads of this node, and, while it leads, of others. Invariants: round numbers ascend; request
/// ids are used for one set of reads only; each open read stands in one place.
class ReadIndex {
 public:
  /// Requests and rounds under way at once; reads beyond them wait and then share one.
  static constexpr std::size_t kUnderWayMax = 2;
  /// Requests of one peer that may wait here.
  static constexpr std::size_t kRequestsPerPeerMax = 16;

  void add(ReadId id) { fresh_.push_back(id); }
  void cancel(ReadId id);

  // ---- leader

  /// False when that peer has too many waiting. A request that waits already is not added again.
  [[nodiscard]] bool add_remote(Peer peer, std::uint64_t request);
  void forget_remote(Peer peer);
  /// Reads wait for a round, and one more may start.
  [[nodiscard]] bool wants_round() const;
  void start_round(std::uint64_t round, LogIndex commit_index);
  /// A majority answered to `round`. Answers reads of this node into `out.reads`, others by
  /// `reply`.
  template <class Reply>
  void confirmed(std::uint64_t round, Effects& out, Reply&& reply) {
    while (!rounds_.empty() && rounds_.front().number <= round) {
      const Round& done = rounds_.front();
      for (const ReadId id : done.own) out.reads.push_back({id, done.index});
      for (const Remote& remote : done.remote) reply(remote.peer, remote.request, done.index);
      rounds_.pop_front();
    }
  }
  [[nodiscard]] bool round_open() const { return !rounds_.empty(); }
  /// Leadership is over: own reads wait again, others are refused by `refuse(peer, request)`.
  template <class Refuse>
  void leave_office(Refuse&& refuse) {
    for (const Remote& remote : take_remote()) refuse(remote.peer, remote.request);
    rounds_to_fresh();
  }

  // ---- any other member

  /// Requests to the leader of `term` that are due now.
  [[nodiscard]] std::vector<ReadIndexRequest> take_requests(Peer leader, Term term);
  /// An answer, however late: the id says which reads it is for.
  void receive(const ReadIndexReply& reply, Effects& out);
  /// This node became the leader: what it had asked others goes through rounds of its own.
  void take_office();
  /// Requests without an answer are due again.
  void ask_again();
  [[nodiscard]] bool awaits_answer() const { return !asked_.empty(); }

 private:
  struct Remote {
    Peer peer;
    std::uint64_t request;
    friend bool operator==(const Remote&, const Remote&) = default;
  };
  struct Round {
    std::uint64_t number;
    LogIndex index;
    std::vector<ReadId> own;
    std::vector<Remote> remote;
  };
  struct Asked {
    std::uint64_t id;
    std::vector<ReadId> reads;
    std::optional<Peer> leader;  // whom, in which term; empty: due again
    Term term;
  };

  [[nodiscard]] std::vector<Remote> take_remote();
  void rounds_to_fresh();

  std::vector<ReadId> fresh_;
  std::vector<Remote> fresh_remote_;
  std::deque<Round> rounds_;
  std::deque<Asked> asked_;
  std::uint64_t last_request_ = 0;
};

}  // namespace causeway::consensus
