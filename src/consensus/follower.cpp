#include "consensus/follower.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "consensus/binding.hpp"
#include "consensus/roles.hpp"

namespace causeway::consensus {
namespace {

LogIndex end_of(const AppendEntries& message) {
  return {message.prev_log_index.value + message.entries.size()};
}

// A configuration must name the members that this node was started with: their order is the peers'
// numbers.
bool is_configuration_of(const RaftState& state, const Entry& entry) {
  const auto decoded = Configuration::decode(entry.payload.view());
  if (!decoded) return false;
  return std::ranges::equal(decoded.value().members, state.options.voters, {}, &Member::name);
}

// Consecutive, terms and log time as they must be along a log, hashes as the entries' bytes give
// them.
bool is_well_formed(const RaftState& state, const AppendEntries& message) {
  if (message.prev_log_index.value > UINT64_MAX / 2 || message.prev_log_term > message.term) {
    return false;
  }
  LogPosition before{message.prev_log_index, message.prev_log_term, {}, message.prev_log_hash};
  for (const Entry& entry : message.entries) {
    if (entry.index != before.index.next()) return false;
    if (entry.term < before.term || entry.term > message.term) return false;
    if (entry.log_time <= before.log_time || entry.log_time.wall_ms() > kLogTimeMsMax) return false;
    if (entry.hash != running_hash(before.hash, entry)) return false;
    switch (entry.kind) {
      case EntryKind::command: break;
      case EntryKind::configuration:
        if (!is_configuration_of(state, entry)) return false;
        break;
      default: return false;
    }
    before = {entry.index, entry.term, entry.log_time, entry.hash};
  }
  return true;
}

void report_corrupt(RaftState& state, Effects& out, LogIndex index, const char* what) {
  if (!out.corrupt.empty()) return;
  out.corrupt = "log entry " + std::to_string(index.value) + " of this node (" +
                state.options.name + ") and of the leader of term " +
                std::to_string(state.hard.term.value) + " " + what;
}

void refuse(RaftState& state, Effects& out, Peer to, const AppendEntries& message,
            Term conflict_term, LogIndex conflict_index) {
  AppendEntriesReply reply{.term = state.hard.term,
                           .match_index = {},
                           .conflict_term = conflict_term,
                           .conflict_index = conflict_index,
                           .round = message.round,
                           .wall = state.now.wall};
  send_when_term_durable(state, out, to, reply);
}

LogIndex match_of(const RaftState& state) {
  return std::min(state.following.checked, state.disk.durable_index());
}

void acknowledge(RaftState& state, Effects& out, std::uint64_t round) {
  state.following.acknowledged = match_of(state);
  AppendEntriesReply reply{.term = state.hard.term,
                           .accepted = true,
                           .match_index = match_of(state),
                           .conflict_term = {},
                           .conflict_index = {},
                           .round = round,
                           .wall = state.now.wall};
  send_when_term_durable(state, out, *state.leader, reply);
}

// A leader streams on from where the logs fit. A disk that is full for days meets many leaders, and
// each would add a window to what waits in memory; so each begins behind what is durable here.
LogIndex streams_from_at_most(const RaftState& state) {
  if (!disk_is_stuck(state)) return state.log.last().index;
  return std::max(state.following.fitted, state.disk.durable_index());
}

/// What the message's first position and this log say of each other.
enum class Fit : std::uint8_t { fits, conflicts, corrupt };

Fit fit_previous(RaftState& state, Effects& out, const AppendEntries& message) {
  const LogIndex index = message.prev_log_index;
  const auto term = state.log.term_of(index);
  if (!term || index > streams_from_at_most(state)) return Fit::conflicts;
  if (*term != message.prev_log_term) {
    if (index > state.commit_index) return Fit::conflicts;
    report_corrupt(state, out, index, "differ in term though it was committed");
    return Fit::corrupt;
  }
  const auto position = state.log.position(index);
  if (position && position->hash != message.prev_log_hash) {
    report_corrupt(state, out, index, "agree in term but their histories differ");
    return Fit::corrupt;
  }
  return Fit::fits;
}

// Behind what the message says stands before it, and only there.
bool append(RaftState& state, Effects& out, Entry entry, std::uint64_t hash_before) {
  const LogPosition before = *state.log.position(entry.index.previous());
  if (before.hash != hash_before) {
    report_corrupt(state, out, before.index, "agree in term but their histories differ");
    return false;
  }
  if (entry.log_time <= before.log_time) return false;
  state.clock.follow(entry.log_time, state.now.mono);
  write_entry(state, out, std::move(entry));
  return true;
}

// Skips what is here already; a shorter message that comes late cuts nothing off. False: not all
// could be taken.
bool take_entries(RaftState& state, Effects& out, AppendEntries& message) {
  std::uint64_t hash_before = message.prev_log_hash;
  for (Entry& entry : message.entries) {
    const std::uint64_t hash = entry.hash;
    const auto term = state.log.term_of(entry.index);
    if (term == entry.term) {
      const Entry* held = state.log.find(entry.index);
      if (held != nullptr && held->hash != hash) {
        report_corrupt(state, out, entry.index, "agree in term but their histories differ");
        return false;
      }
    } else if (term && entry.index <= state.following.checked) {
      report_corrupt(state, out, entry.index,
                     "conflict though it was committed or compared before");
      return false;
    } else if (!append(state, out, std::move(entry), hash_before)) {
      return false;
    }
    hash_before = hash;
  }
  heed_bar(state, out);
  return true;
}

void hear_leader(RaftState& state, const AppendEntries& message) {
  state.following.word = state.now.mono;
  state.following.reachable = message.reachable;
  state.election_at = state.now.mono + draw_election_timeout(state);
  if (message.log_time_now.wall_ms() <= kLogTimeMsMax) {
    state.heard_log_time = {message.log_time_now, state.now.boot};
  }
}

void answer_conflict(RaftState& state, Effects& out, Peer from, const AppendEntries& message) {
  const LogIndex last = streams_from_at_most(state);
  if (message.prev_log_index > last) return refuse(state, out, from, message, {}, last.next());
  refuse(state, out, from, message, *state.log.term_of(message.prev_log_index),
         state.log.first_of_term_at(message.prev_log_index));
}

}  // namespace

void receive(RaftState& state, Effects& out, Peer from, AppendEntries&& message) {
  if (!is_sane(message.term)) return;
  if (message.term < state.hard.term) {
    message.round = 0;  // rounds are of a term: this answer is to none of the present one's
    return refuse(state, out, from, message, {}, {});
  }
  if (!is_well_formed(state, message)) return;
  if (message.term == state.hard.term) {
    // Another leader in the same term: only votes of wiped directories make that possible (design
    // 3.5).
    if (state.phase == Phase::leader || (state.leader && *state.leader != from)) return;
  }
  if (message.term > state.hard.term || state.leader != from || state.phase != Phase::follower) {
    become_follower(state, out, message.term, from);
  }
  hear_leader(state, message);
  const Fit fit = fit_previous(state, out, message);
  if (fit == Fit::corrupt) return;
  if (fit == Fit::conflicts) return answer_conflict(state, out, from, message);
  const LogIndex end = end_of(message);
  const bool has_entries = !message.entries.empty();
  if (!take_entries(state, out, message)) return;
  state.following.checked = std::max(state.following.checked, end);
  state.following.fitted = std::max(state.following.fitted, end);
  state.commit_index =
      std::max(state.commit_index, std::min(message.leader_commit, state.following.checked));
  state.following.answer_due = state.following.checked > match_of(state);
  const bool nothing_to_wait_for = has_entries && match_of(state) >= end;
  if (message.round != 0 || nothing_to_wait_for) acknowledge(state, out, message.round);
}

void acknowledge_durable(RaftState& state, Effects& out) {
  if (state.phase != Phase::follower || !state.leader || !state.following.answer_due) return;
  const LogIndex match = match_of(state);
  if (state.following.acknowledged && match <= *state.following.acknowledged)
    return;  // nothing new
  state.following.answer_due = match < state.following.checked;
  acknowledge(state, out, 0);
}

}  // namespace causeway::consensus
