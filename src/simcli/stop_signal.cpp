#include "simcli/stop_signal.hpp"

namespace causeway::simcli {
namespace {

volatile std::sig_atomic_t came = 0;

void note(int) { came = 1; }

}  // namespace

StopSignal::StopSignal() {
  came = 0;
  struct sigaction action {};
  action.sa_handler = note;
  action.sa_flags = static_cast<int>(SA_RESETHAND);  // no SA_RESTART: poll must return
  ::sigaction(SIGINT, &action, &before_int_);
  ::sigaction(SIGTERM, &action, &before_term_);
}

StopSignal::~StopSignal() {
  ::sigaction(SIGINT, &before_int_, nullptr);
  ::sigaction(SIGTERM, &before_term_, nullptr);
}

bool StopSignal::asked() const { return came != 0; }

}  // namespace causeway::simcli
