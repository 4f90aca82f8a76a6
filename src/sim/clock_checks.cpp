// The log: its log times against the clocks.
#include "sim/clock_checks.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "consensus/quorum.hpp"
#include "sim/log_records.hpp"
#include "sim/violation.hpp"

namespace causeway::sim {
namespace {

constexpr std::int64_t kHonestMs = 1000;
constexpr std::uint64_t kSlackMs = 5;  // readings are whole milliseconds

std::int64_t whole_ms(Duration duration) { return duration.count() / 1'000'000; }
std::uint64_t true_ms(Instant now) {
  return kTrueWallMs + static_cast<std::uint64_t>(whole_ms(now.since_start));
}

std::string text(const consensus::Entry& entry) {
  return "entry " + std::to_string(entry.index.value) + " of term " +
         std::to_string(entry.term.value) + " at log time " + stamp_text(entry.log_time);
}

}  // namespace

std::string stamp_text(Stamp stamp) {
  return std::to_string(stamp.wall_ms()) + "+" + std::to_string(stamp.counter());
}

ClockChecks::ClockChecks(Cluster& cluster) : cluster_(cluster) {
  for (const Cluster::Name& name : cluster.names()) {
    Node& node = nodes_.emplace_back();
    node.machine = &cluster.node(name);
    node.name = name;
  }
}

void ClockChecks::broken(const char* invariant, const Node& node, const std::string& what) {
  throw Violation(invariant, "node " + node.name + ": " + what);
}

Instant ClockChecks::instant() const { return cluster_.time().now(); }

// ---- lives and directories

void ClockChecks::starting(Peer peer) {
  Node& node = nodes_[peer];
  node.log = {};
  node.reached = {};
  node.held.clear();
  node.refused.clear();
  node.let_go = {};
  node.applying.clear();
  node.appends_of = {};
  node.log_time_ahead_ms = 0;
  node.follows = false;
}

void ClockChecks::recovered(Peer peer, const wire::RaftRecord& record) {
  Node& node = nodes_[peer];
  const auto* entry = std::get_if<consensus::Entry>(&record);
  if (entry == nullptr || entry->index.value == 0) return;
  if (entry->index <= node.log.last().next()) node.log.put(entry->index, entry->log_time);
}

void ClockChecks::recovered(Peer peer, const wire::JournalRecord& record) {
  Node& node = nodes_[peer];
  if (std::holds_alternative<crdt::Settled>(record)) return handed_out(node, record);
  const auto& write = std::get<crdt::OfflineWrite>(record);
  if (write.dot.origin != node.machine->directory().origin) return;
  node.reached = std::max(node.reached, write.dot.sequence);
  node.held[write.dot.sequence] = write.stamp;
  node.held.erase(write.replaces);
}

void ClockChecks::started(Peer peer) {
  Node& node = nodes_[peer];
  look_at_clock(node);
  node.last_entry = node.machine->clocks.mono(instant());
}

// ---- clocks

void ClockChecks::look_at_clock(Node& node) {
  const auto wall = static_cast<std::int64_t>(node.machine->clocks.wall_ms(instant()));
  const std::int64_t off = wall - static_cast<std::int64_t>(true_ms(instant()));
  if (off > kHonestMs || off < -kHonestMs) node.honest = false;
  if (node.honest && off > 0) ahead_ms_ = std::max(ahead_ms_, static_cast<std::uint64_t>(off));
}

// Log time runs with one monotonic clock after the other: at worst always with the fastest, and
// that may have been slow before, or begin anew with another boot.
void ClockChecks::look_at_rates() {
  Duration gained{0};
  for (Node& node : nodes_) {
    const Duration ahead = node.machine->clocks.ran_ahead(instant());
    gained = std::max(gained, ahead - std::exchange(node.ran_ahead, ahead));
  }
  fast_ += gained;
}

// ---- the log

void ClockChecks::turn(Peer peer, const node::Effects& effects) {
  if (effects.failed) return;  // nothing of it is done
  Node& node = nodes_[peer];
  look_at_clock(node);
  node.greatest_held = node.let_go;
  for (const auto& [sequence, stamp] : node.held)
    node.greatest_held = std::max(node.greatest_held, stamp);
  for (const storage::LogInput& input : effects.raft_log) {
    const auto* append = std::get_if<storage::Append>(&input);
    if (append == nullptr) continue;
    for (const storage::LogRecord& each : append->records) {
      if (each.type != static_cast<std::uint8_t>(wire::RecordType::entry)) continue;
      new_entry(node, std::get<consensus::Entry>(decode_raft(each)));
    }
  }
  for (const storage::LogInput& input : effects.journal) {
    const auto* append = std::get_if<storage::Append>(&input);
    if (append == nullptr) continue;
    for (const storage::LogRecord& each : append->records) handed_out(node, decode_journal(each));
  }
  forget_what_is_gone(node);
}

// An entry is judged where it is seen first: at its leader, unless a full disk holds things up.
void ClockChecks::new_entry(Node& node, const consensus::Entry& entry) {
  if (const auto again = node.refused.find({entry.index, entry.term});
      again != node.refused.end()) {
    node.refused.erase(again);  // judged when it was handed out first
    return;
  }
  const LogIndex before = entry.index.previous();
  if (entry.index.value == 0 || before > node.log.last())
    broken("log-time-rises", node, text(entry) + " stands behind a gap");
  if (entries_.find(entry.index, entry.term) == nullptr) {
    entries_.add(entry.index, {.id = {entry.term, entry.hash}, .before = {}});
    if (before.value != 0 && entry.log_time <= node.log.at(before))
      broken("log-time-rises", node,
             text(entry) + " stands behind " + stamp_text(node.log.at(before)));
    check_honest(node, entry);
    check_moves(node, entry);
  }
  node.log.put(entry.index, entry.log_time);
  node.last_entry = node.machine->clocks.mono(instant());
}

void ClockChecks::check_honest(const Node& node, const consensus::Entry& entry) {
  look_at_rates();
  const auto honest = static_cast<std::size_t>(
      std::count_if(nodes_.begin(), nodes_.end(), [](const Node& each) { return each.honest; }));
  if (honest < consensus::majority_of(nodes_.size())) return;
  const std::uint64_t latest =
      true_ms(instant()) + ahead_ms_ + static_cast<std::uint64_t>(whole_ms(fast_)) + kSlackMs;
  if (entry.log_time.wall_ms() <= latest) return;
  broken("log-time-honest", node,
         text(entry) + ", while no honest clock and nothing that ran since is beyond " +
             std::to_string(latest));
}

void ClockChecks::check_moves(const Node& node, const consensus::Entry& entry) const {
  if (disk_was_full_ || entry.index != node.log.last().next() || entry.index.value == 1) return;
  const Duration passed = node.machine->clocks.mono(instant()) - node.last_entry;
  const Stamp before = node.log.at(node.log.last());
  const auto least = before.wall_ms() + static_cast<std::uint64_t>(whole_ms(passed));
  if (entry.log_time.wall_ms() + kSlackMs >= least) return;
  broken("log-time-moves", node,
         text(entry) + ", though " + std::to_string(whole_ms(passed)) +
             " ms passed here since the one before, at " + stamp_text(before));
}

void ClockChecks::raft_log_done(Peer peer, const storage::LogEffects& effects) {
  for (const storage::LogEffect& effect : effects) {
    const auto* what = std::get_if<storage::Refused>(&effect);
    if (what != nullptr) refused(nodes_[peer], *what);
  }
}

// The node hands them out again, in the order of the first time. Where a new leader's entries took
// the place of some, those no longer continue what was handed out last.
void ClockChecks::refused(Node& node, const storage::Refused& refused) {
  disk_was_full_ = true;
  for (const storage::Append& append : refused.appends) {
    for (const storage::LogRecord& each : append.records) {
      const wire::RaftRecord record = decode_raft(each);
      if (const auto* entry = std::get_if<consensus::Entry>(&record))
        node.refused.emplace(entry->index, entry->term);
    }
  }
}

}  // namespace causeway::sim
