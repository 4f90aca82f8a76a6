// The apply thread: drives the state machine and its table with everything that is queued.
#pragma once

#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "host/loop_inbox.hpp"
#include "host/work_queue.hpp"
#include "kv/applier.hpp"

namespace causeway::host {

struct ApplyWork {
  std::vector<kv::Input> inputs;
  [[nodiscard]] bool empty() const { return inputs.empty(); }
};

/// Owned by the driver. The inbox outlives it.
class ApplyThread {
 public:
  ApplyThread(std::unique_ptr<kv::Applier> applier, LoopInbox& loop)
      : applier_(std::move(applier)), loop_(loop) {}
  ~ApplyThread() { stop(); }

  void start();
  WorkQueue<ApplyWork>& queue() { return queue_; }
  /// Does what is queued, then ends.
  void stop();

 private:
  void run();

  std::unique_ptr<kv::Applier> applier_;
  LoopInbox& loop_;
  WorkQueue<ApplyWork> queue_;
  std::thread thread_;
};

}  // namespace causeway::host
