// The proposals of this node on their way into the log, in the order in which they were made
// (design 3.4).
//
// A proposal waits until there is a leader. If that is another node, it gets the next counter of
// this term and is forwarded; the leader appends in counter order. From then on it may stand in a
// log, and must not be sent in a later term: it could happen twice. It ends in one of three ways:
// its owner sees it applied (`resolved`), the leader refuses it for good, or an entry of a later
// term is applied, and since terms never fall along the log it will never be in it (`lost`).
//
//   waiting --forwarded--> sent (counter) --ForwardReply--> answered: in that leader's log
//      |                        |                               |
//   withdrawn              refused                     resolved, or lost by a later term
//
// Messages may be lost. The leader's answers say what it would take next; what it has not answered
// is sent again after a reconnection, after a pause, or at once when an answer shows a gap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/blob.hpp"
#include "base/time.hpp"
#include "consensus/message.hpp"
#include "consensus/raft.hpp"
#include <causeway/types.hpp>

namespace causeway::consensus {

/// Invariants: every sent proposal was made before every waiting one; counters of a term are
/// consecutive from 1; at most `open_max` proposals are open.
class ProposalQueue {
 public:
  ProposalQueue(std::size_t open_max, Incarnation incarnation)
      : open_max_(open_max), incarnation_(incarnation) {}

  /// False when the queue is full. `id` is not open.
  [[nodiscard]] bool add(ProposalId id, Blob payload, std::optional<Instant> deadline);
  void withdraw(ProposalId id, Effects& out);
  [[nodiscard]] bool may_be_in_log(ProposalId id) const;
  void resolved(ProposalId id);
  /// An entry of `term` was applied: what was sent in an earlier term and is still open is lost.
  void applied(Term term, Effects& out);

  /// The oldest waiting proposal, for a leader: `append_front` says that it is in the log of
  /// `term`, `drop_front` that it never will be.
  [[nodiscard]] const Blob* front() const;
  [[nodiscard]] Blob append_front(Term term);
  void drop_front(Dropped why, Effects& out);

  struct Window {
    Term term;  ///< the present one
    Instant now;
    std::size_t batch_bytes_max;
    std::size_t inflight_bytes_max;  ///< payload bytes without the leader's answer
  };
  /// What to send to the leader of `window.term` now.
  [[nodiscard]] std::vector<Message> take_messages(const Window& window);
  /// The present leader's answer in `term`. Nonsense is ignored.
  void receive(Term term, const ForwardReply& reply, Effects& out);
  /// What is unanswered goes out again with the next messages: all of it after a reconnection, a
  /// batch after a pause.
  void send_again_all();
  void send_again_some();
  /// Something was sent in `term` and has no answer yet.
  [[nodiscard]] bool awaits_answer(Term term) const;

 private:
  struct Waiting {
    ProposalId id;
    Blob payload;
    std::optional<Instant> deadline;
    bool open = true;
  };
  struct Sent {
    ProposalId id;
    Term term;
    Blob payload;  // kept until answered
    std::optional<Instant> deadline;
    bool open = true;
    bool withdraw = false;  // asked for
  };
  // Where an open proposal stands: a position counted since the start in one of the two queues.
  struct Place {
    bool sent;
    std::uint64_t position;
  };

  [[nodiscard]] Sent& at_counter(std::uint64_t counter);
  [[nodiscard]] std::uint64_t counters_end() const;
  void enter_term(Term term);
  void give_counters(const Window& window);
  [[nodiscard]] Forward make_forward(std::uint64_t from, const Window& window);
  void drop(Sent& sent, Dropped why, Effects& out);
  void trim();

  std::size_t open_max_;
  Incarnation incarnation_;
  std::deque<Waiting> waiting_;
  std::deque<Sent> sent_;
  std::uint64_t waiting_base_ = 0;  // position of waiting_.front()
  std::uint64_t sent_base_ = 0;
  std::unordered_map<ProposalId, Place> places_;  // never iterated

  // The counters of term_, the newest in which something was sent or appended. Counter 1 stands at
  // position first_.
  Term term_;
  bool appended_here_ = false;  // this node was its leader: there are no counters
  std::uint64_t first_ = 0;
  std::uint64_t answered_ = 1;     // lowest counter without an answer
  std::uint64_t cursor_ = 1;       // next counter to send
  std::uint64_t gap_sent_at_ = 0;  // answered_ when a gap was last filled
  std::size_t unanswered_bytes_ = 0;
  bool again_some_ = false;
  bool withdrawals_due_ = false;
};

}  // namespace causeway::consensus
