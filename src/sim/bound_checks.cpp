#include "sim/bound_checks.hpp"

#include <algorithm>
#include <string>
#include <variant>

#include "crdt/journal.hpp"
#include "kv/limits.hpp"
#include "kv/table_keys.hpp"
#include "sim/log_records.hpp"
#include "sim/violation.hpp"

namespace causeway::sim {
namespace {

constexpr std::uint64_t kJournalFilesMin = 1u << 20;  // less is never rewritten
constexpr std::uint64_t kComesMeanwhile = 512u << 10;
constexpr std::size_t kPrefixBytes = 1 + 8;  // kind and origin: rows of one origin stand together

[[noreturn]] void over(const char* invariant, const std::string& node, const std::string& what,
                       std::uint64_t is, std::uint64_t limit) {
  throw Violation(invariant, "node " + node + " holds " + std::to_string(is) + " " + what +
                                 ", more than " + std::to_string(limit));
}

}  // namespace

BoundChecks::BoundChecks(Cluster& cluster, const ClusterSettings& settings)
    : cluster_(cluster),
      settings_(settings),
      journals_(settings.nodes),
      queues_(settings.nodes, QueueBounds(settings.limits)) {}

void BoundChecks::starting(Peer peer) {
  journals_[peer] = {};
  queues_[peer] = QueueBounds(settings_.limits);
}

// ---- what is pending

void BoundChecks::take(Peer peer, const wire::JournalRecord& record) {
  Journal& journal = journals_[peer];
  const Origin own = cluster_.node(cluster_.name_of(peer)).directory().origin;
  if (const auto* settled = std::get_if<crdt::Settled>(&record)) {
    if (settled->origin != own) return;
    journal.settled = std::max(journal.settled, settled->through);
    while (!journal.pending.empty() && journal.pending.begin()->first <= settled->through)
      let_go(journal, journal.pending.begin()->first);
    journal.replaced.erase(journal.replaced.begin(), journal.replaced.upper_bound(journal.settled));
    return;
  }
  const auto& write = std::get<crdt::OfflineWrite>(record);
  if (write.dot.origin != own) return;
  if (write.replaces.value != 0) {
    let_go(journal, write.replaces);
    journal.replaced.insert(write.replaces);
  }
  // Rewritten forward, with a page that was listed before it was let go.
  if (write.dot.sequence <= journal.settled || journal.replaced.contains(write.dot.sequence))
    return;
  const std::uint64_t bytes = crdt::journal_bytes(write);
  if (journal.pending.emplace(write.dot.sequence, bytes).second) journal.bytes += bytes;
}

void BoundChecks::let_go(Journal& journal, Sequence sequence) {
  const auto found = journal.pending.find(sequence);
  if (found == journal.pending.end()) return;
  journal.bytes -= found->second;
  journal.let_go += found->second;
  journal.pending.erase(found);
}

void BoundChecks::turn(Peer peer, const node::Effects& effects) {
  queues_[peer].turn(cluster_.name_of(peer), effects);
  Journal& journal = journals_[peer];
  const std::uint64_t before = journal.bytes;
  for (const storage::LogInput& input : effects.journal) {
    const auto* append = std::get_if<storage::Append>(&input);
    if (append == nullptr) continue;
    for (const storage::LogRecord& each : append->records) take(peer, decode_journal(each));
  }
  if (journal.bytes > before && journal.bytes > settings_.journal_bytes_max)
    over("journal-bound", cluster_.name_of(peer), "bytes of pending writes", journal.bytes,
         settings_.journal_bytes_max);
}

// What a disk refused never was; what it had replaced is pending again, and here forgotten.
void BoundChecks::journal_done(Peer peer, const storage::LogEffects& effects) {
  for (const crdt::OfflineWrite& write : refused_writes(effects))
    let_go(journals_[peer], write.dot.sequence);
}

void BoundChecks::called(Peer peer, const node::CallHandle& handle, const wire::Call& what) {
  queues_[peer].called(handle, what);
  const auto* write = std::get_if<wire::WriteCall>(&what);
  if (write == nullptr || write->consistent) return;
  crdt::OfflineWrite record;
  record.key = write->key;
  if (write->op != wire::WriteOp::remove) record.value = write->value;
  journals_[peer].asked[handle.call] = crdt::journal_bytes(record);
}

void BoundChecks::answered(Peer peer, std::uint64_t call, const wire::Reply& reply) {
  Journal& journal = journals_[peer];
  const auto asked = journal.asked.extract(call);
  const auto* error = std::get_if<wire::CallError>(&reply);
  if (asked.empty() || error == nullptr || error->error.code != Errc::journal_full) return;
  const std::uint64_t counted = journal.bytes + journal.let_go;
  if (counted + asked.mapped() > settings_.journal_bytes_max) return;
  throw Violation("journal-bound", "node " + cluster_.name_of(peer) + " refuses a write of " +
                                       std::to_string(asked.mapped()) +
                                       " bytes: its journal is full, with " +
                                       std::to_string(counted) + " of " +
                                       std::to_string(settings_.journal_bytes_max) + " bytes");
}

// Between two turns: when it counts as many as are pending, what was let go is gone there, too.
void BoundChecks::look_at_book(Peer peer) {
  Journal& journal = journals_[peer];
  if (journal.let_go == 0) return;
  if (cluster_.node(cluster_.name_of(peer)).pending() == journal.pending.size()) journal.let_go = 0;
}

// ---- what is stored

void BoundChecks::look() {
  constexpr std::uint64_t kLooksBetween = 50;
  const bool at_all = ++looks_ % kLooksBetween == 0;
  for (const Cluster::Name& name : cluster_.names()) {
    look_at_book(cluster_.peer_of(name));
    if (!at_all) continue;
    look_at_journal(name);
    count_verdicts(name);
  }
}

// There may be a thousand, spread over the memory, and they never get fewer: once is enough.
void BoundChecks::finish() {
  for (const Cluster::Name& name : cluster_.names()) count_conflicts(name);
}

// Of one that runs: a power loss may undo the cut of a file, and the next start makes it again.
void BoundChecks::look_at_journal(const Cluster::Name& name) {
  if (!cluster_.node(name).running()) return;
  const std::uint64_t limit = std::max(2 * settings_.journal_bytes_max, kJournalFilesMin) +
                              settings_.journal_bytes_max + kComesMeanwhile +
                              4 * settings_.journal_segment_bytes;
  const std::uint64_t bytes = cluster_.node(name).directory().journal.bytes();
  if (bytes > limit) over("journal-bound", name, "bytes of journal", bytes, limit);
}

void BoundChecks::count_conflicts(const Cluster::Name& name) const {
  const MapTable::Rows& rows = cluster_.node(name).directory().table.rows();
  std::size_t conflicts = 0;
  for (auto row = rows.lower_bound(std::string(1, kv::keys::kConflict));
       row != rows.end() && row->first[0] == kv::keys::kConflict; ++row) {
    ++conflicts;
  }
  if (conflicts > kv::kConflictsMax)
    over("state-bound", name, "conflicts", conflicts, kv::kConflictsMax);
}

void BoundChecks::count_verdicts(const Cluster::Name& name) const {
  const MapTable::Rows& rows = cluster_.node(name).directory().table.rows();
  std::size_t verdicts = 0;
  std::string_view origin;
  for (auto row = rows.lower_bound(std::string(1, kv::keys::kVerdict));
       row != rows.end() && row->first[0] == kv::keys::kVerdict; ++row) {
    const std::string_view of = std::string_view(row->first).substr(0, kPrefixBytes);
    if (of != origin) verdicts = 0;
    origin = of;
    if (++verdicts > kv::kUnlearntMax)
      over("state-bound", name, "verdicts of one origin", verdicts, kv::kUnlearntMax);
  }
}

}  // namespace causeway::sim
