#include "node/recovery.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace causeway::node {
namespace {

/// While the whole log streams by, only a tail of it stays in memory.
constexpr std::size_t kCacheBytesMax = 8 << 20;

Error corrupt(std::string detail) { return {Errc::corrupt, std::move(detail)}; }

}  // namespace

Recovery::Recovery(Origin origin, std::uint64_t journal_bytes_max)
    : journal_({.origin = origin, .bytes_max = journal_bytes_max}) {}

Result<void> Recovery::raft_record(std::uint8_t type, std::string_view body) {
  CAUSEWAY_TRY(record, wire::decode_raft_record(type, Blob::copy_of(body)));
  if (auto* entry = std::get_if<consensus::Entry>(&record)) return this->entry(std::move(*entry));
  if (auto* state = std::get_if<consensus::HardState>(&record)) {
    if (state->term < raft_.hard_state.term) {
      return corrupt("a term record goes back from " + std::to_string(raft_.hard_state.term.value) +
                     " to " + std::to_string(state->term.value));
    }
    raft_.hard_state = std::move(*state);
    return success();
  }
  const auto& mark = std::get<wire::CommitMark>(record);
  if (mark.index > raft_.log.last().index) {
    return corrupt("a commit mark of " + std::to_string(mark.index.value) +
                   " stands behind entries that end at " +
                   std::to_string(raft_.log.last().index.value));
  }
  raft_.commit_index = std::max(raft_.commit_index, mark.index);
  raft_.log.evict(raft_.commit_index, kCacheBytesMax);
  return success();
}

Result<void> Recovery::entry(consensus::Entry entry) {
  const LogIndex last = raft_.log.last().index;
  const std::string name = "entry " + std::to_string(entry.index.value);
  if (entry.index.value == 0 || entry.index > last.next()) {
    return corrupt(name + " leaves a gap behind entry " + std::to_string(last.value));
  }
  if (entry.index <= raft_.commit_index) return corrupt(name + " replaces a committed one");
  const auto before = raft_.log.position(entry.index.previous());
  if (!before) return corrupt(name + " replaces one that no crash can take back");
  if (entry.term < before->term || entry.log_time <= before->log_time) {
    return corrupt(name + " goes back in term or log time");
  }
  if (consensus::running_hash(before->hash, entry) != entry.hash) {
    return corrupt(name + " does not continue the running hash");
  }
  CAUSEWAY_TRY(raft_.log.check(entry));  // a configuration of a later version, say
  raft_.log.append(std::move(entry));
  return success();
}

Result<void> Recovery::journal_record(std::uint8_t type, std::string_view body) {
  CAUSEWAY_TRY(record, wire::decode_journal_record(type, Blob::copy_of(body)));
  std::visit([this](const auto& known) { journal_.recover(known); }, record);
  return success();
}

void Recovery::mark(LogIndex index) { mark_ = std::max(mark_, index); }

Result<void> Recovery::finish() {
  if (mark_ > raft_.log.last().index) {
    return corrupt("the mark file says that entries up to " + std::to_string(mark_.value) +
                   " were durable and committed, but the Raft log ends at " +
                   std::to_string(raft_.log.last().index.value) +
                   ": its end is lost. Start this node again with an empty data directory");
  }
  raft_.commit_index = std::max(raft_.commit_index, mark_);
  live_ = journal_.finish_recovery();
  return success();
}

Result<std::optional<crdt::OfflineWrite>> Recovery::live_write(std::uint8_t type,
                                                               std::string_view body) {
  CAUSEWAY_TRY(record, wire::decode_journal_record(type, Blob::copy_of(body)));
  auto* write = std::get_if<crdt::OfflineWrite>(&record);
  if (write == nullptr || write->dot.origin != journal_.origin()) return {std::nullopt};
  const auto at = std::lower_bound(live_.begin(), live_.end(), write->dot.sequence);
  if (at == live_.end() || *at != write->dot.sequence) return {std::nullopt};
  return {std::optional(std::move(*write))};
}

Result<void> Recovery::check_voters(const std::map<std::string, std::string>& voters) const {
  const auto& configurations = raft_.log.configurations();
  if (configurations.empty()) return success();
  const auto& members = configurations.back().configuration.members;
  const bool same = std::equal(members.begin(), members.end(), voters.begin(), voters.end(),
                               [](const consensus::Member& member, const auto& voter) {
                                 return member.name == voter.first;
                               });
  if (same) return success();
  return corrupt(
      "the Raft log is of a cluster with other voters than this directory's identity names: "
      "its files come from two directories");
}

Recovered Recovery::take(LogIndex applied) {
  raft_.log.evict(std::min(applied, raft_.commit_index), kCacheBytesMax);
  return {.raft = std::move(raft_), .journal = std::move(journal_), .journal_segments = {}};
}

}  // namespace causeway::node
