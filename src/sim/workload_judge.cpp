// What the clients are told, judged while the run goes on; when it is over, Reckoning does.
#include <algorithm>
#include <utility>

#include "sim/violation.hpp"
#include "sim/workload.hpp"

namespace causeway::sim {
namespace {

using std::chrono::seconds;

constexpr Duration kLocalBound = seconds(2);
constexpr Duration kTimeoutBound = seconds(4);  // beyond the caller's own

bool is_exhausted(const wire::Reply& reply) {
  const auto* error = std::get_if<wire::CallError>(&reply);
  return error != nullptr && error->error.code == Errc::exhausted;
}

}  // namespace

// ---- while it goes on

void Workload::look(Duration since_last) {
  const Instant now = cluster_.time().now();
  for (auto& [call, open] : open_) {
    open.well = faults_.well(open.peer) ? open.well + since_last : Duration(0);
    const bool local = open.offline || open.local_get;
    if (local && open.well > kLocalBound) {
      throw Violation("local-answers", "call " + std::to_string(call) + " at " +
                                           cluster_.name_of(open.peer) + " is not answered");
    }
    const bool certain = open.operation.kind == Operation::Kind::get || open.may_report;
    if (!local && open.timeout && certain && open.well > *open.timeout + kTimeoutBound &&
        now - open.called > *open.timeout + kTimeoutBound) {
      throw Violation("timely", "call " + std::to_string(call) + " at " +
                                    cluster_.name_of(open.peer) +
                                    " is not answered long after its timeout");
    }
  }
}

Duration Workload::longest_wait(std::uint32_t peers, Instant calm) const {
  const Instant now = cluster_.time().now();
  Duration longest{0};
  for (const auto& [call, open] : open_) {
    if (((peers >> open.peer) & 1) == 0 || open.offline || open.local_get) continue;
    longest = std::max(longest, now - std::max(calm, open.called));
  }
  return longest;
}

std::string Workload::waiting() const {
  std::string text;
  for (const auto& [call, open] : open_) {
    if (!text.empty()) text += "; ";
    text += "call " + std::to_string(call) + " at " + cluster_.name_of(open.peer) + ": " +
            to_string(open.operation);
  }
  return text;
}

// ---- when it is over

// Where places are few, calls that were given up may still hold them for a moment.
wire::Reply Workload::ask(Peer peer, const wire::Call& call) {
  constexpr int kTries = 60;
  wire::Reply reply = ask_once(peer, call);
  for (int i = 1; i < kTries && is_exhausted(reply); ++i) {
    cluster_.run_for(seconds(1));
    reply = ask_once(peer, call);
  }
  return reply;
}

wire::Reply Workload::ask_once(Peer peer, const wire::Call& call) {
  const auto number = cluster_.call(cluster_.name_of(peer), call);
  if (!cluster_.run_until([&] { return cluster_.reply(number) != nullptr; }, seconds(60)))
    throw Violation("convergence",
                    "at rest, node " + cluster_.name_of(peer) + " does not answer a call");
  return *cluster_.reply(number);
}

void Workload::finish() {
  Reckoning(told_, plan_.nodes, plan_.keys,
            {.ask = [this](Peer peer, const wire::Call& call) { return ask(peer, call); },
             .now = [this] { return at_now(); }})
      .judge();
}

}  // namespace causeway::sim
