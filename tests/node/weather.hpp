// The faults of a storm, drawn from its seed: deaths of processes and machines, pauses, partitions,
// loss of one kind of message, slow and full disks, clocks that jump.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "base/random.hpp"
#include "support/virtual_cluster.hpp"

namespace causeway::testing {

class Weather {
 public:
  using Name = VirtualCluster::Name;

  Weather(VirtualCluster& cluster, Random& random) : cluster_(cluster), random_(random) {}

  /// One fault, or the end of one.
  void strike();
  /// Everything works again, and all run.
  void clear_up();
  /// It takes calls; a paused one does not answer them before it goes on.
  [[nodiscard]] bool usable(const Name& name);
  [[nodiscard]] bool paused(const Name& name) const { return paused_.contains(name); }
  [[nodiscard]] bool passes(const Name& from, const Name& to, const consensus::Message& message);

  enum class Death : std::uint8_t { kill, power, wipe };
  std::function<void(const Name&, Death)> on_death;
  /// How often each fault was drawn: a storm without one shows nothing.
  std::map<std::string, std::size_t> struck;

 private:
  Name any_node();
  void die(const Name& name, Death death);
  void start(const Name& name);
  [[nodiscard]] bool may_wipe();
  void partition();
  void blackout();
  void change_disk(const Name& name);

  VirtualCluster& cluster_;
  Random& random_;
  std::set<Name> paused_;
  bool wiped_ = false;
  std::map<std::pair<Name, Name>, std::size_t> lost_kinds_;  ///< the kind of message that is lost
};

}  // namespace causeway::testing
