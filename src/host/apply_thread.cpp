#include "host/apply_thread.hpp"

#include "host/thread_name.hpp"

namespace causeway::host {

void ApplyThread::start() {
  thread_ = std::thread([this] { run(); });
}

void ApplyThread::stop() {
  queue_.close();
  if (thread_.joinable()) thread_.join();
}

void ApplyThread::run() {
  name_this_thread("causeway-apply");
  ApplyWork work;
  std::vector<kv::Output> outputs;
  while (queue_.take(work)) {
    applier_->step(std::move(work.inputs), outputs);
    work.inputs.clear();
    if (!outputs.empty()) loop_.give([&](LoopMail& mail) { hand_over(outputs, mail.applier); });
    outputs.clear();
  }
}

}  // namespace causeway::host
