#include "sim/fault_world.hpp"

#include <algorithm>

namespace causeway::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

// Kinds that are many events in one, or that cost the cluster more than one node, come less often.
std::int64_t rarity(FaultKind kind) {
  switch (kind) {
    case FaultKind::blackout:
    case FaultKind::rolling:
    case FaultKind::absence:
    case FaultKind::wipe: return 2;
    default: return 1;
  }
}

}  // namespace

FaultWorld::FaultWorld(Cluster& struck_cluster, const Plan& drawn, Observer& told)
    : cluster(struck_cluster),
      plan(drawn),
      told_(told),
      unit_(std::clamp<Duration>(drawn.length / 30, milliseconds(500), minutes(15))),
      calm_(drawn.nodes) {
  // A stream depends on the seed and its kind alone: what is on beside it changes none of its
  // draws.
  for (std::size_t kind = 0; kind < kFaultKinds; ++kind)
    streams_.emplace_back(Random(plan.seed * 1'000'003 + kind).next());
  for (Peer from = 0; from < nodes(); ++from) {
    for (Peer to = 0; to < nodes(); ++to) usual_.push_back(cluster.network().line(from, to));
  }
  cluster.network().on_soundness = [this] { changed(); };
}

void FaultWorld::often(FaultKind kind, Strike strike) {
  if (plan.level(kind) == 0) return;
  strikes_[static_cast<std::size_t>(kind)] = std::move(strike);
  await_next(kind);
}

void FaultWorld::await_next(FaultKind kind) {
  static constexpr std::array<std::uint64_t, 3> kMeanGap = {16, 7, 3};  // by level, in units
  const auto at = static_cast<std::size_t>(kind);
  const std::uint64_t gap = 1000 * kMeanGap.at(plan.level(kind) - 1u);
  later(rarity(kind) * some(streams_[at], 0, 2 * gap), [this, kind, at] {
    if (over) return;
    strikes_[at](streams_[at]);
    await_next(kind);
  });
}

void FaultWorld::struck(FaultKind kind, const std::string& where) {
  ++counts[static_cast<std::size_t>(kind)];
  std::string text(name_of(kind));
  tell(where.empty() ? text : text + " " + where);
}

void FaultWorld::ended(FaultKind kind, const std::string& where) {
  std::string text(name_of(kind));
  tell((where.empty() ? text : text + " " + where) + " is over");
}

Peer FaultWorld::victim(Random& random) {
  const auto anyone = static_cast<Peer>(random.below(nodes()));
  if (random.below(3) != 0) return anyone;
  for (Peer peer = 0; peer < nodes(); ++peer) {
    const auto status = machine(peer).peek();
    if (status && status->role == "leader") return peer;
  }
  return anyone;
}

// ---- what is wrong at present

bool FaultWorld::usable(Peer peer) {
  return machine(peer).running() && cluster.ready_nodes.contains(name(peer)) &&
         !machine(peer).paused() && !ills[peer].stopping;
}

bool FaultWorld::well(Peer peer) {
  return usable(peer) && !ills[peer].full && ills[peer].slow == 0;
}

bool FaultWorld::clear(Peer from, Peer to) {
  return cluster.network().line(from, to) == usual_[from * nodes() + to] &&
         cluster.network().sound(from, to);
}

void FaultWorld::changed() {
  Standing standing;
  for (Peer peer = 0; peer < nodes(); ++peer) {
    const std::uint32_t bit = std::uint32_t{1} << peer;
    if (machine(peer).running()) standing.runs |= bit;
    if (well(peer)) standing.healthy |= bit;
    for (Peer to = 0; to < nodes(); ++to) {
      if (clear(peer, to)) standing.clear[peer] |= std::uint32_t{1} << to;
      if (closed(cluster.network().line(peer, to))) standing.closed[peer] |= std::uint32_t{1} << to;
    }
  }
  calm_.note(cluster.time().now(), standing);
}

}  // namespace causeway::sim
