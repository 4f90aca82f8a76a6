// What one run of a node's process holds in memory: all that a kill ends.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "sim/machine.hpp"

namespace causeway::sim {

struct Machine::Live {
  std::unique_ptr<kv::Applier> applier;
  std::unique_ptr<storage::LogWriter> raft_log;
  std::unique_ptr<storage::LogWriter> journal;
  std::unique_ptr<node::Loop> loop;

  std::vector<node::Input> inbox;
  bool turn_due = false;
  bool paused = false;
  bool asleep = false;
  std::vector<storage::LogInput> raft_log_inbox;
  std::vector<storage::LogInput> journal_inbox;
  std::vector<kv::Input> applier_inbox;
  bool raft_log_busy = false;
  bool journal_busy = false;
  bool applier_busy = false;
  Instant timer = Instant::never();
  std::vector<Action> delayed;  ///< while paused
};

}  // namespace causeway::sim
