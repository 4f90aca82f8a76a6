#include "node/weather.hpp"

#include <doctest/doctest.h>

namespace causeway::testing {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t kYearMs = 31'536'000'000;

}  // namespace

bool Weather::usable(const Name& name) {
  return cluster_.node(name).running() && cluster_.ready_nodes.contains(name);
}

// What befalls a leader shows most.
Weather::Name Weather::any_node() {
  if (random_.below(3) == 0) {
    for (const Name& name : cluster_.names()) {
      const auto status = cluster_.node(name).peek();
      if (status && status->role == "leader") return name;
    }
  }
  return cluster_.names()[random_.below(cluster_.names().size())];
}

bool Weather::passes(const Name& from, const Name& to, const consensus::Message& message) {
  const auto lost = lost_kinds_.find({from, to});
  return lost == lost_kinds_.end() || lost->second != message.index();
}

void Weather::strike() {
  const Name name = any_node();
  Machine& node = cluster_.node(name);
  switch (random_.below(13)) {
    case 0:
    case 1:
      if (node.running()) die(name, random_.below(2) == 0 ? Death::power : Death::kill);
      return;
    case 2:
    case 3:
    case 4:
      if (!node.running()) start(name);
      return;
    case 5: return partition();
    case 6:
      cluster_.heal();
      lost_kinds_.clear();
      return;
    case 7:
      if (!usable(name) || paused(name)) return;
      ++struck["pause"];
      node.pause();
      paused_.insert(name);
      return;
    case 8:
      if (paused_.erase(name) != 0) node.resume();
      return;
    case 9: return change_disk(name);
    case 10:
      ++struck["lost kind"];
      lost_kinds_[{name, any_node()}] = random_.below(std::variant_size_v<consensus::Message>);
      return;
    case 11:
      ++struck["clock"];
      node.clocks.wall_offset_ms = static_cast<std::int64_t>(random_.below(40) * kYearMs) -
                                   static_cast<std::int64_t>(20 * kYearMs);
      return;
    default:
      if (random_.below(3) == 0) return blackout();
      if (random_.below(8) == 0 && may_wipe()) {
        wiped_ = true;
        return die(name, Death::wipe);
      }
      if (!usable(name) || paused(name)) return;
      ++struck["stop"];
      node.give(node::StopAsked{});
      return;
  }
}

void Weather::die(const Name& name, Death death) {
  paused_.erase(name);
  if (death == Death::power) {
    ++struck["power loss"];
    cluster_.lose_power(name);
  } else {
    ++struck["kill"];
    cluster_.kill(name, random_.below(5));
  }
  if (death == Death::wipe) {
    ++struck["wipe"];
    cluster_.node(name).wipe();
  }
  on_death(name, death);
}

void Weather::start(const Name& name) {
  auto started = cluster_.try_start(name);
  if (!started && started.error().code == Errc::disk_full) {  // says so, and starts with space
    cluster_.node(name).directory().raft_log.set_capacity(UINT64_MAX);
    cluster_.node(name).directory().journal.set_capacity(UINT64_MAX);
    started = cluster_.try_start(name);
  }
  if (!started) FAIL("node ", name, " does not start: ", started.error().detail);
}

// Once: the names of two wiped nodes of three would be nobody's for ever. And not while the cluster
// forms, which is a documented limit (design 3.5).
bool Weather::may_wipe() {
  for (const Name& name : cluster_.names()) {
    const auto status = cluster_.node(name).peek();
    if (!status || status->state != "serving") return false;
  }
  return !wiped_;
}

void Weather::partition() {
  ++struck["partition"];
  std::vector<std::set<Name>> groups(2);
  for (const Name& each : cluster_.names()) groups[random_.below(2)].insert(each);
  cluster_.partition(groups);
}

// The power goes everywhere at once, and comes back everywhere.
void Weather::blackout() {
  ++struck["blackout"];
  for (const Name& name : cluster_.names()) {
    if (cluster_.node(name).running()) die(name, Death::power);
  }
  for (const Name& name : cluster_.names()) start(name);
}

void Weather::change_disk(const Name& name) {
  Machine& node = cluster_.node(name);
  node.slow_raft_log = random_.below(2) == 0 ? milliseconds(random_.below(400)) : Duration(0);
  MemDisk& disk = random_.below(2) == 0 ? node.directory().raft_log : node.directory().journal;
  const bool fill = random_.below(3) == 0;
  if (fill) ++struck["full disk"];
  disk.set_capacity(fill ? disk.bytes() + random_.below(1000) : UINT64_MAX);
}

void Weather::clear_up() {
  cluster_.heal();
  lost_kinds_.clear();
  for (const Name& name : cluster_.names()) {
    Machine& node = cluster_.node(name);
    node.slow_raft_log = Duration(0);
    node.directory().raft_log.set_capacity(UINT64_MAX);
    node.directory().journal.set_capacity(UINT64_MAX);
    if (paused_.erase(name) != 0) node.resume();
  }
  // One that was asked to stop may still be on its way out.
  for (int round = 0; round < 2; ++round) {
    for (const Name& name : cluster_.names()) {
      if (!cluster_.node(name).running()) start(name);
    }
    if (round == 0) cluster_.run_for(std::chrono::seconds(2));
  }
}

}  // namespace causeway::testing
