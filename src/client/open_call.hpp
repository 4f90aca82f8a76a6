// A call that has no answer yet, and how it ends when none can come.
//
// What may be said without an answer depends on two things only: whether the server can have it
// (the kernel took its last byte), and whether carrying it out changes anything:
//
//     not sent, or a read      it did nothing: sent again elsewhere, or timeout, unavailable
//     a write that was sent    it may have happened: in doubt
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "wire/rpc.hpp"
#include <causeway/result.hpp>

namespace causeway::client {

using Clock = std::chrono::steady_clock;

struct OpenCall {
  wire::Call request;
  std::function<void(Result<wire::Answer>)> done;
  Clock::time_point deadline = Clock::time_point::max();  ///< end of the caller's budget
  Clock::time_point due = Clock::time_point::max();       ///< when its server must have answered
  std::uint64_t end_offset = 0;  ///< in the connection's stream, of its last byte; 0: not queued
};

/// It changes something when it is carried out.
[[nodiscard]] bool is_write(const wire::Call& request);

/// The caller's budget, where it gave one.
[[nodiscard]] std::optional<std::chrono::milliseconds> budget_of(const wire::Call& request);
/// Sent after `left` remains of it.
void set_budget(wire::Call& request, std::chrono::milliseconds left);

/// How long after sending it at `now` its server must have answered; max() where it may take for
/// ever.
[[nodiscard]] Clock::time_point answer_due(const OpenCall& call, Clock::time_point now);

/// The answer of a call whose budget has ended, and that certainly did nothing.
[[nodiscard]] Result<wire::Answer> timed_out(const wire::Call& request, const std::string& server);
/// The answer of a write that was sent and whose fate nobody will tell.
[[nodiscard]] wire::Answer in_doubt();

}  // namespace causeway::client
