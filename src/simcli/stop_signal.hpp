// SIGINT and SIGTERM as a question that can be asked.
#pragma once

#include <csignal>

namespace causeway::simcli {

/// While it lives, the first of these signals is only noted; another one half a second after it
/// ends the process. (At once there may be two: timeout(1) signals the process and its group.)
class StopSignal {
 public:
  StopSignal();
  ~StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  [[nodiscard]] bool asked() const;

 private:
  struct sigaction before_int_ {};
  struct sigaction before_term_ {};
};

}  // namespace causeway::simcli
