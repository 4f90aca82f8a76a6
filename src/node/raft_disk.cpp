#include "node/raft_disk.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.hpp"
#include "wire/log_record.hpp"

namespace causeway::node {
namespace {

constexpr std::uint64_t kApplierTag = UINT64_MAX;
constexpr std::size_t kFetchBytes = 1 << 20;
constexpr std::size_t kAppendBytes = 2 << 20;  // and one entry more: far below the log's limit
constexpr std::size_t kGivenBatchesMax = 2;    // one being applied, one ready behind it

storage::LogRecord to_record(const consensus::Entry& entry) {
  char head[wire::kEntryHeadBytes];
  wire::encode_entry_head(entry, head);
  return storage::LogRecord::make(static_cast<std::uint8_t>(wire::RecordType::entry),
                                  {head, sizeof head}, entry.payload);
}

storage::LogRecord to_record(wire::RecordType type, const std::string& bytes) {
  return storage::LogRecord::make(static_cast<std::uint8_t>(type), {}, Blob::copy_of(bytes));
}

kv::LogEntry for_applier(const consensus::Entry& entry) {
  return {.index = entry.index,
          .term = entry.term,
          .log_time = entry.log_time,
          .command = entry.kind == consensus::EntryKind::command,
          .payload = entry.payload,
          .hash = entry.hash};
}

}  // namespace

RaftDisk::RaftDisk(const Core& core)
    : mark_(core.raft.apply_index()),
      appended_mark_(core.raft.apply_index()),
      given_(core.applied.index) {}

void RaftDisk::carry_out(Turn& turn) {
  consensus::Effects& raft = turn.core.raft_out;
  if (const LogIndex now = turn.core.raft.apply_index(); now > mark_) {
    mark_ = now;
    turn.out.mark = now;
  }
  append_all(turn, raft);
  turn.out.messages.reserve(turn.out.messages.size() + raft.messages.size());
  for (consensus::Send& send : raft.messages)
    turn.out.messages.push_back({send.to, std::move(send.message)});
  write_vote_ahead(turn);
  for (consensus::Send& send : raft.after_sync) gate(raft.after_ticket, std::move(send));
  release_messages(turn);
  for (const consensus::Fetch& fetch : raft.fetches) {
    fetching_for_[fetch.peer] = fetch.from;
    turn.out.raft_log.push_back(
        storage::Fetch{.tag = fetch.peer, .key = fetch.from.value, .bytes_max = fetch.bytes_max});
  }
  if (!raft.corrupt.empty()) turn.out.failed = Error{Errc::corrupt, std::move(raft.corrupt)};
  raft.records.clear();
  raft.ticket = 0;  // the next record opens a ticket of its own
  raft.messages.clear();
  raft.after_sync.clear();
  raft.fetches.clear();
}

// A batch of the log has a limit: what piled up while there was no leader goes in several, the last
// of which makes raft's ticket durable.
void RaftDisk::append_all(Turn& turn, const consensus::Effects& raft) {
  if (raft.records.empty()) return;
  std::vector<storage::LogRecord> records;
  records.reserve(raft.records.size() + 1);  // the commit mark
  std::size_t bytes = 0;
  std::uint64_t key = 0;
  Ticket ticket;
  std::size_t votes_to_come = static_cast<std::size_t>(
      std::ranges::count_if(raft.records, [](const consensus::Record& record) {
        return std::holds_alternative<consensus::HardState>(record);
      }));
  for (const consensus::Record& record : raft.records) {
    if (bytes >= kAppendBytes) {
      append(turn, std::exchange(key, 0), std::exchange(records, {}), std::exchange(ticket, {}));
      bytes = 0;
    }
    if (const auto* entry = std::get_if<consensus::Entry>(&record)) {
      const std::uint64_t index = entry->index.value;
      key = key == 0 ? index : std::min(key, index);  // it may replace what stands before it here
      records.push_back(to_record(*entry));
      bytes += entry->payload.size();
    } else {
      records.push_back(to_record(wire::RecordType::hard_state,
                                  wire::encode(std::get<consensus::HardState>(record))));
      if (--votes_to_come == 0) ticket.vote = raft.ticket;
    }
  }
  ticket.raft_ticket = raft.ticket;
  if (!records.empty()) append(turn, key, std::move(records), ticket);
}

void RaftDisk::append(Turn& turn, std::uint64_t key, std::vector<storage::LogRecord> records,
                      Ticket ticket) {
  records.push_back(
      to_record(wire::RecordType::commit_mark, wire::encode(wire::CommitMark{mark_})));
  appended_mark_ = mark_;
  ticket.ticket = ++tickets_given_;
  ticket.mark = mark_;
  tickets_.push_back(ticket);
  const bool vote_alone = key == 0;
  storage::Append append{.ticket = tickets_given_,
                         .key = key,
                         .records = std::move(records),
                         .space = vote_alone ? storage::Space::vital : storage::Space::ordinary};
  if (retry_.empty()) {
    turn.out.raft_log.emplace_back(std::move(append));
  } else {
    retry_.emplace(append.ticket, std::move(append));  // behind what a full disk refused
  }
}

void RaftDisk::sync_mark(Turn& turn, LogIndex needed) {
  if (needed.value == 0 || appended_mark_ >= needed || mark_ < needed) return;
  append(turn, 0, {}, {});
}

void RaftDisk::durable(Turn& turn, std::uint64_t ticket) {
  if (retry_.empty()) full_ = false;  // otherwise it was a vote, in the space that is kept for it
  std::uint64_t raft_ticket = 0;
  std::uint64_t vote = 0;
  for (; !tickets_.empty() && tickets_.front().ticket <= ticket; tickets_.pop_front()) {
    raft_ticket = std::max(raft_ticket, tickets_.front().raft_ticket);
    vote = std::max(vote, tickets_.front().vote);
    synced_mark_ = std::max(synced_mark_, tickets_.front().mark);
  }
  if (raft_ticket != 0) turn.core.raft.durable(turn.now, raft_ticket, turn.core.raft_out);
  if (vote > raft_ticket) turn.core.raft.hard_state_durable(turn.now, vote, turn.core.raft_out);
  durable_vote_ = std::max({durable_vote_, raft_ticket, vote});
  release_messages(turn);
}

// While a disk does not answer for days, there are many heartbeats and elections: the newest
// message of a kind to a member stands for those before it.
void RaftDisk::gate(std::uint64_t vote, consensus::Send send) {
  std::erase_if(gated_, [&](const Gated& each) {
    return each.send.to == send.to && each.send.message.index() == send.message.index();
  });
  gated_.push_back({vote, std::move(send)});
}

void RaftDisk::release_messages(Turn& turn) {
  while (!gated_.empty() && gated_.front().vote <= durable_vote_) {
    turn.out.messages.push_back({gated_.front().send.to, std::move(gated_.front().send.message)});
    gated_.pop_front();
  }
}

// A full disk: what was refused is tried again, in order, once all that was under way has come
// back. Consensus sees a disk that does not answer, and a leader with such a disk steps down.
void RaftDisk::refused(Turn& turn, storage::Refused refused) {
  if (!std::exchange(full_, true)) {
    turn.log(LogLine::Level::error, "the Raft log cannot grow: " + refused.error.detail);
  }
  for (storage::Append& append : refused.appends) retry_.emplace(append.ticket, std::move(append));
  retry_at_ = turn.now.mono + kDiskFullPause;
}

// A node that cannot store entries still owes its term and vote. If the disk refused even that one,
// it waits as the others do.
void RaftDisk::write_vote_ahead(Turn& turn) {
  if (retry_.empty() || retry_.size() < tickets_.size()) return;  // the rest will come back, too
  if (retry_.begin()->second.space == storage::Space::vital || !put_vote_first()) return;
  turn.out.raft_log.emplace_back(std::move(retry_.begin()->second));
  retry_.erase(retry_.begin());
}

// Makes one append of all terms and votes that were refused, in front of the entries, under the
// ticket with which the log goes on. Only the newest counts, and recovery would take an older one
// behind it for damage. The commit mark of now fits there: it rests on what stands in front.
// Nothing is under way: what is renumbered is known here alone.
bool RaftDisk::put_vote_first() {
  const auto is_vote = [](const storage::LogRecord& record) {
    return record.type == static_cast<std::uint8_t>(wire::RecordType::hard_state);
  };
  CAUSEWAY_CHECK(retry_.size() == tickets_.size());
  const auto newest = std::ranges::max_element(tickets_, {}, &Ticket::vote);
  if (newest == tickets_.end() || newest->vote == 0) return false;
  std::uint64_t number = tickets_.front().ticket;
  storage::Append first{.ticket = number, .key = 0, .records = {}, .space = storage::Space::vital};
  std::deque<Ticket> tickets{{.ticket = number, .vote = newest->vote, .mark = mark_}};
  std::map<std::uint64_t, storage::Append> behind;
  auto old = tickets_.begin();
  for (auto& [_, append] : retry_) {
    const Ticket ticket = *old++;
    for (const storage::LogRecord& record : append.records)
      if (is_vote(record)) first.records = {record};
    if (append.key == 0) {  // no entry in it: what it stands for is durable with what precedes it
      tickets.back().raft_ticket = std::max(tickets.back().raft_ticket, ticket.raft_ticket);
      continue;
    }
    std::erase_if(append.records, is_vote);
    append.ticket = ++number;
    tickets.push_back({.ticket = number, .raft_ticket = ticket.raft_ticket, .mark = ticket.mark});
    behind.emplace(number, std::move(append));
  }
  first.records.push_back(
      to_record(wire::RecordType::commit_mark, wire::encode(wire::CommitMark{mark_})));
  appended_mark_ = mark_;
  behind.emplace(first.ticket, std::move(first));
  retry_ = std::move(behind);
  tickets_ = std::move(tickets);
  tickets_given_ = number;
  return true;
}

void RaftDisk::tick(Turn& turn) {
  if (turn.now.mono < retry_at_) return;
  if (retry_.size() < tickets_.size()) {  // some are still under way; they will be refused too
    retry_at_ = turn.now.mono + kDiskFullPause;
    return;
  }
  retry_at_ = Instant::never();
  static_cast<void>(put_vote_first());
  for (auto& [ticket, append] : retry_) turn.out.raft_log.emplace_back(std::move(append));
  retry_.clear();
}

LogIndex RaftDisk::may_give(const Core& core) const {
  const LogIndex room{core.applied.index.value + core.options.limits.apply_entries_max};
  return std::min(core.raft.apply_index(), room);
}

void RaftDisk::feed_applier(Turn& turn) {
  const LogIndex target = may_give(turn.core);
  const Limits& limits = turn.core.options.limits;
  const std::size_t batch_max = (limits.apply_entries_max + 1) / kGivenBatchesMax;
  while (given_ < target && !fetching_for_applier_ && giving_.size() < kGivenBatchesMax &&
         giving_bytes_ < limits.apply_bytes_max) {
    std::vector<kv::LogEntry> entries;
    std::size_t bytes = 0;
    for (LogIndex next = given_.next(); next <= target && entries.size() < batch_max;
         next = next.next()) {
      const consensus::Entry* entry = turn.core.raft.log().find(next);
      if (entry == nullptr || giving_bytes_ + bytes >= limits.apply_bytes_max) break;
      bytes += entry->payload.size();
      entries.push_back(for_applier(*entry));
    }
    if (entries.empty()) {
      fetch_for_applier(turn);
    } else {
      give(turn, std::move(entries), bytes);
    }
  }
}

void RaftDisk::give(Turn& turn, std::vector<kv::LogEntry> entries, std::size_t bytes) {
  given_ = entries.back().index;
  giving_.push_back({given_, bytes});
  giving_bytes_ += bytes;
  turn.out.applier.push_back(kv::Apply{std::move(entries)});
}

void RaftDisk::fetch_for_applier(Turn& turn) {
  fetching_for_applier_ = true;
  turn.out.raft_log.push_back(
      storage::Fetch{.tag = kApplierTag, .key = given_.next().value, .bytes_max = kFetchBytes});
}

void RaftDisk::applied(Turn& turn, const kv::AppliedPosition& position) {
  while (!giving_.empty() && giving_.front().last <= position.index) {
    giving_bytes_ -= giving_.front().bytes;
    giving_.pop_front();
  }
  turn.core.raft.evict_applied(position.index);
}

// What is read back holds overwritten entries too; those that are current have the term that the
// log view knows of their index.
std::vector<consensus::Entry> RaftDisk::current_entries(const Core& core,
                                                        const storage::Fetched& fetched,
                                                        LogIndex from) const {
  std::vector<consensus::Entry> entries;
  for (const storage::FetchedRecord& record : fetched.records) {
    if (record.type != static_cast<std::uint8_t>(wire::RecordType::entry)) continue;
    auto decoded = wire::decode_raft_record(record.type, record.body);
    if (!decoded) return {};
    auto& entry = std::get<consensus::Entry>(decoded.value());
    if (entry.index != from || core.raft.log().term_of(from) != entry.term) continue;
    entries.push_back(std::move(entry));
    from = from.next();
  }
  return entries;
}

void RaftDisk::fetched(Turn& turn, storage::Fetched fetched) {
  if (fetched.tag == kApplierTag) {
    fetching_for_applier_ = false;
    std::vector<kv::LogEntry> entries;
    std::size_t bytes = 0;
    for (const consensus::Entry& entry : current_entries(turn.core, fetched, given_.next())) {
      if (entry.index > may_give(turn.core)) break;
      bytes += entry.payload.size();
      entries.push_back(for_applier(entry));
    }
    if (entries.empty()) {
      turn.out.failed =
          Error{Errc::corrupt, "the Raft log does not give back entry " +
                                   std::to_string(given_.next().value) +
                                   ": start this node again with an empty data directory"};
      return;
    }
    give(turn, std::move(entries), bytes);
    return;
  }
  const auto asked = fetching_for_.find(fetched.tag);
  if (asked == fetching_for_.end()) return;
  const LogIndex from = asked->second;
  fetching_for_.erase(asked);
  turn.core.raft.fetched(turn.now, static_cast<consensus::Peer>(fetched.tag), from,
                         current_entries(turn.core, fetched, from), turn.core.raft_out);
}

}  // namespace causeway::node
