#include "daemon/stop_signals.hpp"

#include <string_view>
#include <thread>
#include <utility>

#include <signal.h>
#include <unistd.h>

namespace causeway::daemon {
namespace {

sigset_t stop_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGTERM);
  ::sigaddset(&set, SIGINT);
  return set;
}

void exit_at_once(int) {
  constexpr std::string_view kWhy = "kvd: stopped at once by a second signal, as by kill -9\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kWhy.data(), kWhy.size());
  ::_exit(1);
}

void wait_and_stop(const std::function<void()>& stop) {
  const sigset_t set = stop_signals();
  int which = 0;
  ::sigwait(&set, &which);
  struct sigaction action {};
  action.sa_handler = exit_at_once;
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  // Only this thread has them unblocked, and it may sit in `stop` for a while: the handler runs
  // here.
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  stop();
}

}  // namespace

void block_stop_signals() {
  const sigset_t set = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);  // a reader of our logs that goes away is no reason to die
}

void on_stop_signal(std::function<void()> stop) {
  std::thread([stop = std::move(stop)] { wait_and_stop(stop); }).detach();
}

}  // namespace causeway::daemon
