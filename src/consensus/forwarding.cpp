#include "consensus/forwarding.hpp"

#include <algorithm>
#include <utility>

#include "consensus/replication.hpp"

namespace causeway::consensus {
namespace {

constexpr std::uint64_t kCounterMax = UINT64_MAX / 2;  // more than can be counted to

// One proposal larger than the limit passes when nothing else waits, or it could never pass.
bool over_limit(const RaftState& state, std::size_t payload_bytes) {
  const std::size_t uncommitted = state.leading.uncommitted_bytes;
  return uncommitted != 0 &&
         uncommitted + payload_bytes + kEntryOverheadBytes > state.options.uncommitted_bytes_max;
}

/// The leader of `term` is this node, and `incarnation` speaks on the present connection.
bool is_for_this_leader(const RaftState& state, Peer from, Term term, Incarnation incarnation) {
  if (state.phase != Phase::leader || term != state.hard.term) return false;
  return incarnation == state.links[from].incarnation;
}

enum class Verdict : std::uint8_t { append, refuse_late, refuse_limit };

Verdict judge(const RaftState& state, const Forward::Item& item, bool has_word) {
  if (item.budget_ms != 0 && !has_word) return Verdict::refuse_late;
  return over_limit(state, item.payload.size()) ? Verdict::refuse_limit : Verdict::append;
}

// Decides the ledger's next counter. False: not now.
bool decide(RaftState& state, Effects& out, ForwardLedger& ledger, Forward::Item& item,
            bool has_word) {
  if (!ledger.refused(ledger.next())) {
    switch (judge(state, item, has_word)) {
      case Verdict::append:
        append_as_leader(state, out, EntryKind::command, std::move(item.payload));
        break;
      case Verdict::refuse_late:
        if (!ledger.refuse(ledger.next(), ForwardLedger::Why::withdrawn)) return false;
        break;
      case Verdict::refuse_limit:
        if (!ledger.refuse(ledger.next(), ForwardLedger::Why::limit)) return false;
        break;
    }
  }
  ledger.advance();
  return true;
}

bool awaits_answer(const RaftState& state) {
  if (state.phase != Phase::follower || !state.leader) return false;
  return state.proposals.awaits_answer(state.hard.term) || state.reads.awaits_answer();
}

}  // namespace

void append_waiting_proposals(RaftState& state, Effects& out) {
  if (state.proposals.front() == nullptr) return;
  if (state.leading.transfer || !has_word_of_majority(state)) return;  // they wait
  follow_median(state);
  while (const Blob* payload = state.proposals.front()) {
    if (over_limit(state, payload->size())) {
      state.proposals.drop_front(Dropped::exhausted, out);
    } else {
      append_as_leader(state, out, EntryKind::command,
                       state.proposals.append_front(state.hard.term));
    }
  }
}

void answer_forwards(RaftState& state, Effects& out) {
  for (Peer peer = 0; peer < state.leading.ledgers.size(); ++peer) {
    ForwardLedger& ledger = state.leading.ledgers[peer];
    if (!std::exchange(ledger.reply_due, false)) continue;
    send(state, out, peer, ledger.reply(state.hard.term, state.links[peer].incarnation));
  }
}

void invite_forwards(RaftState& state) {
  for (ForwardLedger& ledger : state.leading.ledgers) ledger.reply_due = true;
}

void send_to_leader(RaftState& state, Effects& out) {
  if (state.phase != Phase::follower || !state.leader || !state.links[*state.leader].up) return;
  const ProposalQueue::Window window{.term = state.hard.term,
                                     .now = state.now.mono,
                                     .batch_bytes_max = state.options.batch_bytes_max,
                                     .inflight_bytes_max = state.options.inflight_bytes_max};
  for (Message& message : state.proposals.take_messages(window)) {
    send(state, out, *state.leader, std::move(message));
  }
  for (const ReadIndexRequest& request :
       state.reads.take_requests(*state.leader, state.hard.term)) {
    send(state, out, *state.leader, request);
  }
  if (!awaits_answer(state)) {
    state.retry_at = Instant::never();
  } else if (state.retry_at == Instant::never()) {
    state.retry_at = state.now.mono + state.options.heartbeat_interval;
  }
}

void retry_tick(RaftState& state) {
  if (state.now.mono < state.retry_at) return;
  state.retry_at = Instant::never();  // until the next flush
  state.proposals.send_again_some();
  state.reads.ask_again();
}

void leader_connected(RaftState& state) {
  state.proposals.send_again_all();
  state.reads.ask_again();
}

void receive(RaftState& state, Effects& out, Peer from, Forward&& forward) {
  if (!is_for_this_leader(state, from, forward.term, forward.incarnation)) return;
  if (forward.first_counter == 0 || forward.first_counter > kCounterMax) return;
  if (state.leading.transfer) return;
  ForwardLedger& ledger = state.leading.ledgers[from];
  ledger.forget_below(forward.lowest_open);
  ledger.reply_due = true;  // also tells of a gap
  follow_median(state);
  const bool has_word = has_word_of_majority(state);
  std::uint64_t counter = forward.first_counter;
  for (Forward::Item& item : forward.items) {
    if (counter > ledger.next()) return;
    if (counter++ < ledger.next()) continue;
    if (!decide(state, out, ledger, item, has_word)) return;
  }
}

void receive(RaftState& state, Effects& /*out*/, Peer from, const Withdraw& withdraw) {
  if (!is_for_this_leader(state, from, withdraw.term, withdraw.incarnation)) return;
  if (withdraw.counter == 0 || withdraw.counter > kCounterMax) return;
  ForwardLedger& ledger = state.leading.ledgers[from];
  ledger.reply_due = true;
  if (withdraw.counter < ledger.next()) return;
  // With too many refusals it is asked again later.
  static_cast<void>(ledger.refuse(withdraw.counter, ForwardLedger::Why::withdrawn));
}

void receive(RaftState& state, Effects& out, Peer from, const ForwardReply& reply) {
  if (state.phase != Phase::follower || state.leader != from) return;
  state.proposals.receive(state.hard.term, reply, out);
}

void receive(RaftState& state, Effects& out, Peer from, const ReadIndexRequest& request) {
  const bool leads = state.phase == Phase::leader && request.term == state.hard.term;
  if (leads && state.reads.add_remote(from, request.id)) return;
  send(state, out, from, ReadIndexReply{.term = request.term, .id = request.id, .index = {}});
}

void receive(RaftState& state, Effects& out, Peer /*from*/, const ReadIndexReply& reply) {
  state.reads.receive(reply, out);
}

}  // namespace causeway::consensus
