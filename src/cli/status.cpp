// status: of the first server that answers; with --all of every server named and every member they
// know.
#include <chrono>
#include <deque>
#include <future>
#include <ostream>
#include <set>

#include <nlohmann/json.hpp>

#include "cli/commands.hpp"

namespace causeway::cli {
namespace {

using nlohmann::json;

struct Asked {
  Status status;
  std::string server;
};

/// An error here is one of reaching, unless `server` says who refused.
Result<Asked> ask(const std::vector<std::string>& servers, std::chrono::milliseconds timeout,
                  std::string& refused_by) {
  auto client = Client::connect({.servers = servers, .connect_timeout = timeout});
  if (!client) return std::move(client).error();
  std::string server = client.value()->server();
  std::promise<Result<Status>> answered;
  client.value()->status([&](Result<Status> status) {
    refused_by = client.value()->server();  // it may close behind its answer
    answered.set_value(std::move(status));
  });
  auto status = answered.get_future().get();
  if (!status) return std::move(status).error();
  return Asked{std::move(status).value(), std::move(server)};
}

void print(const Terminal& terminal, const Asked& asked) {
  const Status& status = asked.status;
  if (terminal.as_json) {
    json object = to_json(status);
    object["server"] = asked.server;
    return terminal.object(object);
  }
  std::ostream& out = terminal.out;
  out << "id: " << one_line(status.id) << '\n'
      << "server: " << asked.server << '\n'
      << "role: " << status.role << '\n'
      << "state: " << status.state << '\n'
      << "cluster: " << (status.cluster == 0 ? "not formed yet" : hex(status.cluster)) << '\n'
      << "origin: " << hex(status.origin.value) << '\n'
      << "term: " << status.term.value << '\n'
      << "leader: " << (status.leader.empty() ? "none known" : one_line(status.leader)) << '\n'
      << "commit_index: " << status.commit_index.value << '\n'
      << "applied_index: " << status.applied_index.value << '\n'
      << "log_time: " << status.log_time.value << '\n'
      << "pending: " << status.pending << '\n'
      << "verdicts: won " << status.verdicts.won << ", superseded " << status.verdicts.superseded
      << ", rejected " << status.verdicts.rejected << ", replaced " << status.verdicts.replaced
      << '\n';
  for (const MemberInfo& member : status.members) {
    out << "member: " << one_line(member.id) << ' ' << one_line(member.address) << ' '
        << member.role << (member.reachable ? " reachable" : " not reachable");
    if (member.behind) out << ", behind by " << *member.behind;
    out << '\n';
  }
}

void print_failure(const Terminal& terminal, const std::string& server, const Error& error) {
  if (terminal.as_json) {
    return terminal.object(
        {{"server", server}, {"code", causeway::name_of(error.code)}, {"message", error.detail}});
  }
  terminal.err << "kvcli: " << server << ": " << one_line(error.detail) << '\n';
}

/// Members' addresses are tried too, unless the member has answered already (under another address,
/// maybe).
ExitCode status_of_all(const Invocation& invocation, const Terminal& terminal) {
  struct Candidate {
    std::string address;
    std::string id;  // empty: named on the command line
  };
  std::deque<Candidate> candidates;
  for (const std::string& server : invocation.servers) candidates.push_back({server, {}});
  std::set<std::string> tried;
  std::set<std::string> answered;
  ExitCode nobody = ExitCode::no_server;
  while (!candidates.empty()) {
    const Candidate candidate = candidates.front();
    candidates.pop_front();
    if (answered.contains(candidate.id) || !tried.insert(candidate.address).second) continue;
    std::string refused_by;
    const auto asked = ask({candidate.address}, connect_timeout(invocation), refused_by);
    if (!asked) {
      if (asked.error().code == Errc::invalid && candidate.id.empty() && refused_by.empty()) {
        return fail(terminal, asked.error(), {});
      }
      if (!refused_by.empty()) nobody = ExitCode::refused;
      print_failure(terminal, candidate.address, asked.error());
      continue;
    }
    const Status& status = asked.value().status;
    if (!answered.insert(status.id).second) continue;
    if (answered.size() > 1 && !terminal.as_json) terminal.out << '\n';
    print(terminal, asked.value());
    for (const MemberInfo& member : status.members) {
      if (!member.address.empty()) candidates.push_back({member.address, member.id});
    }
  }
  return answered.empty() ? nobody : ExitCode::done;
}

}  // namespace

ExitCode status(const Invocation& invocation, const Terminal& terminal) {
  if (invocation.all) return status_of_all(invocation, terminal);
  std::string refused_by;
  const auto asked = ask(invocation.servers, connect_timeout(invocation), refused_by);
  if (!asked) return fail(terminal, asked.error(), refused_by);
  print(terminal, asked.value());
  return ExitCode::done;
}

}  // namespace causeway::cli
