#include "cluster.hpp"

#include <algorithm>
#include <utility>

#include "base/hash.hpp"
#include "consensus/quorum.hpp"

namespace causeway::consensus::testing {
namespace {

constexpr std::uint64_t kBuildDateMs = 1'700'000'000'000;
constexpr std::uint64_t kStartWallMs = 1'760'000'000'000;

std::string name_of_node(std::size_t number) { return "n" + std::to_string(number + 1); }

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  return (hash ^ value) * 0x9e3779b97f4a7c15;
}

std::uint64_t digest(const Message& message) {
  std::uint64_t hash = message.index();
  if (const auto* append = std::get_if<AppendEntries>(&message)) {
    hash = mix(mix(mix(hash, append->prev_log_hash), append->round), append->entries.size());
  } else if (const auto* reply = std::get_if<AppendEntriesReply>(&message)) {
    hash = mix(mix(hash, reply->match_index.value), reply->round);
  } else if (const auto* vote = std::get_if<RequestVote>(&message)) {
    hash = mix(mix(hash, vote->term.value), vote->last_log_index.value);
  } else if (const auto* forward = std::get_if<Forward>(&message)) {
    hash = mix(mix(hash, forward->first_counter), forward->items.size());
  }
  return hash;
}

}  // namespace

Options Cluster::small_options() {
  Options options;
  options.election_timeout = 150ms;
  options.heartbeat_interval = 30ms;
  options.build_date = {kBuildDateMs};
  options.batch_bytes_max = 512;
  options.inflight_bytes_max = 2048;
  options.uncommitted_bytes_max = 16384;
  options.proposals_max = 128;
  options.cache_bytes_max = 1024;
  return options;
}

Cluster::Cluster(std::size_t nodes, std::uint64_t seed, Options common)
    : common_(std::move(common)), random_(seed) {
  for (std::size_t i = 0; i < nodes; ++i) common_.voters.push_back(name_of_node(i));
  nodes_.resize(nodes);
  cut_.assign(nodes, std::vector<bool>(nodes));
  cut_noticed_ = cut_;
  last_delivery_.assign(nodes, std::vector<Duration>(nodes));
  epoch_.assign(nodes, std::vector<std::uint64_t>(nodes));
  for (Peer node = 0; node < nodes; ++node) {
    nodes_[node].origin = {random_.id()};
    nodes_[node].up.assign(nodes, false);
    restart(node);
  }
}

// ---- time

void Cluster::at(Duration when, std::function<void()> run) {
  events_.push({when, ++order_, std::move(run)});
}

void Cluster::run_one(Duration end) {
  if (events_.empty() || events_.top().at > end) {
    time_ = end;
    return;
  }
  Event event = events_.top();
  events_.pop();
  time_ = std::max(time_, event.at);
  event.run();
}

void Cluster::run_for(Duration duration) {
  const Duration end = time_ + duration;
  while (time_ < end && violation_.empty()) run_one(end);
}

Duration Cluster::between(Duration low, Duration high) {
  return Duration(static_cast<Duration::rep>(random_.between(
      static_cast<std::uint64_t>(low.count()), static_cast<std::uint64_t>(high.count()))));
}

Now Cluster::now(Peer node) const {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(time_).count();
  const std::int64_t wall =
      static_cast<std::int64_t>(kStartWallMs) + ms + nodes_[node].wall_offset_ms;
  return {.mono = {time_ + 1h}, .wall = {static_cast<std::uint64_t>(wall)}, .boot = {time_ + 2h}};
}

void Cluster::set_wall(Peer node, std::uint64_t wall_ms) {
  nodes_[node].wall_offset_ms += static_cast<std::int64_t>(wall_ms - now(node).wall.ms);
}

// ---- steps and their effects

template <class Call>
void Cluster::step(Peer peer, Call&& call) {
  Node& node = nodes_[peer];
  if (!node.raft || !node.corrupt.empty() || !violation_.empty()) return;
  Effects out;
  call(*node.raft, out);
  node.raft->flush(now(peer), out);
  carry_out(peer, out);
  check_step(peer);
  apply(peer);
  plan_tick(peer);
}

