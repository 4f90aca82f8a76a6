#include "hand_made.hpp"

#include <algorithm>
#include <utility>

namespace causeway::testing {
namespace {

storage::LogRecord to_log(const wire::RaftRecord& record) {
  using wire::RecordType;
  const auto make = [](RecordType type, std::string_view head, Blob body) {
    return storage::LogRecord::make(static_cast<std::uint8_t>(type), head, std::move(body));
  };
  if (const auto* entry = std::get_if<Entry>(&record)) {
    char head[wire::kEntryHeadBytes];
    wire::encode_entry_head(*entry, head);
    return make(RecordType::entry, {head, sizeof head}, entry->payload);
  }
  if (const auto* hard = std::get_if<HardState>(&record))
    return make(RecordType::hard_state, {}, Blob::copy_of(wire::encode(*hard)));
  return make(RecordType::commit_mark, {},
              Blob::copy_of(wire::encode(std::get<wire::CommitMark>(record))));
}

}  // namespace

// ---- records

Entry HandMade::entry(Term term, const Entry& before, const std::string& payload) {
  const std::uint64_t ms = before.log_time.wall_ms();
  Entry made{.index = before.index.next(),
             .term = term,
             .log_time = Stamp::from_wall_ms(ms == 0 ? sim::kTrueWallMs : ms + 1000),
             .payload = Blob::copy_of(payload)};
  made.hash = consensus::running_hash(before.hash, made);
  return made;
}

Entry HandMade::configuration(Term term, const Entry& before, std::vector<Peer> barred) {
  consensus::Configuration members{.cluster = 1, .members = {}};
  for (const std::string& name : cluster_.names()) {
    const bool is_barred = std::ranges::count(barred, cluster_.peer_of(name)) != 0;
    members.members.push_back(
        {.name = name, .origin = cluster_.node(name).directory().origin, .barred = is_barred});
  }
  Entry made = entry(term, before, members.encode());
  made.kind = consensus::EntryKind::configuration;
  made.hash = consensus::running_hash(before.hash, made);
  return made;
}

HardState HandMade::vote(Term term, Peer candidate) {
  const std::string& name = cluster_.name_of(candidate);
  return {term, name, cluster_.node(name).directory().origin};
}

// ---- lives

void HandMade::start(Peer peer, const Records& found) {
  waiting_[peer].clear();
  given_[peer].clear();
  commits_[peer] = {};
  checks_.starting(peer);
  for (const wire::RaftRecord& record : found) checks_.recovered(peer, record);
  checks_.started(peer);
}

void HandMade::wipe(Peer peer) {
  cluster_.node(cluster_.name_of(peer)).wipe();
  checks_.died(peer, sim::Death::wipe);
}

// ---- one turn each

void HandMade::hand_out(Peer peer, const Records& records) {
  storage::Append append{.ticket = ++tickets_[peer], .records = {}};
  for (const wire::RaftRecord& record : records) append.records.push_back(to_log(record));
  node::Effects effects;
  effects.raft_log.emplace_back(append);
  checks_.turn(peer, effects);
  waiting_[peer].emplace_back(std::move(append));
}

void HandMade::say(Peer from, Peer to, consensus::Message message) {
  node::Effects effects;
  effects.messages.push_back({to, std::move(message)});
  checks_.turn(from, effects);
}

void HandMade::mark(Peer peer, LogIndex index) {
  node::Effects effects;
  commits_[peer] = index;
  effects.mark = index;
  checks_.turn(peer, effects);
}

void HandMade::apply(Peer peer, const std::vector<Entry>& entries) {
  kv::Apply apply;
  for (const Entry& each : entries) {
    apply.entries.push_back({.index = each.index,
                             .term = each.term,
                             .log_time = each.log_time,
                             .command = each.kind == consensus::EntryKind::command,
                             .payload = each.payload,
                             .hash = each.hash});
  }
  checks_.applying(peer, apply);
  const Entry& last = entries.back();
  checks_.applied(peer, {.position = {last.index, last.term, last.log_time, last.hash}});
}

// ---- the disk

void HandMade::give(Peer peer) {
  given_[peer] = std::exchange(waiting_[peer], {});
  checks_.raft_log_step(peer, given_[peer]);
}

void HandMade::durable(Peer peer) {
  const auto& last = std::get<storage::Append>(given_[peer].back());
  checks_.raft_log_done(peer, {storage::Durable{last.ticket}});
}

void HandMade::refuse(Peer peer) {
  storage::Refused refused;
  for (const storage::LogInput& input : given_[peer])
    refused.appends.push_back(std::get<storage::Append>(input));
  refused.first_ticket = refused.appends.front().ticket;
  tickets_[peer] = refused.first_ticket - 1;
  checks_.raft_log_done(peer, {refused});
}

// ---- what they say

void HandMade::ask_votes(Peer from, Term term) {
  say(from, (from + 1) % 3, consensus::RequestVote{.term = term});
}

void HandMade::grant(Peer from, Peer to, Term term) {
  say(from, to, consensus::RequestVoteReply{.term = term, .granted = true});
}

void HandMade::append(Peer from, Peer to, Term term, const Entry& before,
                      std::vector<Entry> entries, std::optional<LogIndex> commit) {
  LogIndex& known = commits_[from];
  known = commit.value_or(known);
  say(from, to,
      consensus::AppendEntries{.term = term,
                               .prev_log_index = before.index,
                               .prev_log_term = before.term,
                               .prev_log_hash = before.hash,
                               .leader_commit = known,
                               .entries = std::move(entries)});
}

void HandMade::acknowledge(Peer from, Peer to, Term term, LogIndex match) {
  say(from, to,
      consensus::AppendEntriesReply{.term = term, .accepted = true, .match_index = match});
}

Entry HandMade::elect(Peer leader, Peer voter, Term term, const Entry& before) {
  write(leader, {vote(term, leader)});
  ask_votes(leader, term);
  write(voter, {vote(term, leader)});
  grant(voter, leader, term);
  const Entry opening = configuration(term, before);
  write(leader, {opening});
  append(leader, voter, term, before, {opening});
  return opening;
}

}  // namespace causeway::testing
