// A cluster under the settling model, with callers everywhere and faults that strike at random.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/random.hpp"
#include "sim/cluster.hpp"
#include "sim/settle_model.hpp"

namespace causeway::sim::testing {

class Storm {
 public:
  explicit Storm(std::uint64_t seed)
      : random_(seed),
        cluster({.seed = random_.next(),
                 .nodes = 3 + 2 * random_.below(2),
                 .election_timeout = std::chrono::milliseconds(300),
                 .heartbeat_interval = std::chrono::milliseconds(50),
                 .raft_segment_bytes = 24u << 10,
                 .raft_vital_bytes = 8u << 10,
                 .journal_segment_bytes = 16u << 10,
                 .loss_per_mille = random_.below(3) == 0 ? random_.below(50) : 0}),
        model(cluster) {
    cluster.observe(model);
    if (random_.below(4) == 0) padding_ = std::string(20'000, '.');  // journals that are rewritten
    for (const std::string& name : cluster.names()) {
      if (random_.below(4) == 0) {
        cluster.node(name).clocks.wall_offset_ms =
            static_cast<std::int64_t>(random_.below(40)) * 31'536'000'000 - 600'000'000'000;
      }
      Machine& node = cluster.node(name);
      node.on_power_off = [this, name] { cluster.lose_power(name); };
      start(name);
    }
  }

  void run(Duration duration, bool faults) {
    const Instant end = cluster.time().now() + duration;
    while (cluster.time().now() < end) {
      for (std::uint64_t calls = random_.below(4); calls > 0; --calls) call();
      if (faults && random_.below(20) == 0) strike();
      restart_moved();
      cluster.run_for(std::chrono::milliseconds(1 + random_.below(20)));
    }
  }

  void calm() {
    cluster.heal();
    for (const std::string& name : cluster.names()) {
      Machine& node = cluster.node(name);
      node.directory().journal.power_off(0);  // never
      node.directory().raft_log.power_off(0);
      node.directory().journal.set_capacity(UINT64_MAX);
      node.directory().raft_log.set_capacity(UINT64_MAX);
      if (node.paused()) node.resume();
      if (!node.running()) start(name);
    }
  }

  /// Outside of REQUIRE, which would swallow a Violation. A full disk may keep it from starting.
  void start(const std::string& name) {
    const auto started = cluster.try_start(name);
    const bool good = started || started.error().code == Errc::disk_full;
    REQUIRE(good);
  }

  /// It comes back as it was in an earlier crash.
  void put_back(const std::string& name, const DataDirectory& image) {
    cluster.kill(name);
    cluster.node(name).restore(image);
    model.died(cluster.peer_of(name), Death::old_copy);
    start(name);
  }
  void wipe(const std::string& name) {
    cluster.kill(name);
    cluster.node(name).wipe();
    model.died(cluster.peer_of(name), Death::wipe);
    start(name);
  }

 private:
  Random random_;
  std::string padding_;

 public:
  Cluster cluster;
  SettleModel model;
  std::map<std::string, std::size_t> struck;

 private:
  std::string any_node() { return cluster.names()[random_.below(cluster.names().size())]; }

  // Who takes a new origin ends, to start again under it.
  void restart_moved() {
    const auto ended = cluster.ended_by_itself;
    for (const auto& [name, error] : ended) {
      INFO(name, ": ", error ? error->detail : "");
      REQUIRE_FALSE(error);
      start(name);
    }
  }

  std::string value() { return "v" + std::to_string(random_.below(1000)) + padding_; }

  void call() {
    const std::string name = any_node();
    if (!cluster.ready_nodes.contains(name)) return;
    const std::string key(1, static_cast<char>('a' + random_.below(4)));
    std::optional<std::uint64_t> timeout;
    if (random_.below(3) != 0) timeout = 50 + random_.below(1500);
    const std::uint64_t kind = random_.below(12);
    if (kind == 0) {
      cluster.call(name, wire::GetCall{.key = key, .timeout_ms = timeout});
      return;
    }
    wire::WriteCall write{.op = wire::WriteOp::set,
                          .key = key,
                          .value = Blob::copy_of(value()),
                          .consistent = kind < 6,
                          .timeout_ms = timeout};
    if (kind % 6 == 1) {
      write.op = wire::WriteOp::remove;
      write.value = {};
    } else if (kind == 2) {
      write.op = wire::WriteOp::swap;
      if (random_.below(3) != 0) write.expected = value();
    }
    cluster.call(name, std::move(write));
  }

  void strike() {
    const std::string name = any_node();
    Machine& node = cluster.node(name);
    MemDisk& disk = random_.below(2) == 0 ? node.directory().journal : node.directory().raft_log;
    switch (random_.below(10)) {
      case 0: return cluster.heal();
      case 1: {
        std::vector<std::set<std::string>> groups(2);
        for (const std::string& each : cluster.names()) groups[random_.below(2)].insert(each);
        ++struck["partition"];
        return cluster.partition(groups);
      }
      case 2:
        if (!node.running()) return;
        ++struck["kill"];
        return cluster.kill(name, random_.below(node.directory().table.unflushed() + 1));
      case 3:
        if (!node.running()) return;
        ++struck["power"];
        return cluster.lose_power(name);
      case 4:
        if (!node.running()) return;
        ++struck["power in a step"];
        return disk.power_off(1 + random_.below(6));
      case 5:
        if (!node.running()) return;
        ++struck["pause"];
        return node.paused() ? node.resume() : node.pause();
      case 6: {
        const bool fill = random_.below(3) == 0;
        if (fill) ++struck["full disk"];
        return disk.set_capacity(fill ? disk.bytes() + random_.below(1000) : UINT64_MAX);
      }
      case 7:
        ++struck["clock"];
        node.clocks.wall_offset_ms += static_cast<std::int64_t>(random_.below(4000)) - 2000;
        return;
      default:
        if (!node.running()) start(name);
    }
  }
};

}  // namespace causeway::sim::testing