void Cluster::plan_tick(Peer peer) {
  Node& node = nodes_[peer];
  if (!node.raft) return;
  const Instant due = node.raft->next_deadline();
  if (due >= node.tick_planned || due == Instant::never()) return;
  node.tick_planned = due;
  const std::uint64_t life = node.life;
  at(std::max(time_, due.since_start - 1h), [this, peer, life, due] {
    Node& at_work = nodes_[peer];
    if (at_work.life != life || at_work.tick_planned != due) return;
    at_work.tick_planned = Instant::never();
    step(peer, [&](Raft& raft, Effects& out) { raft.tick(now(peer), out); });
  });
}

void Cluster::carry_out(Peer peer, Effects& out) {
  Node& node = nodes_[peer];
  if (!out.corrupt.empty()) node.corrupt = out.corrupt;
  if (!out.records.empty()) {
    for (const Record& record : out.records) {
      const auto* hard = std::get_if<HardState>(&record);
      if (hard == nullptr) continue;
      const bool same_term = hard->term == node.voted.term;
      const bool same_vote =
          hard->voted_for == node.voted.voted_for && hard->voted_origin == node.voted.voted_origin;
      if (same_term && !node.voted.voted_for.empty() && !same_vote)
        fail("a vote changed within a term");
      if (hard->start < node.voted.start) fail("a written start number fell");
      if (hard->term < node.voted.term) fail("a written term fell");
      node.voted = *hard;
    }
    node.unsynced.push_back({out.ticket, std::move(out.records)});
    sync(peer);
  }
  for (Send& sent : out.messages) transmit(peer, std::move(sent));
  for (Send& sent : out.after_sync) {
    const std::uint64_t epoch = epoch_[peer][sent.to];
    node.held.push_back({out.after_ticket, std::move(sent), epoch});
  }
  for (const ProposalDropped& dropped : out.dropped) {
    Proposed& proposed = proposals_[node.own.at(dropped.id)];
    if (proposed.fate != Fate::open) fail("a proposal ended twice");
    proposed.fate = dropped.why == Dropped::lost        ? Fate::lost
                    : dropped.why == Dropped::withdrawn ? Fate::withdrawn
                                                        : Fate::exhausted;
    if (times_committed(node.own.at(dropped.id)) != 0)
      fail("a proposal was dropped that is committed");
  }
  for (const ReadReady& ready : out.reads) {
    const auto open = node.reads.find(ready.id);
    if (open == node.reads.end()) {
      fail("a read was answered that nobody waits for");
      return;
    }
    if (ready.index < open->second)
      fail("a read got an index older than what was committed when it began");
    node.reads.erase(open);
    ++answered_reads_;
  }
  for (const Fetch& fetch : out.fetches) {
    ++counters_.fetches;
    const std::uint64_t life = node.life;
    at(time_ + between(weather.sync_min, weather.sync_max), [this, peer, fetch, life] {
      if (nodes_[peer].life != life) return;
      std::vector<Entry> entries;
      std::size_t bytes = 0;
      for (auto i = nodes_[peer].disk_log.find(fetch.from.value); i != nodes_[peer].disk_log.end();
           ++i) {
        bytes += i->second.payload.size();
        if (!entries.empty() && bytes > fetch.bytes_max) break;
        entries.push_back(i->second);
      }
      if (random_.below(20) == 0) entries.clear();  // a read that failed
      step(peer, [&](Raft& raft, Effects& again) {
        raft.fetched(now(peer), fetch.peer, fetch.from, std::move(entries), again);
      });
    });
  }
}

// ---- network

