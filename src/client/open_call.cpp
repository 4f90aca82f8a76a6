#include "client/open_call.hpp"

#include <algorithm>

namespace causeway::client {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSlack{2000};        // for an answer to come back
constexpr milliseconds kPromptMax{10'000};  // for calls that a node answers at once

std::optional<std::uint64_t>* timeout_of(wire::Call& request) {
  if (auto* get = std::get_if<wire::GetCall>(&request)) return &get->timeout_ms;
  if (auto* write = std::get_if<wire::WriteCall>(&request)) return &write->timeout_ms;
  if (auto* await = std::get_if<wire::AwaitCall>(&request)) return &await->timeout_ms;
  if (auto* outcome = std::get_if<wire::OutcomeCall>(&request)) return &outcome->timeout_ms;
  return nullptr;
}

/// It waits for nothing: neither for a majority nor for a settlement.
bool is_answered_at_once(const wire::Call& request) {
  return std::holds_alternative<wire::PendingCall>(request) ||
         std::holds_alternative<wire::ConflictsCall>(request) ||
         std::holds_alternative<wire::StatusCall>(request) || budget_of(request) == milliseconds(0);
}

}  // namespace

bool is_write(const wire::Call& request) {
  return std::holds_alternative<wire::WriteCall>(request);
}

std::optional<milliseconds> budget_of(const wire::Call& request) {
  wire::Call copy = request;
  const auto* timeout_ms = timeout_of(copy);
  if (timeout_ms == nullptr || !timeout_ms->has_value()) return std::nullopt;
  return milliseconds(static_cast<std::int64_t>(timeout_ms->value()));
}

void set_budget(wire::Call& request, milliseconds left) {
  auto* timeout_ms = timeout_of(request);
  if (timeout_ms == nullptr || !timeout_ms->has_value()) return;
  // 0 would mean "do not wait at all" for some calls and is refused for others.
  const bool waits = timeout_ms->value() != 0;
  *timeout_ms = static_cast<std::uint64_t>(std::max<std::int64_t>(left.count(), waits ? 1 : 0));
}

Clock::time_point answer_due(const OpenCall& call, Clock::time_point now) {
  if (is_answered_at_once(call.request)) return now + kPromptMax;
  if (call.deadline == Clock::time_point::max()) return Clock::time_point::max();
  // One that asked to wait out its doubt may be answered at any time.
  const auto* write = std::get_if<wire::WriteCall>(&call.request);
  if (write != nullptr && write->in_doubt == InDoubt::wait) return Clock::time_point::max();
  return call.deadline + kSlack;
}

Result<wire::Answer> timed_out(const wire::Call& request, const std::string& server) {
  if (is_write(request) || std::holds_alternative<wire::GetCall>(request)) {
    return wire::Answer(Response{.timeout = true, .reason = TimeoutReason::budget});
  }
  // What became of a write is known to servers only.
  return Error{Errc::unavailable, server + " does not answer; try another server"};
}

wire::Answer in_doubt() { return Response{.in_doubt = true}; }

}  // namespace causeway::client
