#include "consensus/raft_state.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/check.hpp"
#include "consensus/quorum.hpp"

namespace causeway::consensus {
namespace {

// The hard state stands in the same log in front of the entries of its term, so it cannot be older
// than they are. Should it be lost all the same, the vote of that term counts as given: to nobody
// else.
HardState not_below(HardState hard, const LogPosition& last, const Options& options) {
  if (hard.term >= last.term) return hard;
  hard.term = last.term;
  hard.voted_for = options.name;
  hard.voted_origin = options.origin;
  return hard;
}

Configuration unbound(const std::vector<std::string>& names) {
  Configuration configuration;
  for (const std::string& name : names)
    configuration.members.push_back({.name = name, .origin = {}});
  return configuration;
}

void open_ticket(RaftState& state, Effects& out) {
  if (out.ticket == 0) out.ticket = state.disk.open(state.now.mono);
}

}  // namespace

RaftState::RaftState(Options given, Recovered recovered, Random seeded, const Now& at)
    : options(std::move(given)),
      random(seeded),
      now(at),
      hard(not_below(std::move(recovered.hard_state), recovered.log.last(), options)),
      log(std::move(recovered.log)),
      disk(log.last().index),
      commit_index(std::min(recovered.commit_index, log.last().index)),
      unformed(unbound(options.voters)),
      proposals(options.proposals_max, options.incarnation) {
  CAUSEWAY_CHECK(!options.voters.empty());
  CAUSEWAY_CHECK(options.voters.size() <= kVotersMax);
  CAUSEWAY_CHECK(std::ranges::is_sorted(options.voters));
  CAUSEWAY_CHECK(options.origin != Origin{});
  const auto own = std::ranges::find(options.voters, options.name);
  CAUSEWAY_CHECK(own != options.voters.end());
  self = static_cast<Peer>(own - options.voters.begin());
  CAUSEWAY_CHECK(configuration_of(*this).members.size() == options.voters.size());
  links.resize(options.voters.size());
  following.checked = commit_index;
  if (log.last().index.value != 0) clock.follow(log.last().log_time, now.mono);
  log.evict(commit_index, options.cache_bytes_max);
  // Alone there is nobody to wait for.
  election_at = now.mono + (links.size() == 1 ? Duration{0} : draw_election_timeout(*this));
}

std::size_t voters_of(const RaftState& state) {
  return static_cast<std::size_t>(
      std::ranges::count(configuration_of(state).members, MemberRole::voter, &Member::role));
}

bool is_counted(const RaftState& state, Peer peer) {
  const Link& link = state.links[peer];
  return is_voter(state, peer) && !link.barred && is_bound(state, peer, link.origin);
}

bool is_impostor(const RaftState& state, Peer peer) {
  const Link& link = state.links[peer];
  if (link.barred) return true;
  return binding_of(state, peer) != Origin{} && !is_bound(state, peer, link.origin);
}

// A wiped voter has forgotten its vote and would vote twice in a term. While the cluster forms that
// is a documented limit; later an unbound name has to be bound first, by the leader.
bool vote_counts(const RaftState& state, Peer peer) {
  if (is_counted(state, peer)) return true;
  const bool unbound = binding_of(state, peer) == Origin{} && !state.links[peer].barred;
  return is_voter(state, peer) && unbound && state.commit_index.value == 0;
}

bool is_quarantined(const RaftState& state) {
  if (state.hard.barred == state.options.origin) return true;
  return binding_of(state, state.self) != Origin{} &&
         !is_bound(state, state.self, state.options.origin);
}

bool disk_is_stuck(const RaftState& state) {
  const auto since = state.disk.waiting_since();
  return since && state.now.mono - *since >= state.options.election_timeout;
}

void send(RaftState& state, Effects& out, Peer to, Message message) {
  if (!state.links[to].up) return;
  out.messages.push_back({to, std::move(message)});
}

void send_when_term_durable(RaftState& state, Effects& out, Peer to, Message message) {
  if (!state.links[to].up) return;
  if (state.disk.hard_state_durable()) {
    out.messages.push_back({to, std::move(message)});
    return;
  }
  out.after_sync.push_back({to, std::move(message)});
  out.after_ticket = state.disk.hard_state_ticket();
}

void write_hard_state(RaftState& state, Effects& out) {
  open_ticket(state, out);
  state.disk.hard_state_written();
  out.records.emplace_back(state.hard);
}

void write_vote(RaftState& state, Effects& out, Term term, std::string name, Origin origin) {
  state.hard.term = term;
  state.hard.voted_for = std::move(name);
  state.hard.voted_origin = origin;
  write_hard_state(state, out);
}

void write_entry(RaftState& state, Effects& out, Entry entry) {
  if (entry.index <= state.log.last().index) {
    CAUSEWAY_CHECK(entry.index > state.commit_index);
    state.disk.truncated(entry.index.previous());
  }
  open_ticket(state, out);
  state.disk.entries_written(entry.index);
  out.records.emplace_back(entry);
  state.log.append(std::move(entry));
}

void append_as_leader(RaftState& state, Effects& out, EntryKind kind, Blob payload) {
  const LogPosition last = state.log.last();
  if (last.index.value == 0) {
    const WallTime wall =
        std::max(median_wall(state).value_or(WallTime{}), state.options.build_date);
    state.clock.follow(Stamp::from_wall_ms(wall.ms), state.now.mono);
  }
  Entry entry{.index = last.index.next(),
              .term = state.hard.term,
              .log_time = state.clock.stamp_behind(last.log_time, state.now.mono),
              .kind = kind,
              .payload = std::move(payload)};
  entry.hash = running_hash(last.hash, entry);
  state.leading.uncommitted_bytes += cost_of(entry);
  write_entry(state, out, std::move(entry));
}

std::optional<WallTime> median_wall(const RaftState& state) {
  std::array<std::uint64_t, kVotersMax> walls;
  std::size_t count = 0;
  const auto add = [&](WallTime wall) {
    if (wall < state.options.build_date || wall.ms > kLogTimeMsMax) return;
    walls[count++] = wall.ms;
  };
  if (is_voter(state, state.self)) add(state.now.wall);
  for (Peer peer = 0; peer < state.links.size(); ++peer) {
    const Link& link = state.links[peer];
    if (peer == state.self || !link.wall || !is_voter(state, peer)) continue;
    if (state.now.mono - link.wall_at > state.options.election_timeout) continue;
    add(*link.wall);
  }
  const std::size_t voters = voters_of(state);
  if (count < majority_of(voters)) return std::nullopt;
  return WallTime{lower_median(std::span(walls.data(), count), voters)};
}

void report_wall(RaftState& state, Peer from, WallTime wall) {
  if (!vote_counts(state, from)) return;
  state.links[from].wall = wall;
  state.links[from].wall_at = state.now.mono;
}

void follow_median(RaftState& state) {
  if (const auto median = median_wall(state)) state.clock.pull_forward(*median, state.now.mono);
}

std::uint64_t reachable_members(const RaftState& state, Instant now) {
  std::uint64_t members = 0;
  for (Peer peer = 0; peer < state.links.size(); ++peer) {
    const std::optional<Instant>& heard = state.links[peer].heard;
    const bool hears = heard && now - *heard < state.options.election_timeout;
    if (peer == state.self || hears) members |= std::uint64_t{1} << peer;
  }
  return members;
}

Stamp leader_log_time(RaftState& state) {
  follow_median(state);
  const Stamp log_time = std::max(state.clock.read(state.now.mono), state.log.last().log_time);
  state.heard_log_time = {log_time, state.now.boot};
  return log_time;
}

Duration draw_election_timeout(RaftState& state) {
  const auto least = static_cast<std::uint64_t>(state.options.election_timeout.count());
  return Duration(static_cast<Duration::rep>(state.random.between(least, 2 * least - 1)));
}

}  // namespace causeway::consensus
