// What each command does once a server is reached. Each prints its result and says the exit code.
#pragma once

#include <chrono>
#include <future>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

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
  std::chrono::milliseconds patience;  ///< see wait_for
  /// Who answered the last call; empty: nobody was reached. A server that stops closes behind its
  /// answer, so `Client::server` may not know any more when it is read.
  mutable std::string answered_by{};

  /// Waits for the answer of the call that `begin` makes. A call without a time limit may wait for
  /// ever, and silence looks like a program that hangs: after `patience` one line on standard error
  /// says what it waits for. With --json a program is listening, which hears nothing but objects.
  template <class T, class Begin>
  [[nodiscard]] Result<T> wait_for(Begin begin) const {
    std::promise<Result<T>> promise;
    std::future<Result<T>> answer = promise.get_future();
    begin(Callback<T>([&](Result<T> result) {
      answered_by = client.server();
      promise.set_value(std::move(result));
    }));
    const std::string_view waiting = terminal.as_json ? "" : waiting_for();
    if (!waiting.empty() && answer.wait_for(patience) == std::future_status::timeout) {
      terminal.err << "kvcli: still waiting " << waiting << std::endl;
    }
    return answer.get();
  }
  /// Empty: this call does not wait for others, or not for ever.
  [[nodiscard]] std::string_view waiting_for() const;

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
