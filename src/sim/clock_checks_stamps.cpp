// The stamps of offline writes and of committed versions.
#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "kv/command.hpp"
#include "sim/clock_checks.hpp"
#include "sim/log_records.hpp"
#include "sim/violation.hpp"

namespace causeway::sim {
namespace {

constexpr std::int64_t kMaxClockDriftMs = 500;  // design 3.1
constexpr std::int64_t kStampSlackMs = 5;       // readings are whole milliseconds

std::string text(const crdt::OfflineWrite& write) {
  return "offline write " + std::to_string(write.dot.sequence.value) + " of key " + write.key +
         " with stamp " + stamp_text(write.stamp);
}

}  // namespace

// ---- offline writes

void ClockChecks::handed_out(Node& node, const wire::JournalRecord& record) {
  const Origin own = node.machine->directory().origin;
  if (const auto* write = std::get_if<crdt::OfflineWrite>(&record)) {
    // Lower sequences are rewritten forward; another origin's move to that origin.
    if (write->dot.origin == own && write->dot.sequence > node.reached) new_write(node, *write);
    return;
  }
  const auto& settled = std::get<crdt::Settled>(record);
  if (settled.origin != own) return;
  node.reached = std::max(node.reached, settled.through);
  while (!node.held.empty() && node.held.begin()->first <= settled.through)
    let_go(node, node.held.begin()->first);
}

// Freed, replaced or refused: until that is durable and the index has heard of it, it is held.
void ClockChecks::let_go(Node& node, Sequence sequence) {
  const auto found = node.held.find(sequence);
  if (found == node.held.end()) return;
  node.let_go = std::max(node.let_go, found->second);
  node.held.erase(found);
}

void ClockChecks::forget_what_is_gone(Node& node) {
  if (node.let_go == Stamp{}) return;
  if (node.machine->pending() == node.held.size()) node.let_go = {};
}

void ClockChecks::new_write(Node& node, const crdt::OfflineWrite& write) {
  if (!node.held.empty() && node.held.rbegin()->second >= write.stamp) {
    broken("node-stamps-rise", node,
           text(write) + " was made while write " +
               std::to_string(node.held.rbegin()->first.value) + " with stamp " +
               stamp_text(node.held.rbegin()->second) + " was held");
  }
  const auto key = versions_.find(write.key);
  if (key != versions_.end()) {
    const std::vector<Version>& all = key->second;
    const auto behind = std::upper_bound(
        all.begin(), all.end(), write.seen.index,
        [](LogIndex index, const Version& version) { return index < version.revision; });
    if (behind != all.begin() && std::prev(behind)->stamp >= write.stamp) {
      broken("effect-exceeds-cause", node,
             text(write) + " was made after revision " +
                 std::to_string(std::prev(behind)->revision.value) + " with stamp " +
                 stamp_text(std::prev(behind)->stamp) + " was applied there");
    }
  }
  check_near(node, write);
  node.reached = write.dot.sequence;
  node.held[write.dot.sequence] = write.stamp;
  let_go(node, write.replaces);
  node.greatest_held = std::max(node.greatest_held, write.stamp);
}

// What a leader stamps goes by a log time that nobody else has heard of yet.
void ClockChecks::check_near(const Node& node, const crdt::OfflineWrite& write) const {
  if (!node.follows) return;
  const auto limit = boot_ms(node) + node.log_time_ahead_ms + kMaxClockDriftMs + kStampSlackMs;
  const bool near = static_cast<std::int64_t>(write.stamp.wall_ms()) <= limit;
  const Stamp held = std::max(node.greatest_held, node.applied_log_time);
  if (near || write.stamp.wall_ms() <= held.wall_ms()) return;  // refused writes used up counters
  const auto status = node.machine->peek();
  if (status && status->role == "leader") return;
  broken("stamp-near-log-time", node,
         text(write) + " is ahead of " + std::to_string(limit) +
             ", the furthest that log time allows here, and of all that is held, at most " +
             stamp_text(held));
}

std::int64_t ClockChecks::boot_ms(const Node& node) const {
  return node.machine->clocks.read(instant()).boot.since_boot.count() / 1'000'000;
}

void ClockChecks::delivered(Peer, Peer to, const consensus::Message& message) {
  const auto* append = std::get_if<consensus::AppendEntries>(&message);
  if (append == nullptr) return;
  Node& node = nodes_[to];
  node.appends_of = std::max(node.appends_of, append->term);
  const auto log_time_ms = static_cast<std::int64_t>(append->log_time_now.wall_ms());
  node.log_time_ahead_ms = std::max(node.log_time_ahead_ms, log_time_ms - boot_ms(node));
}

// Sent behind the turn in which it was heard: from the next one on its clock goes by that.
void ClockChecks::sent(Peer from, Peer, const consensus::Message& message) {
  Node& node = nodes_[from];
  if (std::holds_alternative<consensus::AppendEntries>(message)) node.follows = false;
  const auto* reply = std::get_if<consensus::AppendEntriesReply>(&message);
  if (reply != nullptr && reply->accepted && reply->term == node.appends_of) node.follows = true;
}

// A refused write never was: its caller was told so, and the clock need not stay above it.
void ClockChecks::journal_done(Peer peer, const storage::LogEffects& effects) {
  for (const crdt::OfflineWrite& write : refused_writes(effects))
    let_go(nodes_[peer], write.dot.sequence);
}

// ---- committed versions

void ClockChecks::applying(Peer peer, const kv::Apply& apply) {
  Node& node = nodes_[peer];
  for (const kv::LogEntry& entry : apply.entries) {
    if (entry.index == log_times_.last().next()) log_times_.put(entry.index, entry.log_time);
    if (entry.command) node.applying.push_back(entry);
  }
}

// What a write came to is told where it was made, and the key stands in its entry.
void ClockChecks::applied(Peer peer, const kv::Applied& applied) {
  Node& node = nodes_[peer];
  node.applied_log_time = applied.position.log_time;
  const auto command_at = [&](LogIndex index) -> std::optional<kv::Command> {
    const auto entry = std::find_if(node.applying.begin(), node.applying.end(),
                                    [&](const kv::LogEntry& each) { return each.index == index; });
    if (entry == node.applying.end()) return std::nullopt;
    auto command = kv::decode(entry->payload);
    return command ? std::optional(std::move(command).value()) : std::nullopt;
  };
  for (const kv::WriteResult& result : applied.writes) {
    const auto command = command_at(result.index);
    const auto* write = command ? std::get_if<kv::Write>(&*command) : nullptr;
    if (write != nullptr) committed(node, write->key, result.version);
  }
  for (const kv::SettleResult& result : applied.settles) {
    const auto command = command_at(result.index);
    const auto* settle = command ? std::get_if<kv::Settle>(&*command) : nullptr;
    if (settle == nullptr) continue;
    for (const crdt::Verdict& verdict : result.verdicts) {
      const auto item = std::find_if(
          settle->items.begin(), settle->items.end(),
          [&](const crdt::OfflineWrite& each) { return each.dot.sequence == verdict.sequence; });
      if (item != settle->items.end()) committed(node, item->key, verdict.winner);
    }
  }
  std::erase_if(node.applying,
                [&](const kv::LogEntry& entry) { return entry.index <= applied.position.index; });
}

void ClockChecks::committed(const Node& node, std::string_view key,
                            const crdt::StoredVersion& version) {
  if (version.revision.value == 0) return;  // no version: overtaken, rejected, an absent key
  const auto what = [&] {
    return "revision " + std::to_string(version.revision.value) + " of key " + std::string(key) +
           " has stamp " + stamp_text(version.stamp);
  };
  const Stamp log_time = log_times_.find(version.revision);
  const bool consistent = version.kind == crdt::WriteKind::consistent;
  if (version.stamp > log_time || (consistent && version.stamp != log_time))
    broken("stamps-rise", node, what() + " at log time " + stamp_text(log_time));
  auto found = versions_.find(key);
  if (found == versions_.end())
    found = versions_.emplace(std::string(key), std::vector<Version>{}).first;
  std::vector<Version>& all = found->second;
  const auto at = std::lower_bound(
      all.begin(), all.end(), version.revision,
      [](const Version& each, LogIndex revision) { return each.revision < revision; });
  const bool known = at != all.end() && at->revision == version.revision;
  if (known && at->stamp == version.stamp) return;
  if (known) broken("stamps-rise", node, what() + " and had " + stamp_text(at->stamp));
  const bool above = at == all.begin() || std::prev(at)->stamp < version.stamp;
  const bool below = at == all.end() || version.stamp < at->stamp;
  if (!above || !below)
    broken("stamps-rise", node, what() + ", which does not rise among the key's other revisions");
  all.insert(at, {version.revision, version.stamp});
}

}  // namespace causeway::sim
