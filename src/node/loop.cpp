#include "node/loop.hpp"

#include <algorithm>
#include <utility>

#include "node/answers.hpp"
#include "node/loop_state.hpp"

namespace causeway::node {

void Effects::clear() { *this = Effects(); }

Loop::Loop(Options options, Recovered recovered, kv::AppliedPosition applied, Stamp greatest_stamp,
           Random random, const Now& now)
    : state_(std::make_unique<State>(std::move(options), std::move(recovered), applied,
                                     greatest_stamp, random, now)) {}
Loop::~Loop() = default;
Loop::Loop(Loop&&) noexcept = default;
Loop& Loop::operator=(Loop&&) noexcept = default;

std::vector<std::pair<consensus::Peer, std::string>> Loop::peers_to_dial() const {
  std::vector<std::pair<consensus::Peer, std::string>> peers;
  consensus::Peer number = 0;
  for (const auto& [name, address] : state_->core.options.voters) {
    if (name != state_->core.options.name) peers.emplace_back(number, address);
    ++number;
  }
  return peers;
}

std::optional<std::uint64_t> Loop::pending() const {
  const Core& core = state_->core;
  return core.phase == Phase::serving ? std::optional(core.journal.count()) : std::nullopt;
}

Instant Loop::next_deadline() const {
  const State& state = *state_;
  return std::min({state.core.raft.next_deadline(), state.writes.next_deadline(),
                   state.reads.next_deadline(), state.inquiries.next_deadline(),
                   state.settling.next_deadline(), state.raft_disk.next_deadline(),
                   state.journal_disk.next_deadline(), state.start_at, state.stop_by});
}

void Loop::step(const Now& now, Input input, Effects& out) {
  Turn turn{now, state_->core, out};
  std::visit([&](auto& known) { state_->on(turn, known); }, input);
  state_->pass_on_gate(turn);
}

void Loop::flush(const Now& now, Effects& out) {
  State& state = *state_;
  Turn turn{now, state.core, out};
  state.follow_clock(turn);
  if (state.peers.follow_start(turn) && state.start_proposal == 0) state.propose_start(turn);
  do {  // what raft drops may be proposed again at once: round until nothing is left
    state.offline.run(turn);
    state.settling.run(turn, state.writes, state.offline.empty());
    state.reads.begin_group(turn);
    state.core.raft.flush(now, state.core.raft_out);
  } while (state.pass_on_raft(turn));
  state.raft_disk.carry_out(turn);
  state.raft_disk.feed_applier(turn);
  state.reads.given(turn, state.raft_disk.given());
  state.settling.given(turn);
  state.journal_disk.flush(turn);
  state.settling.replaced(state.offline.take_replaced());
  state.notices.tell(turn);
  if (state.settling.take_decided()) state.inquiries.decided(turn);
  if (state.writes.take_outcomes_changed()) state.inquiries.applied(turn);
  state.continue_recovery(turn);
  state.continue_stop(turn);
  state.peers.keep_sendable(out.messages);
}

// ---- calls

void Loop::State::on(Turn& turn, CallArrived& input) {
  const auto answer = [&](wire::Reply reply) {
    turn.out.answers.push_back({input.handle, std::move(reply)});
  };
  if (core.phase == Phase::recovering)
    return answer(refuse(Errc::unavailable, "this node is starting: ask again in a moment"));
  if (core.phase == Phase::stopping)
    return answer(refuse(Errc::unavailable, "this node is stopping: ask another"));
  if (auto refused = unusable(core.options.limits, input.call)) return answer(std::move(*refused));
  if (auto* get = std::get_if<wire::GetCall>(&input.call))
    return reads.arrive(turn, input.handle, std::move(*get));
  if (auto* write = std::get_if<wire::WriteCall>(&input.call)) {
    if (write->consistent) return writes.arrive(turn, input.handle, std::move(*write));
    if (settling.moving()) {
      return answer(
          refuse(Errc::unavailable,
                 "this data directory is a copy and takes a new origin: ask again in a moment"));
    }
    return offline.arrive(turn, input.handle, std::move(*write));
  }
  if (auto* await = std::get_if<wire::AwaitCall>(&input.call))
    return inquiries.arrive(turn, input.handle, std::move(*await));
  if (auto* outcome = std::get_if<wire::OutcomeCall>(&input.call))
    return inquiries.arrive(turn, input.handle, std::move(*outcome));
  if (auto* pending = std::get_if<wire::PendingCall>(&input.call))
    return inquiries.arrive(turn, input.handle, *pending);
  if (auto* conflicts = std::get_if<wire::ConflictsCall>(&input.call))
    return inquiries.arrive(turn, input.handle, *conflicts);
  inquiries.arrive(turn, input.handle, std::get<wire::StatusCall>(input.call));
}

void Loop::State::on(Turn& turn, ConnectionClosed& input) {
  admission.connection_closed(input.connection);
  reads.connection_closed(turn, input.connection);
  writes.connection_closed(turn, input.connection);
  inquiries.connection_closed(turn, input.connection);
}

// The number of this start is not known before the state was read, so peers wait until then.
void Loop::State::on(Turn& turn, PeerDialled& input) {
  if (core.phase == Phase::recovering) {
    turn.out.drop_peers.push_back({input.peer, "this node is starting"});
  } else {
    peers.dialled(turn, input.peer);
  }
}

void Loop::State::on(Turn& turn, LinkHello& input) {
  if (core.phase == Phase::recovering) {
    turn.out.drop_links.push_back({input.link, "this node is starting"});
  } else {
    peers.hello(turn, input.link, input.hello);
  }
}

void Loop::State::pass_on_gate(Turn& turn) {
  for (const std::uint64_t waiter : gate.take_released()) {
    if (asker_of(waiter) == Asker::writes) {
      writes.released(turn, number_of(waiter));
    } else {
      reads.released(number_of(waiter));
    }
  }
}

}  // namespace causeway::node
