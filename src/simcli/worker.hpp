// A process in which runs take place, one after the other.
//
// A run may crash, hang, or eat all memory: that is a failure of its seed like any other, and the
// rest must go on. The handler of failed checks is the process's, too. A fork for each run would be
// simplest, but the kernel then hands out and clears all its memory anew, which costs a third of
// the time; so a process goes on to the next run, unless a run failed in it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>

#include <sys/types.h>

#include "sim/plan.hpp"
#include "sim/simulation.hpp"

namespace causeway::simcli {

using Simulate = std::function<sim::Report(const sim::Plan&, sim::Trace&, const sim::Bounds&)>;

/// Of one run. One that hits a limit fails with the invariant "bound".
struct Limits {
  std::chrono::milliseconds time = std::chrono::minutes(10);  ///< real
  std::size_t memory_bytes = std::size_t{2} << 30;  ///< not under sanitizers, which need far more
};

struct Outcome {
  sim::Plan plan;
  sim::Report report;
  std::string tail;                  ///< of a failure: the last events
  std::chrono::nanoseconds took{0};  ///< real time of the run itself
};

/// Owns the process: killed with it. Runs one plan at a time.
class Worker {
 public:
  /// `on_line` gets each line of the traces, where it is not empty.
  Worker(const Simulate& simulate, const Limits& limits,
         std::function<void(const std::string&)> on_line);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// False: the process is gone.
  [[nodiscard]] bool start(const sim::Plan& plan);
  /// Readable when there is something to take.
  [[nodiscard]] int descriptor() const { return socket_; }
  /// When the run must be over.
  [[nodiscard]] std::chrono::steady_clock::time_point deadline() const { return deadline_; }
  /// Takes what the process said. True: the run has ended, `outcome` is there.
  [[nodiscard]] bool take();
  /// The run did not end in time.
  void give_up();
  [[nodiscard]] const Outcome& outcome() const { return outcome_; }
  /// Fit for another run: the last one did not fail, and there were not too many.
  [[nodiscard]] bool fit() const;

 private:
  void take_frames();
  void end();
  void fail(std::string invariant, std::string detail);

  Limits limits_;
  std::function<void(const std::string&)> on_line_;
  std::chrono::steady_clock::time_point deadline_;
  pid_t pid_ = -1;
  int socket_ = -1;
  std::size_t runs_ = 0;
  std::string unread_;
  bool reported_ = false;
  Outcome outcome_;
};

}  // namespace causeway::simcli
