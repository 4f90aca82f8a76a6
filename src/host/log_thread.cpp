#include "host/log_thread.hpp"

#include "host/thread_name.hpp"

namespace causeway::host {
namespace {

/// One step of one log, reported at once.
void step(storage::LogWriter& writer, std::vector<storage::LogInput>& inputs,
          storage::LogEffects& effects, LoopInbox& loop,
          std::vector<storage::LogEffect> LoopMail::*slot) {
  if (inputs.empty()) return;
  writer.step(std::move(inputs), effects);
  inputs.clear();
  if (!effects.empty()) loop.give([&](LoopMail& mail) { hand_over(effects, mail.*slot); });
  effects.clear();
}

}  // namespace

void LogThread::start() {
  thread_ = std::thread([this] { run(); });
}

void LogThread::stop() {
  queue_.close();
  if (thread_.joinable()) thread_.join();
}

void LogThread::run() {
  name_this_thread("causeway-log");
  LogWork work;
  storage::LogEffects effects;
  while (queue_.take(work)) {
    step(raft_log_, work.raft_log, effects, loop_, &LoopMail::raft_log);
    step(journal_, work.journal, effects, loop_, &LoopMail::journal);
    if (work.new_origin) write_identity(*work.new_origin);
    work.new_origin.reset();
  }
}

void LogThread::write_identity(Origin origin) {
  wire::Identity identity = directory_.identity().value();
  identity.old_origins.push_back(identity.origin);
  identity.origin = origin;
  const Result<void> written = directory_.write_identity(identity);
  loop_.give([&](LoopMail& mail) {
    if (written) {
      mail.identity_written = true;
    } else {
      mail.failures.push_back(written.error());
    }
  });
}

}  // namespace causeway::host
