#include "sim/rest.hpp"

#include <optional>
#include <utility>

#include "sim/violation.hpp"

namespace causeway::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kRestBound = seconds(300);
constexpr Duration kSilence = seconds(3);

}  // namespace

Rest::Rest(Cluster& cluster, const Workload& workload, Advance advance)
    : cluster_(cluster), workload_(workload), advance_(std::move(advance)) {}

void Rest::await() {
  const Instant end = cluster_.time().now() + kRestBound;
  while (!reached()) {
    if (cluster_.time().now() > end)
      throw Violation("convergence", "the cluster does not come to rest: " + standing());
    advance_(milliseconds(500));
  }
}

bool Rest::reached() {
  if (!workload_.idle()) return false;
  std::optional<LogIndex> applied;
  for (const Cluster::Name& name : cluster_.names()) {
    if (!cluster_.ready_nodes.contains(name)) return false;
    const auto status = cluster_.node(name).peek();
    if (!status || status->pending != 0 || status->leader.empty()) return false;
    if (applied && *applied != status->applied_index) return false;
    applied = status->applied_index;
  }
  return true;
}

std::string Rest::standing() {
  std::string text;
  for (const Cluster::Name& name : cluster_.names()) {
    const auto status = cluster_.node(name).peek();
    text += "node " + name;
    if (!status) {
      text += " does not serve; ";
      continue;
    }
    text += " " + status->role + " " + status->state + " in term " +
            std::to_string(status->term.value) + ", applied " +
            std::to_string(status->applied_index.value) + ", pending " +
            std::to_string(status->pending) + "; ";
  }
  return text + workload_.waiting();
}

void Rest::compare_tables() {
  await();
  const auto rows = cluster_.node(cluster_.names().front()).directory().table.replicated();
  for (const Cluster::Name& name : cluster_.names()) {
    if (cluster_.node(name).directory().table.replicated() != rows)
      throw Violation("equal-state", "the table of node " + name + " differs from the first's");
  }
}

void Rest::stay_silent() {
  const LogIndex before = applied_by_first();
  advance_(kSilence);
  if (applied_by_first() != before)
    throw Violation("idle-silent", "nobody writes, and the log grows: " + standing());
}

LogIndex Rest::applied_by_first() {
  const auto status = cluster_.node(cluster_.names().front()).peek();
  return status ? status->applied_index : LogIndex{};
}

}  // namespace causeway::sim
