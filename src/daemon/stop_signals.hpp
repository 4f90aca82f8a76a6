// SIGTERM and SIGINT: the first one stops the node well, the second one ends the process at once.
#pragma once

#include <functional>

namespace causeway::daemon {

/// Blocks both signals for this thread and those it starts from now on. First thing in main.
void block_stop_signals();

/// Waits for a signal on a thread of its own, which stays until the process ends; then runs `stop`
/// there. From the moment at which the first signal is taken a further one ends the process with 1.
void on_stop_signal(std::function<void()> stop);

}  // namespace causeway::daemon
