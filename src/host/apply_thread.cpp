#include "host/apply_thread.hpp"

#include <span>

#include "host/thread_name.hpp"

namespace causeway::host {

void ApplyThread::start() {
  thread_ = std::thread([this] { run(); });
}

void ApplyThread::taken(std::size_t bytes) {
  if (bytes == 0) return;
  {
    const std::lock_guard lock(mutex_);
    untaken_bytes_ -= bytes;
  }
  room_.notify_one();
}

void ApplyThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  room_.notify_one();
  queue_.close();
  if (thread_.joinable()) thread_.join();
}

void ApplyThread::run() {
  name_this_thread("causeway-apply");
  ApplyWork work;
  while (queue_.take(work)) {
    work_through(work.inputs);
    work.inputs.clear();
  }
}

void ApplyThread::work_through(const std::vector<kv::Input>& inputs) {
  std::span<const kv::Input> rest(inputs);
  while (!rest.empty() && wait_for_room()) {
    const kv::Stepped stepped = applier_->step(rest, kSliceBytes, outputs_);
    rest = rest.subspan(stepped.inputs);
    if (!outputs_.empty()) give(stepped.bytes);
    outputs_.clear();
  }
}

/// False: it is to stop.
bool ApplyThread::wait_for_room() {
  std::unique_lock lock(mutex_);
  room_.wait(lock, [this] { return untaken_bytes_ < kUntakenBytesMax || stopping_; });
  return !stopping_;
}

void ApplyThread::give(std::size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    untaken_bytes_ += bytes;
  }
  loop_.give([&](LoopMail& mail) {
    hand_over(outputs_, mail.applier);
    mail.applier_bytes += bytes;
  });
}

}  // namespace causeway::host
