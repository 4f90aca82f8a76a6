#include "consensus/sending.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "consensus/replication.hpp"

namespace causeway::consensus {
namespace {

AppendEntries append_behind(RaftState& state, const LogPosition& before, std::uint64_t round) {
  return {.term = state.hard.term,
          .prev_log_index = before.index,
          .prev_log_term = before.term,
          .prev_log_hash = before.hash,
          .leader_commit = state.commit_index,
          .round = round,
          .log_time_now = leader_log_time(state),
          .reachable = reachable_members(state, state.now.mono),
          .entries = {}};
}

void send_append(RaftState& state, Effects& out, Peer peer, AppendEntries message) {
  Progress& progress = state.leading.progress[peer];
  const LogIndex end{message.prev_log_index.value + message.entries.size()};
  progress.sent_commit = std::max(progress.sent_commit, std::min(state.commit_index, end));
  progress.sent_round = std::max(progress.sent_round, message.round);
  send(state, out, peer, std::move(message));
}

/// Cached entries from `from` on, of at most `bytes_max` together but at least one.
std::vector<Entry> collect(const RaftState& state, LogIndex from, std::size_t bytes_max) {
  std::vector<Entry> entries;
  std::size_t bytes = 0;
  for (const Entry* entry = state.log.find(from); entry != nullptr;
       entry = state.log.find(entry->index.next())) {
    bytes += cost_of(*entry);
    if (!entries.empty() && bytes > bytes_max) break;
    entries.push_back(*entry);
  }
  return entries;
}

std::size_t cost_of_all(const std::vector<Entry>& entries) {
  std::size_t bytes = 0;
  for (const Entry& entry : entries) bytes += cost_of(entry);
  return bytes;
}

/// Learns what stands before the next entry, where the cache still has it.
bool knows_position(const RaftState& state, Progress& progress) {
  if (!progress.before_next) progress.before_next = state.log.position(progress.next.previous());
  return progress.before_next.has_value();
}

// Too old for memory: one request to the disk at a time. When what stands before the next entry is
// not known either, it starts there.
void fetch(RaftState& state, Effects& out, Peer peer) {
  Progress& progress = state.leading.progress[peer];
  if (progress.fetching || progress.fetch_failed) return;
  const LogIndex from = progress.before_next ? progress.next : progress.next.previous();
  progress.fetching = from;
  out.fetches.push_back({peer, from, state.options.batch_bytes_max});
}

// The first probe from a position carries entries in case it fits; repeated ones do not, for the
// link's sake.
void send_probe(RaftState& state, Effects& out, Peer peer) {
  Progress& progress = state.leading.progress[peer];
  if (!knows_position(state, progress)) return fetch(state, out, peer);
  progress.probe_due = false;
  AppendEntries probe = append_behind(state, *progress.before_next, ++state.leading.round);
  if (progress.probe_round == 0) {
    progress.probe_round = probe.round;
    // Acknowledgements that came late may lie beyond; of those the answer says nothing.
    progress.probe_match = std::min(progress.match, progress.next.previous());
    probe.entries = collect(state, progress.next, state.options.batch_bytes_max);
    if (!probe.entries.empty()) progress.probe_end = position_of(probe.entries.back());
  }
  send_append(state, out, peer, std::move(probe));
}

/// Bytes that may still be sent without an acknowledgement; 0: none.
std::size_t room(const RaftState& state, const Progress& progress) {
  const std::size_t in_flight = progress.inflight_bytes();
  const std::size_t batch = state.options.batch_bytes_max;
  if (in_flight == 0) return std::max<std::size_t>(batch, 1);
  if (in_flight >= state.options.inflight_bytes_max) return 0;
  return std::min(batch, state.options.inflight_bytes_max - in_flight);
}

void send_batch(RaftState& state, Effects& out, Peer peer, std::vector<Entry> entries) {
  Progress& progress = state.leading.progress[peer];
  const bool round_due = progress.sent_round < state.leading.read_round;
  AppendEntries batch =
      append_behind(state, *progress.before_next, round_due ? state.leading.round : 0);
  progress.sent(position_of(entries.back()), cost_of_all(entries));
  batch.entries = std::move(entries);
  send_append(state, out, peer, std::move(batch));
}

void stream(RaftState& state, Effects& out, Peer peer) {
  Progress& progress = state.leading.progress[peer];
  while (progress.next <= state.log.last().index) {
    const std::size_t bytes = room(state, progress);
    if (bytes == 0) return;
    const Entry* next = state.log.find(progress.next);
    if (next == nullptr) return fetch(state, out, peer);
    if (progress.inflight_bytes() != 0 && cost_of(*next) > bytes) return;
    send_batch(state, out, peer, collect(state, progress.next, bytes));
  }
}

bool is_what_was_written(const RaftState& state, std::optional<LogPosition> before, LogIndex from,
                         const std::vector<Entry>& entries) {
  LogIndex index = from;
  for (const Entry& entry : entries) {
    if (entry.index != index || state.log.term_of(index) != entry.term) return false;
    if (before && entry.hash != running_hash(before->hash, entry)) return false;
    before = position_of(entry);
    index = index.next();
  }
  return true;
}

/// Where an append without entries stands: behind all that was sent, or at the beginning when that
/// is not known.
LogPosition empty_append_position(const Progress& progress) {
  return progress.before_next.value_or(LogPosition{});
}

}  // namespace

void send_what_is_due(RaftState& state, Effects& out, Peer peer) {
  if (!state.links[peer].up) return;
  Progress& progress = state.leading.progress[peer];
  // A read round goes with a probe: whoever has forgotten is found out before it is counted.
  if (progress.mode == Progress::Mode::probe) {
    if (progress.probe_due || progress.sent_round < state.leading.read_round)
      send_probe(state, out, peer);
    return;
  }
  stream(state, out, peer);
  const bool round_due = progress.sent_round < state.leading.read_round;
  const LogIndex reachable = std::min(state.commit_index, progress.next.previous());
  if (!round_due && progress.sent_commit >= reachable) return;
  const std::uint64_t round = round_due ? state.leading.round : 0;
  send_append(state, out, peer, append_behind(state, empty_append_position(progress), round));
}

void send_heartbeat(RaftState& state, Effects& out, Peer peer) {
  if (!state.links[peer].up) return;
  Progress& progress = state.leading.progress[peer];
  progress.fetch_failed = false;
  const bool probing = progress.mode == Progress::Mode::probe;
  if (probing && progress.before_next) return send_probe(state, out, peer);
  send_append(state, out, peer,
              append_behind(state, empty_append_position(progress), state.leading.round));
}

void fetched(RaftState& state, Effects& out, Peer peer, LogIndex from,
             std::vector<Entry>&& entries) {
  if (state.phase != Phase::leader) return;
  Progress& progress = state.leading.progress[peer];
  if (progress.fetching != from) return;
  progress.fetching.reset();
  // What is in memory is taken from there: on disk it may just be being replaced.
  std::erase_if(entries,
                [&](const Entry& entry) { return entry.index >= state.log.first_cached(); });
  progress.fetch_failed = entries.empty();
  if (entries.empty()) return;
  if (!is_what_was_written(state, progress.before_next, from, entries)) {
    out.corrupt = "log entries from " + std::to_string(from.value) +
                  " on were read back from disk as others than were written";
    return;
  }
  if (!progress.before_next) {
    progress.before_next = position_of(entries.front());
    entries.erase(entries.begin());
  }
  if (progress.mode == Progress::Mode::stream && !entries.empty()) {
    send_batch(state, out, peer, std::move(entries));
  }
}

}  // namespace causeway::consensus
