#include "sim/bound_checks.hpp"

#include <string>

#include "kv/limits.hpp"
#include "kv/table_keys.hpp"
#include "sim/violation.hpp"

namespace causeway::sim {
namespace {

constexpr std::size_t kPrefixBytes = 1 + 8;  // kind and origin: rows of one origin stand together

[[noreturn]] void over(const char* invariant, const std::string& node, const std::string& what,
                       std::uint64_t is, std::uint64_t limit) {
  throw Violation(invariant, "node " + node + " holds " + std::to_string(is) + " " + what +
                                 ", more than " + std::to_string(limit));
}

}  // namespace

void BoundChecks::look() {
  for (const Cluster::Name& name : cluster_.names()) {
    look_at_journal(name);
    look_at_table(name);
  }
}

void BoundChecks::look_at_journal(const Cluster::Name& name) {
  const std::uint64_t limit = 2 * settings_.journal_bytes_max + 4 * settings_.journal_segment_bytes;
  const std::uint64_t bytes = cluster_.node(name).directory().journal.bytes();
  if (bytes > limit) over("journal-bound", name, "bytes of journal", bytes, limit);
}

void BoundChecks::look_at_table(const Cluster::Name& name) {
  const MapTable::Rows& rows = cluster_.node(name).directory().table.rows();
  std::size_t conflicts = 0;
  for (auto row = rows.lower_bound(std::string(1, kv::keys::kConflict));
       row != rows.end() && row->first[0] == kv::keys::kConflict; ++row) {
    ++conflicts;
  }
  if (conflicts > kv::kConflictsMax)
    over("state-bound", name, "conflicts", conflicts, kv::kConflictsMax);

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