void Cluster::transmit(Peer from, Send sent) {
  if (!nodes_[from].up[sent.to]) return;
  ++counters_.messages;
  trace_ = mix(mix(trace_, static_cast<std::uint64_t>(time_.count())),
               digest(sent.message) + from * 7 + sent.to);
  if (random_.below(100) < weather.loss) {
    ++counters_.lost;
    return;
  }
  int copies = 1;
  if (random_.below(100) < weather.duplicates) {
    ++copies;
    ++counters_.duplicated;
  }
  for (; copies > 0; --copies) {
    Duration arrival = time_ + between(weather.delay_min, weather.delay_max);
    Duration& last = last_delivery_[from][sent.to];
    if (!weather.reorder) arrival = std::max(arrival, last);
    last = std::max(last, arrival);
    const std::uint64_t epoch = epoch_[from][sent.to];
    at(arrival, [this, from, to = sent.to, epoch, message = sent.message] {
      if (epoch != epoch_[from][to] || cut_[from][to]) return;
      deliver(from, to, message);
    });
  }
}

void Cluster::deliver(Peer from, Peer to, const Message& message) {
  step(to, [&](Raft& raft, Effects& out) { raft.receive(now(to), from, message, out); });
}

void Cluster::inject(Peer from, Peer to, Message message) { deliver(from, to, message); }

void Cluster::connect(Peer a, Peer b) {
  ++epoch_[a][b];
  nodes_[a].up[b] = true;
  step(a, [&](Raft& raft, Effects& out) {
    raft.peer_up(now(a), b, nodes_[b].origin, nodes_[b].incarnation, out);
  });
}

void Cluster::disconnect(Peer a, Peer b) {
  ++epoch_[a][b];
  if (!nodes_[a].up[b]) return;
  nodes_[a].up[b] = false;
  step(a, [&](Raft& raft, Effects& out) { raft.peer_down(now(a), b, out); });
}

void Cluster::cut(Peer from, Peer to, bool notice) {
  cut_[from][to] = true;
  if (!notice) return;
  cut_noticed_[from][to] = true;
  disconnect(from, to);
}

void Cluster::isolate(Peer node, bool notice) {
  for (Peer other = 0; other < nodes_.size(); ++other) {
    if (other == node) continue;
    cut(node, other, notice);
    cut(other, node, notice);
  }
}

void Cluster::heal() {
  for (Peer a = 0; a < nodes_.size(); ++a) {
    for (Peer b = 0; b < nodes_.size(); ++b) {
      cut_[a][b] = false;
      const bool reconnect = cut_noticed_[a][b];
      cut_noticed_[a][b] = false;
      if (reconnect && running(a) && running(b) && !nodes_[a].up[b]) connect(a, b);
    }
  }
}

// ---- disks

void Cluster::sync(Peer peer) {
  Node& node = nodes_[peer];
  if (node.sync_under_way || node.stalled || node.unsynced.empty()) return;
  node.sync_under_way = true;
  const std::uint64_t life = node.life;
  at(time_ + between(weather.sync_min, weather.sync_max), [this, peer, life] {
    if (nodes_[peer].life == life) sync_done(peer);
  });
}

// Everything handed over by now becomes durable in one sync.
void Cluster::sync_done(Peer peer) {
  Node& node = nodes_[peer];
  node.sync_under_way = false;
  if (node.stalled || node.unsynced.empty()) return;
  if (node.full) return sync_hard_state(peer);
  const std::uint64_t ticket = node.unsynced.back().ticket;
  for (const Write& write : node.unsynced) {
    for (const Record& record : write.records) to_disk(node, record);
  }
  node.unsynced.clear();
  release(peer, ticket);
  step(peer, [&](Raft& raft, Effects& out) { raft.durable(now(peer), ticket, out); });
}

// The newest term and vote go in front of all that waits, and the older ones away.
void Cluster::sync_hard_state(Peer peer) {
  Node& node = nodes_[peer];
  std::uint64_t ticket = 0;
  std::optional<Record> newest;
  for (Write& write : node.unsynced) {
    for (const Record& record : write.records) {
      if (!std::holds_alternative<HardState>(record)) continue;
      newest = record;
      ticket = write.ticket;
    }
    std::erase_if(write.records,
                  [](const Record& record) { return std::holds_alternative<HardState>(record); });
  }
  if (!newest) return;
  ++counters_.hard_states_ahead;
  to_disk(node, *newest);
  release(peer, ticket);
  step(peer, [&](Raft& raft, Effects& out) { raft.hard_state_durable(now(peer), ticket, out); });
}

