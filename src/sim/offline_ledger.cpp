#include "sim/offline_ledger.hpp"

#include <algorithm>
#include <utility>

#include "crdt/dot.hpp"
#include "sim/violation.hpp"

namespace causeway::sim {
namespace {

constexpr const char* kOfflineDurable = "offline-durable";

/// The write itself, or the one that stands in its place, is on this disk, or was freed.
bool is_kept(const LedgerDirectory& directory, Sequence sequence, Stamp stamp) {
  for (;;) {
    for (const auto& [origin, through] : directory.freed_through) {
      if (sequence <= through) return true;
    }
    const auto record = directory.journal.find({directory.origins.back(), sequence});
    if (record != directory.journal.end() && (stamp.value == 0 || record->second.stamp == stamp))
      return true;
    const auto replaced = directory.replaced.find(sequence);
    if (replaced == directory.replaced.end()) return false;
    sequence = replaced->second.by;
    stamp = {};
  }
}

}  // namespace

// ---- the life of a directory

void OfflineLedger::starting(Peer peer, const DataDirectory& directory) {
  LedgerDirectory& known = directories_[peer];
  if (known.origins.empty() || known.origins.back() != directory.origin) {
    const bool moved = !known.origins.empty() && !directory.old_origins.empty() &&
                       directory.old_origins.back() == known.origins.back();
    if (!moved) known.origins.clear();
    known.origins.push_back(directory.origin);
    if (moved) known.copied = false;  // it has done what a copy must
  }
  known.journal.clear();
  known.newest.clear();
  known.freed_through.clear();
  known.mark = {};
  gone(peer);
}

void OfflineLedger::recovered(Peer peer, const wire::RaftRecord& record) {
  LedgerDirectory& directory = directories_[peer];
  if (const auto* mark = std::get_if<wire::CommitMark>(&record))
    directory.mark = std::max(directory.mark, mark->index);
}

void OfflineLedger::recovered(Peer peer, const wire::JournalRecord& record) {
  directories_[peer].found.push_back(record);
}

// What a start has found may stand in the page cache alone, and go with the power if the start
// fails before it has synced it.
void OfflineLedger::started(Peer peer) {
  LedgerDirectory& directory = directories_[peer];
  for (const wire::JournalRecord& record : std::exchange(directory.found, {}))
    add(directory, record);
  for (const auto& [sequence, told] : directory.acknowledged) {
    if (is_kept(directory, sequence, told.write.stamp)) continue;
    throw Violation(kOfflineDurable, "after a start the journal lacks the acknowledged write " +
                                         crdt::to_string(told.dot) + " of '" + told.write.key +
                                         "'");
  }
}

void OfflineLedger::gone(Peer peer) {
  LedgerDirectory& directory = directories_[peer];
  directory.found.clear();
  directory.open_calls.clear();
  directory.inherited.clear();
  directory.journal_log.clear();
  directory.raft_log.clear();
}

// What it acknowledged since the image was made, and before, is exempt: it may not even know of it.
void OfflineLedger::put_back(Peer peer) {
  directories_[peer] = {};
  directories_[peer].copied = true;
}

// ---- its disks

void OfflineLedger::raft_log_step(Peer peer, const std::vector<storage::LogInput>& inputs) {
  directories_[peer].raft_log.step(inputs);
}

void OfflineLedger::raft_log_done(Peer peer, const storage::LogEffects& effects) {
  for (const storage::LogRecord& record : directories_[peer].raft_log.done(effects)) {
    const auto mark = wire::decode_raft_record(record.type, bytes_of(record));
    if (mark) recovered(peer, mark.value());
  }
}

void OfflineLedger::journal_step(Peer peer, const std::vector<storage::LogInput>& inputs) {
  LedgerDirectory& directory = directories_[peer];
  for (const storage::LogInput& input : inputs) {
    const auto* append = std::get_if<storage::Append>(&input);
    if (append == nullptr) continue;
    for (const storage::LogRecord& record : append->records) {
      const auto decoded = wire::decode_journal_record(record.type, bytes_of(record));
      if (decoded && std::holds_alternative<crdt::OfflineWrite>(decoded.value()))
        judge_seen(directory, std::get<crdt::OfflineWrite>(decoded.value()));
    }
  }
  directory.journal_log.step(inputs);
}

void OfflineLedger::journal_done(Peer peer, const storage::LogEffects& effects) {
  LedgerDirectory& directory = directories_[peer];
  for (const storage::LogRecord& record : directory.journal_log.done(effects)) {
    const auto decoded = wire::decode_journal_record(record.type, bytes_of(record));
    if (decoded) add(directory, decoded.value());
  }
}

void OfflineLedger::add(LedgerDirectory& directory, const wire::JournalRecord& record) {
  if (const auto* settled = std::get_if<crdt::Settled>(&record)) {
    Sequence& through = directory.freed_through[settled->origin];
    through = std::max(through, settled->through);
    return;
  }
  const auto& write = std::get<crdt::OfflineWrite>(record);
  if (write.old_dot.origin.value != 0) old_dots_[write.dot] = write.old_dot;
  directory.journal[write.dot] = {
      .key = write.key,
      .content = fingerprint(write.key, write.deleted, write.value.view()),
      .stamp = write.stamp,
      .seen = write.seen,
      .told = {}};
  Dot& newest = directory.newest[write.key];
  if (newest.origin != write.dot.origin || newest.sequence < write.dot.sequence) newest = write.dot;
  if (write.replaces.value == 0) return;
  const auto replaced = directory.journal.find({write.dot.origin, write.replaces});
  const Stamp stamp = replaced == directory.journal.end() ? Stamp{} : replaced->second.stamp;
  directory.replaced.try_emplace(write.replaces, ReplacedBy{write.dot.sequence, stamp});
}

// Over a pending write of its key a new one inherits what that had seen, unless that one's settling
// is among what it has seen itself.
void OfflineLedger::judge_seen(LedgerDirectory& directory, const crdt::OfflineWrite& write) const {
  if (directory.journal.contains(write.dot) || write.old_dot.origin.value != 0) return;
  const auto fail = [&](const char* why) {
    throw Violation("seen-truthful", crdt::to_string(write.dot) + " of '" + write.key + why);
  };
  const auto newest = directory.newest.find(write.key);
  const bool is_first = newest == directory.newest.end();
  if (!is_first && write.seen == directory.journal.at(newest->second).seen) {
    directory.inherited.insert(write.dot.sequence);
    return;
  }
  if (write.seen.index > directory.applied) fail("' has seen what its node has not applied");
  if (is_first) return;
  const ModelSettled* settled = state_.settled(newest->second);
  if (settled == nullptr || settled->index > write.seen.index)
    fail("' has not seen just what the pending write before it had");
}

// ---- its callers

void OfflineLedger::called(Peer peer, std::uint64_t call, const wire::Call& what) {
  const auto* write = std::get_if<wire::WriteCall>(&what);
  if (write == nullptr || write->consistent) return;
  const bool deleted = write->op == wire::WriteOp::remove;
  LedgerDirectory& directory = directories_[peer];
  directory.open_calls[call] = {
      .key = write->key,
      .content = fingerprint(write->key, deleted, deleted ? "" : write->value.view()),
      .stamp = {},
      .seen = {},
      .told = directory.told};
}

void OfflineLedger::answered(Peer peer, std::uint64_t call, const wire::Reply& reply) {
  LedgerDirectory& directory = directories_[peer];
  const auto asked = directory.open_calls.extract(call);
  const auto* answer = std::get_if<wire::Answer>(&reply);
  const auto* response = answer == nullptr ? nullptr : std::get_if<Response>(answer);
  if (response == nullptr) return;
  if (response->version) directory.told = std::max(directory.told, response->version->revision);
  if (!asked.empty() && !response->token.empty()) acknowledge(directory, asked.mapped(), *response);
}

void OfflineLedger::acknowledge(LedgerDirectory& directory, const LedgerWrite& asked,
                                const Response& response) {
  const auto fail = [&](const std::string& why) {
    throw Violation(kOfflineDurable,
                    "the write " + response.token + " of '" + asked.key + "' is answered " + why);
  };
  const auto dot = crdt::parse_dot(response.token);
  if (!dot || !response.version) return fail("without a token that can be read, or a version");
  const auto record = directory.journal.find(dot.value());
  if (record == directory.journal.end()) return fail("before its record is durable");
  if (record->second.content != asked.content || record->second.stamp != response.version->stamp)
    return fail("and its record is of another write");
  if (directory.inherited.erase(dot.value().sequence) == 0 &&
      record->second.seen.index < asked.told) {
    throw Violation("seen-truthful", response.token + " of '" + asked.key +
                                         "' has not seen what its node had told of before");
  }
  directory.acknowledged[dot.value().sequence] = {dot.value(), record->second};
  ++acknowledged_;
}

const LedgerDirectory* OfflineLedger::find(Origin origin) const {
  for (const auto& [peer, directory] : directories_) {
    if (std::find(directory.origins.begin(), directory.origins.end(), origin) !=
        directory.origins.end())
      return &directory;
  }
  return nullptr;
}

Dot OfflineLedger::first_dot(Dot dot) const {
  for (auto old = old_dots_.find(dot); old != old_dots_.end(); old = old_dots_.find(dot))
    dot = old->second;
  return dot;
}

}  // namespace causeway::sim
