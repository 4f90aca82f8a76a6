// Dispatches: each call to the parts that it concerns, in an order in which each sees what the one
// before decided.
#include "consensus/raft.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "consensus/binding.hpp"
#include "consensus/election.hpp"
#include "consensus/follower.hpp"
#include "consensus/forwarding.hpp"
#include "consensus/raft_state.hpp"
#include "consensus/replication.hpp"
#include "consensus/transfer.hpp"

namespace causeway::consensus {
namespace {

constexpr std::uint64_t kStartMax = UINT64_MAX / 2;

}  // namespace

Raft::Raft(Options options, Recovered recovered, Random random, const Now& now)
    : state_(std::make_unique<RaftState>(std::move(options), std::move(recovered), random, now)) {}
Raft::~Raft() = default;
Raft::Raft(Raft&&) noexcept = default;
Raft& Raft::operator=(Raft&&) noexcept = default;

void Raft::count_start(const Now& now, std::uint64_t known, Effects& out) {
  state_->now = now;
  consensus::count_start(*state_, out, known);
}

void Raft::start_is_old(const Now& now, std::uint64_t known, Effects& out) {
  if (known > kStartMax) return;  // nobody starts that often
  state_->now = now;
  bar_self(*state_, out, known);
}

std::optional<std::uint64_t> Raft::start_number() const {
  const RaftState& state = *state_;
  const bool durable =
      state.start_ticket != 0 && state.disk.holds_hard_state_of(state.start_ticket);
  return durable ? std::optional(state.hard.start) : std::nullopt;
}

bool Raft::barred() const { return state_->hard.barred == state_->options.origin; }

void Raft::tick(const Now& now, Effects& out) {
  RaftState& state = *state_;
  state.now = now;
  if (state.phase == Phase::leader) {
    transfer_tick(state);
    leader_tick(state, out);
  } else {
    election_tick(state, out);
    retry_tick(state);
  }
}

Instant Raft::next_deadline() const {
  const RaftState& state = *state_;
  if (state.phase == Phase::leader) return leader_deadline(state);
  return std::min(election_deadline(state), state.retry_at);
}

void Raft::peer_up(const Now& now, Peer peer, Origin origin, Incarnation incarnation,
                   Effects& out) {
  RaftState& state = *state_;
  CAUSEWAY_CHECK(peer < state.links.size() && peer != state.self);
  CAUSEWAY_CHECK(origin != Origin{});
  state.now = now;
  Link& link = state.links[peer];
  const bool restarted = link.incarnation != incarnation || link.origin != origin;
  if (link.origin != origin) link.wall.reset();
  link.up = true;
  link.origin = origin;
  link.incarnation = incarnation;
  link.barred = false;
  if (state.phase == Phase::leader) {
    if (restarted) state.leading.ledgers[peer] = {};
    meet_follower(state, peer);
  } else if (state.leader == peer) {
    leader_connected(state);
  } else {
    request_vote(state, out, peer);
  }
}

void Raft::peer_down(const Now& now, Peer peer, Effects& /*out*/) {
  RaftState& state = *state_;
  CAUSEWAY_CHECK(peer < state.links.size() && peer != state.self);
  state.now = now;
  state.links[peer].up = false;
  if (state.phase == Phase::leader) lose_follower(state, peer);
}

void Raft::peer_is_barred(Peer peer) {
  CAUSEWAY_CHECK(peer < state_->links.size() && peer != state_->self);
  RaftState& state = *state_;
  state.links[peer].barred = true;
  if (peer < state.candidacy.granted.size()) state.candidacy.granted[peer] = {};
}

void Raft::receive(const Now& now, Peer from, Message message, Effects& out) {
  RaftState& state = *state_;
  CAUSEWAY_CHECK(from < state.links.size() && from != state.self);
  state.now = now;
  Link& link = state.links[from];
  if (link.origin == Origin{}) return;  // nobody knows which directory speaks
  link.heard = now.mono;
  std::visit(
      [&](auto&& content) {
        consensus::receive(state, out, from, std::forward<decltype(content)>(content));
      },
      std::move(message));
}

void Raft::durable(const Now& now, std::uint64_t ticket, Effects& out) {
  RaftState& state = *state_;
  state.now = now;
  const bool known = state.disk.confirmed(ticket);
  CAUSEWAY_CHECK(known);
  own_vote_durable(state, out);
  if (state.phase == Phase::leader) {
    advance_commit(state);
  } else {
    acknowledge_durable(state, out);
  }
}

// Term and vote rest on no entry: a vote compares with a log that is at least as long as what this
// node has acknowledged, and acknowledgements and commitment go by the durable index.
void Raft::hard_state_durable(const Now& now, std::uint64_t ticket, Effects& out) {
  RaftState& state = *state_;
  state.now = now;
  const bool known = state.disk.hard_state_confirmed(ticket);
  CAUSEWAY_CHECK(known);
  own_vote_durable(state, out);
}

void Raft::fetched(const Now& now, Peer peer, LogIndex from, std::vector<Entry> entries,
                   Effects& out) {
  RaftState& state = *state_;
  CAUSEWAY_CHECK(peer < state.links.size() && peer != state.self);
  state.now = now;
  consensus::fetched(state, out, peer, from, std::move(entries));
}

void Raft::propose(const Now& now, ProposalId id, Blob payload, std::optional<Instant> deadline,
                   Effects& out) {
  state_->now = now;
  if (!state_->proposals.add(id, std::move(payload), deadline)) {
    out.dropped.push_back({id, Dropped::exhausted});
  }
}

void Raft::withdraw(const Now& now, ProposalId id, Effects& out) {
  state_->now = now;
  state_->proposals.withdraw(id, out);
}

bool Raft::may_be_in_log(ProposalId id) const { return state_->proposals.may_be_in_log(id); }

void Raft::resolved(ProposalId id) { state_->proposals.resolved(id); }

void Raft::applied(const Now& now, LogIndex index, Term term, Effects& out) {
  RaftState& state = *state_;
  state.now = now;
  CAUSEWAY_CHECK(index <= apply_index());
  state.proposals.applied(term, out);
}

void Raft::read(const Now& now, ReadId id, Effects& /*out*/) {
  state_->now = now;
  state_->reads.add(id);
}

void Raft::cancel_read(ReadId id) { state_->reads.cancel(id); }

bool Raft::transfer_leadership(const Now& now, Effects& /*out*/) {
  state_->now = now;
  return start_transfer(*state_);
}

void Raft::flush(const Now& now, Effects& out) {
  RaftState& state = *state_;
  state.now = now;
  if (state.phase != Phase::leader) return send_to_leader(state, out);
  if (!state.leading.transfer) {
    bind_new_contacts(state, out);
    bar_confessed(state, out);
  }
  append_waiting_proposals(state, out);
  start_read_round(state, out);
  replicate(state, out);
  advance_transfer(state, out);
  answer_forwards(state, out);
}

Role Raft::role() const {
  if (state_->phase == Phase::leader) return Role::leader;
  if (is_quarantined(*state_) || !is_voter(*state_, state_->self)) return Role::learner;
  return state_->phase == Phase::follower ? Role::follower : Role::candidate;
}

Term Raft::term() const { return state_->hard.term; }

std::optional<Peer> Raft::leader() const { return state_->leader; }

LogIndex Raft::commit_index() const { return state_->commit_index; }

LogIndex Raft::apply_index() const {
  return std::min(state_->commit_index, state_->disk.durable_index());
}

const LogView& Raft::log() const { return state_->log; }

void Raft::evict_applied(LogIndex index) {
  state_->log.evict(std::min(index, apply_index()), state_->options.cache_bytes_max);
}

const Configuration& Raft::configuration() const { return configuration_of(*state_); }

bool Raft::formed() const { return state_->commit_index.value != 0; }

bool Raft::quarantined() const { return is_quarantined(*state_); }

bool Raft::quarantined(Peer peer) const {
  const RaftState& state = *state_;
  CAUSEWAY_CHECK(peer < state.links.size());
  if (peer == state.self) return is_quarantined(state);
  // Who has shown nothing yet may be whom the name is bound to, unless nobody can be.
  const bool known =
      state.links[peer].origin != Origin{} || configuration_of(state).members[peer].barred;
  return known && is_impostor(state, peer);
}

std::vector<MemberStatus> Raft::members(const Now& now) const {
  const RaftState& state = *state_;
  std::vector<MemberStatus> members;
  std::uint64_t reachable = reachable_members(state, now.mono);
  // Followers do not talk to each other: their leader knows.
  if (state.phase != Phase::leader && majority_reachable(now))
    reachable |= state.following.reachable;
  for (Peer peer = 0; peer < state.links.size(); ++peer) {
    const Member& member = configuration_of(state).members[peer];
    if (peer == state.self) {
      const bool counted = is_voter(state, peer) && is_bound(state, peer, state.options.origin) &&
                           !is_quarantined(state);
      members.push_back({.member = member, .reachable = true, .counted = counted});
      continue;
    }
    MemberStatus status{.member = member, .counted = is_counted(state, peer)};
    status.reachable = ((reachable >> peer) & 1) != 0;
    if (state.phase == Phase::leader) {
      const Progress& progress = state.leading.progress[peer];
      status.behind = state.log.last().index.value - progress.match.value;
    }
    members.push_back(std::move(status));
  }
  return members;
}

bool Raft::majority_reachable(const Now& now) const {
  const auto word = last_word(now);
  const bool knows_leader = state_->leader.has_value();
  return knows_leader && word && now.mono - *word < state_->options.election_timeout;
}

std::optional<Instant> Raft::last_word(const Now& now) const {
  const RaftState& state = *state_;
  if (state.phase != Phase::leader) return state.following.word;
  return voters_of(state) == 1 ? now.mono : word_of_majority(state);
}

std::optional<Stamp> Raft::log_time_now(const Now& now) const {
  const RaftState& state = *state_;
  if (state.phase == Phase::leader) {
    return std::max(state.clock.read(now.mono), state.log.last().log_time);
  }
  if (!state.heard_log_time) return std::nullopt;
  return later(state.heard_log_time->log_time, now.boot - state.heard_log_time->at);
}

}  // namespace causeway::consensus