void Cluster::release(Peer peer, std::uint64_t ticket) {
  Node& node = nodes_[peer];
  while (!node.held.empty() && node.held.front().ticket <= ticket) {
    Held held = std::move(node.held.front());
    node.held.pop_front();
    transmit(peer, std::move(held.send));
  }
}

void Cluster::to_disk(Node& node, const Record& record) {
  node.disk.push_back(record);
  if (const auto* hard = std::get_if<HardState>(&record)) {
    node.disk_hard = *hard;
    return;
  }
  const Entry& entry = std::get<Entry>(record);
  const auto behind = node.disk_log.lower_bound(entry.index.value);
  if (behind != node.disk_log.end()) ++counters_.truncations;
  node.disk_log.erase(behind, node.disk_log.end());
  node.disk_log.emplace(entry.index.value, entry);
}

void Cluster::stall_disk(Peer peer, bool stalled) {
  nodes_[peer].stalled = stalled;
  sync(peer);
}

void Cluster::fill_disk(Peer peer, bool full) {
  nodes_[peer].full = full;
  sync(peer);
}

// ---- lives

// Of what was not confirmed, the disk may have kept any prefix.
void Cluster::crash(Peer peer) {
  Node& node = nodes_[peer];
  if (!node.raft) return;
  ++counters_.crashes;
  node.raft.reset();
  ++node.life;
  std::vector<Record> unsynced;
  for (Write& write : node.unsynced) {
    for (Record& record : write.records) unsynced.push_back(std::move(record));
  }
  const std::size_t kept = random_.below(unsynced.size() + 1);
  for (std::size_t i = 0; i < kept; ++i) to_disk(node, unsynced[i]);
  counters_.lost_records += unsynced.size() - kept;
  node.unsynced.clear();
  node.held.clear();
  node.sync_under_way = false;
  node.reads.clear();
  for (const auto& [id, number] : node.own) {
    if (proposals_[number].fate == Fate::open) proposals_[number].fate = Fate::forgotten;
  }
  node.own.clear();
  for (Peer other = 0; other < nodes_.size(); ++other) {
    if (other == peer) continue;
    ++epoch_[peer][other];
    node.up[other] = false;
    disconnect(other, peer);
  }
}

void Cluster::restart(Peer peer) {
  crash(peer);
  Node& node = nodes_[peer];
  node.incarnation = {random_.id()};
  node.corrupt.clear();
  Recovered recovered;
  for (const Record& record : node.disk) {
    if (const auto* hard = std::get_if<HardState>(&record)) {
      recovered.hard_state = *hard;
      continue;
    }
    const Entry& entry = std::get<Entry>(record);
    if (!recovered.log.check(entry)) fail("the log on disk does not read back");
    recovered.log.append(entry);
  }
  node.voted = recovered.hard_state;
  recovered.commit_index = node.mark;
  node.applied = std::min(node.mark, recovered.log.last().index);
  Options options = common_;
  options.name = name_of_node(peer);
  options.origin = node.origin;
  options.incarnation = node.incarnation;
  node.seen = {};
  node.tick_planned = Instant::never();
  node.raft.emplace(options, std::move(recovered), Random(random_.next()), now(peer));
  step(peer, [&](Raft& raft, Effects& out) { raft.count_start(now(peer), 0, out); });
  plan_tick(peer);
  for (Peer other = 0; other < nodes_.size(); ++other) {
    if (other == peer || !running(other)) continue;
    if (!cut_noticed_[peer][other]) connect(peer, other);
    if (!cut_noticed_[other][peer]) connect(other, peer);
  }
}

void Cluster::wipe(Peer peer) {
  crash(peer);
  put_back(peer, {.records = {}, .mark = {}, .origin = {random_.id()}});
}

Cluster::DiskImage Cluster::copy_disk(Peer peer) const {
  return {nodes_[peer].disk, nodes_[peer].mark, nodes_[peer].origin};
}

void Cluster::put_back(Peer peer, DiskImage image) {
  crash(peer);
  Node& node = nodes_[peer];
  node.disk.clear();
  node.disk_log.clear();
  node.disk_hard = {};
  for (const Record& record : image.records) to_disk(node, record);
  node.mark = image.mark;
  node.origin = image.origin;
}

