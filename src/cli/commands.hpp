// What each command does once a server is reached. Each prints its result and says the exit code.
#pragma once

#include <chrono>

#include "cli/exit_code.hpp"
#include "cli/invocation.hpp"
#include "cli/output.hpp"
#include <causeway/client.hpp>

namespace causeway::cli {

/// What the commands work with. Owned by `run`.
struct Session {
  const Invocation& invocation;
  Client& client;
  const Terminal& terminal;

  /// Says what went wrong; its exit code.
  ExitCode fail(const Error& error) const;
};

// key_commands.cpp
ExitCode get(const Session& session);
ExitCode set(const Session& session);
ExitCode del(const Session& session);
ExitCode swap(const Session& session);

// offline_commands.cpp
ExitCode pending(const Session& session);
ExitCode conflicts(const Session& session);
ExitCode await(const Session& session);
ExitCode outcome(const Session& session);

/// status.cpp. It reaches servers by itself: --all asks more than one.
ExitCode status(const Invocation& invocation, const Terminal& terminal);

/// For each server: one that does not answer costs no more than the call may take. `await --timeout
/// 0s` has no time to wait for a verdict, but the time to ask.
std::chrono::milliseconds connect_timeout(const Invocation& invocation);

/// Says what went wrong. `server` is the one that said so; empty: none was reached.
ExitCode fail(const Terminal& terminal, const Error& error, const std::string& server);

}  // namespace causeway::cli
