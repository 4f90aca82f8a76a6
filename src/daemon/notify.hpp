// The word to systemd that a service of Type=notify is ready or stopping (sd_notify(3)), without
// its library.
#pragma once

#include <string_view>

namespace causeway::daemon {

/// Sends `state` (READY=1, STOPPING=1) to the socket that NOTIFY_SOCKET names; where there is none,
/// nothing happens. Best effort: a supervisor that does not listen must not keep a node from
/// serving.
void notify_supervisor(std::string_view state);

}  // namespace causeway::daemon