// ---- use

std::size_t Cluster::propose(Peer peer, std::optional<Duration> budget, std::size_t bytes) {
  Node& node = nodes_[peer];
  const std::size_t number = proposals_.size();
  const ProposalId id = node.next_proposal++;
  proposals_.push_back({.node = peer, .id = id});
  std::string payload = "p" + std::to_string(number) + ":";
  payload.resize(std::max(bytes, payload.size()), '.');
  payloads_.push_back(payload);
  node.own[id] = number;
  step(peer, [&](Raft& raft, Effects& out) {
    std::optional<Instant> deadline;
    if (budget) deadline = now(peer).mono + *budget;
    raft.propose(now(peer), id, Blob::copy_of(payload), deadline, out);
  });
  return number;
}

void Cluster::withdraw(std::size_t proposal) {
  const Proposed& proposed = proposals_[proposal];
  if (proposed.fate != Fate::open) return;
  step(proposed.node, [&](Raft& raft, Effects& out) {
    const bool certain = !raft.may_be_in_log(proposed.id);
    raft.withdraw(now(proposed.node), proposed.id, out);
    if (certain && out.dropped.empty())
      fail("a withdrawal that was certain was not granted at once");
  });
}

void Cluster::read(Peer peer) {
  Node& node = nodes_[peer];
  const ReadId id = node.next_read++;
  node.reads[id] = commit_seen_;
  step(peer, [&](Raft& raft, Effects& out) { raft.read(now(peer), id, out); });
}

bool Cluster::transfer(Peer peer) {
  bool accepted = false;
  step(peer,
       [&](Raft& raft, Effects& out) { accepted = raft.transfer_leadership(now(peer), out); });
  return accepted;
}

// ---- looking

std::optional<Peer> Cluster::leader() const {
  std::optional<Peer> found;
  for (Peer peer = 0; peer < nodes_.size(); ++peer) {
    if (!running(peer) || raft(peer).role() != Role::leader) continue;
    if (!found || raft(*found).term() < raft(peer).term()) found = peer;
  }
  return found;
}

std::size_t Cluster::open_reads() const {
  std::size_t open = 0;
  for (const Node& node : nodes_) open += node.reads.size();
  return open;
}

std::size_t Cluster::times_committed(std::size_t proposal) const {
  const auto found = committed_payloads_.find(payloads_[proposal]);
  return found == committed_payloads_.end() ? 0 : found->second;
}

Term Cluster::durable_term(Peer peer) const { return nodes_[peer].disk_hard.term; }

bool Cluster::settle(Duration limit) {
  return run_until(
      [&] {
        const auto first = leader();
        if (!first || open_reads() != 0) return false;
        const LogIndex last = raft(*first).log().last().index;
        for (Peer peer = 0; peer < nodes_.size(); ++peer) {
          if (!running(peer) || !nodes_[peer].corrupt.empty()) continue;
          if (raft(peer).term() != raft(*first).term() || raft(peer).leader() != first)
            return false;
          if (nodes_[peer].applied != last || raft(peer).log().last().index != last) return false;
        }
        return std::ranges::none_of(proposals_, [&](const Proposed& proposed) {
          return proposed.fate == Fate::open && running(proposed.node);
        });
      },
      limit);
}

// ---- the referee

void Cluster::fail(const std::string& what) {
  if (!violation_.empty()) return;
  violation_ = what + " at " + std::to_string(time_.count()) + " ns";
}

