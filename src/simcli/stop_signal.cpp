#include "simcli/stop_signal.hpp"

#include <cstdint>
#include <ctime>

namespace causeway::simcli {
namespace {

constexpr std::int64_t kSameMs = 500;

volatile std::sig_atomic_t came = 0;
volatile std::int64_t came_at_ms = 0;

std::int64_t now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

void note(int signal) {
  if (came == 0) {
    came_at_ms = now_ms();
    came = 1;
  } else if (now_ms() - came_at_ms > kSameMs) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);  // ends the process when this returns
  }
}

}  // namespace

StopSignal::StopSignal() {
  came = 0;
  struct sigaction action {};
  action.sa_handler = note;
  ::sigemptyset(&action.sa_mask);
  ::sigaddset(&action.sa_mask, SIGINT);
  ::sigaddset(&action.sa_mask, SIGTERM);
  // No SA_RESTART: poll must return.
  ::sigaction(SIGINT, &action, &before_int_);
  ::sigaction(SIGTERM, &action, &before_term_);
}

StopSignal::~StopSignal() {
  ::sigaction(SIGINT, &before_int_, nullptr);
  ::sigaction(SIGTERM, &before_term_, nullptr);
}

bool StopSignal::asked() const { return came != 0; }

}  // namespace causeway::simcli
