// The apply thread: drives the state machine and its table with everything that is queued.
//
// A read of 50 bytes asks for a megabyte, and thousands may be queued. Were all of them done at
// once, their values would pile up on the way to the loop, which alone knows what the connections
// still take. So this thread works in slices, and holds back while the loop has too many bytes of
// its results in hand. The loop never waits for it in turn, but to stop it.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
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
  /// Of values and keys on their way to the loop. At most one slice goes beyond it, and a slice
  /// ends with the output that reaches its own bound. Several slices fit, so that both threads have
  /// something to do.
  static constexpr std::size_t kUntakenBytesMax = 4u << 20;
  static constexpr std::size_t kSliceBytes = 1u << 20;

  ApplyThread(std::unique_ptr<kv::Applier> applier, LoopInbox& loop)
      : applier_(std::move(applier)), loop_(loop) {}
  ~ApplyThread() { stop(); }

  void start();
  WorkQueue<ApplyWork>& queue() { return queue_; }
  /// The loop has done with so many bytes of LoopMail::applier_bytes. Any thread.
  void taken(std::size_t bytes);
  /// Ends behind the slice it is at. Nobody would hear of the rest, and where that moves the state,
  /// the next start finds it in the logs, as after a crash.
  void stop();

 private:
  void run();
  void work_through(const std::vector<kv::Input>& inputs);
  [[nodiscard]] bool wait_for_room();
  void give(std::size_t bytes);

  std::unique_ptr<kv::Applier> applier_;
  LoopInbox& loop_;
  WorkQueue<ApplyWork> queue_;
  std::vector<kv::Output> outputs_;
  std::thread thread_;

  // Between threads.
  std::mutex mutex_;
  std::condition_variable room_;
  std::size_t untaken_bytes_ = 0;
  bool stopping_ = false;
};

}  // namespace causeway::host