void Cluster::check_step(Peer peer) {
  Node& node = nodes_[peer];
  const Raft& raft = *node.raft;
  const LogIndex last = raft.log().last().index;
  Seen& seen = node.seen;
  if (raft.term() < seen.term) fail("a term fell");
  if (raft.commit_index() < seen.commit) fail("a commit index fell");
  if (raft.apply_index() > raft.commit_index()) fail("apply index above commit index");
  if (raft.commit_index() > last) fail("commit index above the last index");
  const std::uint64_t on_disk = node.disk_log.empty() ? 0 : node.disk_log.rbegin()->first;
  if (raft.apply_index().value > on_disk) fail("apply index above what is durable");
  const bool leads = raft.role() == Role::leader;
  if (leads && seen.leads && raft.term() == seen.term && last < seen.last) {
    fail("a leader shortened its own log");
  }
  const bool elected = leads && !(seen.leads && seen.term == raft.term());
  seen = {raft.term(), raft.commit_index(), last, leads};
  if (elected) check_new_leader(peer);
  check_committed(peer);
}

void Cluster::check_new_leader(Peer peer) {
  Node& node = nodes_[peer];
  ++counters_.elections;
  const auto [place, fresh] =
      leaders_.emplace(node.raft->term().value, std::pair(peer, node.origin));
  if (!fresh && place->second != std::pair(peer, node.origin)) fail("two leaders in one term");
  if (node.disk_hard.term != node.raft->term() || node.disk_hard.voted_for != name_of_node(peer)) {
    fail("a leader's own vote is not durable");
  }
  if (commit_seen_.value == 0) return;
  if (node.raft->log().last().index < commit_seen_) fail("a new leader lacks a committed entry");
  const auto position = node.raft->log().position(commit_seen_);
  if (position && position->hash != committed_[commit_seen_.value - 1].hash) {
    fail("a new leader has another entry where one is committed");
  }
}

// Compares what this node says is committed with what any said before, and the first time counts
// the disks.
void Cluster::check_committed(Peer peer) {
  const Raft& raft = *nodes_[peer].raft;
  for (LogIndex i = commit_seen_.next(); i <= raft.commit_index(); i = i.next()) {
    const Entry* entry = raft.log().find(i);
    if (entry == nullptr) return fail("a committed entry left memory before anybody saw it");
    std::size_t copies = 0;
    for (const Node& node : nodes_) {
      const auto copy = node.disk_log.find(i.value);
      if (copy != node.disk_log.end() && copy->second.hash == entry->hash) ++copies;
    }
    if (copies < majority_of(nodes_.size())) fail("committed without a majority of durable copies");
    if (!committed_.empty() && entry->log_time <= committed_.back().log_time)
      fail("log time does not rise");
    committed_.push_back(*entry);
    commit_seen_ = i;
    if (entry->kind != EntryKind::command) continue;
    const std::string payload(entry->payload.view());
    if (!payload.starts_with('p')) continue;  // put there by a test, not proposed
    if (++committed_payloads_[payload] > 1) fail("a proposal is committed twice");
    const auto number = static_cast<std::size_t>(std::stoull(payload.substr(1)));
    std::size_t& newest = newest_committed_[proposals_[number].node];
    if (number + 1 <= newest) fail("a node's proposals are committed in another order than made");
    newest = number + 1;
  }
  if (raft.commit_index().value == 0) return;
  const auto position = raft.log().position(raft.commit_index());
  if (position && position->hash != committed_[raft.commit_index().value - 1].hash) {
    fail("two nodes committed different entries at one index");
  }
}

void Cluster::apply(Peer peer) {
  Node& node = nodes_[peer];
  if (!node.raft || !violation_.empty()) return;
  const LogIndex until = node.raft->apply_index();
  if (node.applied >= until) return;
  Term term;
  while (node.applied < until) {
    node.applied = node.applied.next();
    const Entry& entry = committed_[node.applied.value - 1];
    term = entry.term;
    for (const auto& [id, number] : node.own) {
      if (entry.kind != EntryKind::command || entry.payload.view() != payloads_[number]) continue;
      if (proposals_[number].fate == Fate::open)
        proposals_[number].fate = Fate::resolved;
      else
        fail("a proposal was applied after it was dropped");
      node.raft->resolved(id);
    }
  }
  std::erase_if(node.own,
                [&](const auto& item) { return proposals_[item.second].fate != Fate::open; });
  node.mark = until;
  node.raft->evict_applied(until);
  step(peer, [&](Raft& raft, Effects& out) { raft.applied(now(peer), until, term, out); });
}

}  // namespace causeway::consensus::testing
