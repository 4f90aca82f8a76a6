#include "storm.hpp"

#include <set>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

namespace causeway::testing {
namespace {

using std::chrono::milliseconds;

sim::ClusterSettings settings_of(const StormSettings& storm) {
  return {.seed = storm.seed, .nodes = storm.nodes};
}

}  // namespace

Storm::Storm(const StormSettings& settings)
    : settings_(settings), random_(settings.seed), cluster_(settings_of(settings)) {
  cluster_.on_answer = [this](const Name&, node::CallHandle, const wire::Reply&) { ++answers; };
}

void Storm::run(sim::Observer& observer) {
  cluster_.observe(observer);
  for (const Name& name : cluster_.names()) start(name);
  cluster_.run_for(std::chrono::seconds(5));  // all origins are bound
  for (std::size_t step = 0; step < settings_.steps; ++step) {
    for (std::uint64_t calls = random_.below(4); calls > 0; --calls) call(any_node());
    if (settings_.faults && random_.below(8) == 0) strike(observer);
    cluster_.run_for(milliseconds(random_.below(100)));
  }
  clear_up();
  cluster_.run_for(std::chrono::seconds(20));
  observer.finish();
  for (const Name& name : cluster_.names())
    mark = std::max(mark, cluster_.node(name).directory().mark);
}

void Storm::call(const Name& name) {
  if (!cluster_.ready_nodes.contains(name)) return;
  const std::string key = "k" + std::to_string(random_.below(4));
  const bool consistent = random_.below(2) == 0;
  if (random_.below(3) == 0) {
    cluster_.call(name, wire::GetCall{.key = key, .consistent = consistent, .timeout_ms = 2000});
    return;
  }
  wire::WriteCall write;
  write.op = random_.below(5) == 0 ? wire::WriteOp::remove : wire::WriteOp::set;
  write.key = key;
  if (write.op == wire::WriteOp::set)
    write.value = Blob::copy_of(std::to_string(random_.below(1'000'000)));
  write.consistent = consistent;
  write.timeout_ms = 2000;
  cluster_.call(name, std::move(write));
}

void Storm::start(const Name& name) {
  auto started = cluster_.try_start(name);
  if (!started && started.error().code == Errc::disk_full) {
    cluster_.node(name).directory().raft_log.set_capacity(UINT64_MAX);
    cluster_.node(name).directory().journal.set_capacity(UINT64_MAX);
    started = cluster_.try_start(name);
  }
  if (!started) FAIL("node ", name, " does not start: ", started.error().detail);
}

void Storm::die(sim::Observer& observer, const Name& name) {
  if (!cluster_.node(name).running()) return;
  const std::uint64_t kind = random_.below(20);
  if (kind < 10) {
    ++struck["power"];
    return cluster_.lose_power(name);
  }
  cluster_.kill(name, random_.below(5));
  // Once: the names of two wiped nodes of three would be nobody's for ever.
  if (kind == 19 && settings_.nodes >= 3 && !std::exchange(wiped_, true)) {
    ++struck["wipe"];
    cluster_.node(name).wipe();
    observer.died(cluster_.peer_of(name), sim::Death::wipe);
  } else {
    ++struck["kill"];
  }
}

void Storm::strike(sim::Observer& observer) {
  const Name name = any_node();
  sim::Machine& node = cluster_.node(name);
  switch (random_.below(12)) {
    case 0:
    case 1:
    case 2: return die(observer, name);
    case 3:
    case 4:
    case 5:
      if (!node.running()) start(name);
      return;
    case 6: {
      ++struck["partition"];
      std::vector<std::set<Name>> groups(2);
      for (const Name& each : cluster_.names()) groups[random_.below(2)].insert(each);
      return cluster_.partition(groups);
    }
    case 7: return cluster_.heal();
    case 8: {
      ++struck["blackout"];
      for (const Name& each : cluster_.names()) die(observer, each);
      for (const Name& each : cluster_.names()) {
        if (!cluster_.node(each).running()) start(each);
      }
      return;
    }
    case 9: {
      node.slow_raft_log = milliseconds(random_.below(2) * random_.below(400));
      sim::MemDisk& disk =
          random_.below(2) == 0 ? node.directory().raft_log : node.directory().journal;
      const bool fill = random_.below(2) == 0;
      if (fill) ++struck["full disk"];
      disk.set_capacity(fill ? disk.bytes() + random_.below(1000) : UINT64_MAX);
      return;
    }
    case 10: {
      ++struck["line"];
      sim::Line& line =
          cluster_.network().line(cluster_.peer_of(name), cluster_.peer_of(any_node()));
      line.lost = random_.below(2) * random_.below(300);
      line.doubled = random_.below(2) * random_.below(300);
      line.reordered = random_.below(2) * random_.below(300);
      line.late = random_.below(2) * random_.below(300);
      return;
    }
    default:  // of one machine only: most clocks stay honest
      ++struck["clock"];
      cluster_.node("1").clocks.wall_offset_ms =
          (static_cast<std::int64_t>(random_.below(40)) - 20) * 31'536'000'000;
      node.clocks.set_rate(cluster_.time().now(),
                           static_cast<std::int64_t>(random_.below(400)) - 200);
      return;
  }
}

void Storm::clear_up() {
  cluster_.heal();
  for (const Name& name : cluster_.names()) {
    sim::Machine& node = cluster_.node(name);
    node.slow_raft_log = Duration(0);
    node.directory().raft_log.set_capacity(UINT64_MAX);
    node.directory().journal.set_capacity(UINT64_MAX);
    for (const Name& to : cluster_.names()) {
      sim::Line& line = cluster_.network().line(cluster_.peer_of(name), cluster_.peer_of(to));
      line.lost = line.doubled = line.reordered = line.late = 0;
    }
    if (!node.running()) start(name);
  }
}

}  // namespace causeway::testing
