#include "host/node_thread.hpp"

#include <utility>

#include "base/check.hpp"
#include "base/random.hpp"
#include "host/entropy.hpp"
#include "host/past.hpp"
#include "host/settings.hpp"
#include "host/system_clocks.hpp"
#include "host/thread_name.hpp"

namespace causeway::host {
namespace {

Error gone() { return {Errc::unavailable, "the node has ended: start it again"}; }

Error starting() { return {Errc::unavailable, "this node is starting: ask again in a moment"}; }

/// `listen` has the port that was picked, which an own address with port 0 stands for.
node::Options loop_options(const NodeOptions& options, const wire::Identity& identity,
                           const net::Address& listen) {
  node::Options loop;
  loop.name = identity.name;
  loop.origin = identity.origin;
  loop.old_origins = identity.old_origins;
  loop.incarnation = {Random(entropy()).id()};
  loop.voters = identity.cluster;
  std::string& own = loop.voters[identity.name];
  if (own.ends_with(":0")) own = net::to_string(listen);
  loop.election_timeout = options.election_timeout;
  loop.heartbeat_interval = options.heartbeat_interval;
  loop.build_date = build_date();
  loop.boot_id = system_boot_id();
  loop.journal_bytes_max = options.journal_limit;
  loop.limits.key_bytes_max = options.key_bytes_max;
  loop.limits.value_bytes_max = options.value_bytes_max;
  return loop;
}

}  // namespace

NodeThread::NodeThread(NodeOptions options, DataDirectory directory, wire::Identity identity,
                       net::Address listen)
    : options_(std::move(options)),
      log_(identity.name, options_.log_level),
      listen_(std::move(listen)),
      identity_(std::move(identity)),
      directory_(std::move(directory)) {}

Result<void> NodeThread::start() {
  CAUSEWAY_TRY(listener, net::Listener::bind(io_, listen_));
  listen_ = listener.address();
  listener_ = std::move(listener);
  // Not before the port is had: a first start that forgot a flag must not decide what this
  // directory is.
  if (directory_->identity() != identity_) {
    CAUSEWAY_TRY(directory_->write_identity(identity_));
  }
  std::unique_lock lock(mutex_);
  thread_ = std::thread([this] { run(); });
  loop_id_ = thread_.get_id();
  changed_.wait(lock, [this] { return phase_ != Phase::starting; });
  if (error_) return *error_;
  return success();
}

void NodeThread::stop() {
  inbox_.give([](LoopMail& mail) { mail.stop_asked = true; });
  std::unique_lock lock(mutex_);
  if (!thread_.joinable() || loop_id_ == std::this_thread::get_id()) return;
  changed_.wait(lock, [this] { return phase_ == Phase::ended; });
  std::thread ended = std::move(thread_);  // whoever comes second finds none to join
  lock.unlock();
  if (ended.joinable()) ended.join();
}

Result<void> NodeThread::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return phase_ == Phase::ended; });
  if (error_) return *error_;
  return success();
}

void NodeThread::call(LocalCall call) {
  if (inbox_.give([&](LoopMail& mail) { mail.calls.push_back(std::move(call)); })) return;
  deliver(call.done, wire::CallError{gone(), {}, {}});
}

// ---- On the loop thread from here on.

void NodeThread::run() {
  name_this_thread("causeway-loop");
  log_.write(Log::Level::info, "starting in " + options_.data_dir);
  if (const std::string doubt = doubt_about_address(directory_->identity().value()); !doubt.empty())
    log_.write(Log::Level::warn, doubt);
  std::optional<Error> error;
  bool again = true;
  while (again) {
    const Result<Driver::End> ended = live();
    if (!ended) error = ended.error();
    again = ended && ended.value() == Driver::End::restart && !stop_asked_;
    if (!again) inbox_.close();
    clear_inbox(again);
  }
  listener_.reset();
  directory_.reset();  // with it goes the lock
  announce_end(std::move(error));
}

Result<Driver::End> NodeThread::live() {
  const auto warn = [this](std::string_view text) { log_.write(Log::Level::warn, text); };
  CAUSEWAY_TRY(past, open_past(*directory_, options_.journal_limit, warn));
  const node::Options options = loop_options(options_, directory_->identity().value(), listen_);
  Driver driver(io_, inbox_, log_, *directory_, std::move(past), options,
                [this] { announce_ready(); });
  if (!listener_) {  // a later life, on the same port
    CAUSEWAY_TRY(listener, net::Listener::bind(io_, listen_));
    listener_ = std::move(listener);
  }
  CAUSEWAY_TRY(address, driver.listen(std::move(*listener_)));
  CAUSEWAY_CHECK(address == listen_);
  listener_.reset();
  driver_ = &driver;
  if (stop_asked_) inbox_.give([](LoopMail& mail) { mail.stop_asked = true; });
  Result<Driver::End> ended = driver.run();
  driver_ = nullptr;
  return ended;
}

/// Between two lives and after the last. Reports of threads that have ended are of no use any more;
/// calls that never reached the loop did not happen.
void NodeThread::clear_inbox(bool again) {
  LoopMail mail;
  inbox_.take(mail);
  stop_asked_ = stop_asked_ || mail.stop_asked;
  for (const LocalCall& call : mail.calls) {
    deliver(call.done, wire::CallError{again ? starting() : gone(), {}, {}});
  }
}

void NodeThread::announce_ready() {
  log_.write(Log::Level::info, "ready at " + net::to_string(listen_));
  const std::lock_guard lock(mutex_);
  if (phase_ == Phase::starting) phase_ = Phase::ready;
  changed_.notify_all();
}

void NodeThread::announce_end(std::optional<Error> error) {
  if (!error) log_.write(Log::Level::info, "stopped");
  const std::lock_guard lock(mutex_);
  phase_ = Phase::ended;
  error_ = std::move(error);
  changed_.notify_all();
}

}  // namespace causeway::host
