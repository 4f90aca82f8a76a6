// SIGINT and SIGTERM as a question that can be asked.
#pragma once

#include <csignal>

namespace causeway::simcli {

/// While it lives, the first of these signals is only noted; the second one ends the process.
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
