// What must stay within its bounds, whatever happens (design 3.6).
#pragma once

#include <cstdint>

#include "sim/cluster.hpp"

namespace causeway::sim {

/// Looked at every now and then:
///   - journal-bound: a journal's files stay within twice its limit and four segments (what is
///     freed goes when a segment is rewritten)
///   - state-bound: verdicts not learnt and the list of conflicts stay within kv/limits.hpp
class BoundChecks {
 public:
  BoundChecks(Cluster& cluster, const ClusterSettings& settings)
      : cluster_(cluster), settings_(settings) {}

  void look();

 private:
  void look_at_journal(const Cluster::Name& name);
  void look_at_table(const Cluster::Name& name);

  Cluster& cluster_;
  const ClusterSettings& settings_;
};

}  // namespace causeway::sim
