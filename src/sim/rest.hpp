// What is owed when the faults are over and the clients ask no more.
//
//   convergence   within 300 s of virtual time all nodes have a leader, have applied the same, hold
//                 nothing pending, and have answered every call
//   equal-state   then what is replicated is the same on every node, byte for byte
//   idle-silent   and then, with nothing written and nothing due, no node appends (design 3.1)
#pragma once

#include <functional>
#include <string>

#include "sim/cluster.hpp"
#include "sim/workload.hpp"

namespace causeway::sim {

class Rest {
 public:
  using Advance = std::function<void(Duration)>;

  /// `advance` lets so much virtual time pass.
  Rest(Cluster& cluster, const Workload& workload, Advance advance);

  /// convergence
  void await();
  /// convergence, equal-state
  void compare_tables();
  /// idle-silent
  void stay_silent();

 private:
  [[nodiscard]] bool reached();
  [[nodiscard]] std::string standing();
  [[nodiscard]] LogIndex applied_by_first();

  Cluster& cluster_;
  const Workload& workload_;
  Advance advance_;
};

}  // namespace causeway::sim
