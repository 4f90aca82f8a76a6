// A simulated cluster for tests: what goes wrong fails the test.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sim/cluster.hpp"
#include <causeway/store.hpp>

namespace causeway::testing {

using sim::ClusterSettings;
using sim::DataDirectory;
using sim::Machine;
using sim::MapTable;
using sim::MemDisk;

class VirtualCluster : public sim::Cluster {
 public:
  using Cluster::Cluster;

  void start(const Name& name);  ///< fails the test when the node refuses to start
  void start_all();
  void stop(const Name& name);  ///< gracefully

  /// Runs until it is answered; none within the bound fails the test.
  const wire::Reply& wait(CallNumber call, Duration bound = std::chrono::seconds(60));

  CallNumber begin_get(const Name& name, std::string key, bool consistent = true,
                       std::optional<std::uint64_t> timeout_ms = {});
  CallNumber begin_set(const Name& name, std::string key, std::string value, bool consistent = true,
                       std::optional<std::uint64_t> timeout_ms = {},
                       InDoubt in_doubt = InDoubt::wait);
  Response get(const Name& name, std::string key, bool consistent = true,
               std::optional<std::uint64_t> timeout_ms = {});
  Response set(const Name& name, std::string key, std::string value, bool consistent = true,
               std::optional<std::uint64_t> timeout_ms = {});
  Response swap(const Name& name, std::string key, std::string value,
                std::optional<std::string> expected);
  Response remove(const Name& name, std::string key, bool consistent = true);
  OutcomeResult outcome(const Name& name, std::string operation,
                        std::optional<std::uint64_t> timeout_ms = {});
  AwaitResult await(const Name& name, std::string token,
                    std::optional<std::uint64_t> timeout_ms = {});
  Status status(const Name& name);
  PendingPage pending(const Name& name);
  ConflictPage conflicts(const Name& name);

  /// The node that leads and says so, in the highest term; empty: none.
  [[nodiscard]] std::optional<Name> leader();
  /// Runs until there is a leader whom a majority follows; fails the test when none comes.
  Name wait_for_leader();
  /// Runs until all running nodes have applied the same index and no writes are pending.
  void settle(Duration bound = std::chrono::seconds(60));
};

/// A settled cluster of three whose leader is not node 3.
std::unique_ptr<VirtualCluster> cluster_led_by_others(ClusterSettings settings = {});

}  // namespace causeway::testing
