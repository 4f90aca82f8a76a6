// A real cluster in bad weather, small: to see that checkers accept what it does, and find what a
// planted bug does. (causeway-sim has the whole fault catalogue; this one judges nothing itself.)
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/random.hpp"
#include "sim/cluster.hpp"

namespace causeway::testing {

struct StormSettings {
  std::uint64_t seed = 1;
  std::size_t nodes = 3;
  std::size_t steps = 400;  ///< of 50 ms on average: a fault, or calls
  bool faults = true;
};

class Storm {
 public:
  explicit Storm(const StormSettings& settings);

  /// From the first start to the end, under `observer`, who throws what it finds.
  void run(sim::Observer& observer);

  [[nodiscard]] sim::Cluster& cluster() { return cluster_; }

  std::map<std::string, std::size_t> struck;  ///< faults by kind
  std::size_t answers = 0;
  LogIndex mark;  ///< the highest of any node

 private:
  using Name = sim::Cluster::Name;

  Name any_node() { return cluster_.names()[random_.below(settings_.nodes)]; }
  void call(const Name& name);
  void strike(sim::Observer& observer);
  void die(sim::Observer& observer, const Name& name);
  void start(const Name& name);
  void clear_up();

  StormSettings settings_;
  Random random_;
  sim::Cluster cluster_;
  bool wiped_ = false;
};

}  // namespace causeway::testing
