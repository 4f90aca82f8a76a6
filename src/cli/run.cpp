#include "cli/run.hpp"

#include <algorithm>
#include <istream>
#include <iterator>
#include <ostream>

#include "cli/commands.hpp"

namespace causeway::cli {
namespace {

// A node takes values of up to 1 MiB; who pipes in more is told so, without reading all of it.
constexpr std::size_t kInputBytesMax = 8u << 20;

std::string read_all(std::istream& in) {
  std::string content;
  char buffer[65536];
  while (content.size() < kInputBytesMax && (in.read(buffer, sizeof buffer), in.gcount() != 0)) {
    content.append(buffer, static_cast<std::size_t>(in.gcount()));
  }
  return content;
}

ExitCode carry_out(const Session& session) {
  switch (session.invocation.command) {
    case Command::get: return get(session);
    case Command::set: return set(session);
    case Command::del: return del(session);
    case Command::swap: return swap(session);
    case Command::pending: return pending(session);
    case Command::conflicts: return conflicts(session);
    case Command::await: return await(session);
    case Command::outcome: return outcome(session);
    case Command::status: break;
  }
  return status(session.invocation, session.terminal);
}

ExitCode run_invocation(Invocation invocation, std::istream& in, const Terminal& terminal,
                        std::chrono::milliseconds patience) {
  if (invocation.command == Command::status) return status(invocation, terminal);
  if (invocation.value_from_input) invocation.value = read_all(in);
  const auto client = Client::connect(
      {.servers = invocation.servers, .connect_timeout = connect_timeout(invocation)});
  if (!client) return fail(terminal, client.error(), {});
  return carry_out({invocation, *client.value(), terminal, patience});
}

}  // namespace

std::chrono::milliseconds connect_timeout(const Invocation& invocation) {
  const std::chrono::milliseconds longest = ClientOptions{}.connect_timeout;
  if (!invocation.timeout || invocation.timeout->count() == 0) return longest;
  return std::min(longest, *invocation.timeout);
}

ExitCode fail(const Terminal& terminal, const Error& error, const std::string& server) {
  if (!server.empty()) {
    terminal.fail(error);
    return error.code == Errc::in_doubt ? ExitCode::in_doubt : ExitCode::refused;
  }
  // Nobody was reached: only the addresses can be wrong, or nobody is there.
  if (error.code == Errc::invalid) {
    terminal.fail(error);
    return ExitCode::usage;
  }
  terminal.fail({error.code, error.detail + "; is a node running there? --server names others"});
  return ExitCode::no_server;
}

std::string_view Session::waiting_for() const {
  if (invocation.timeout) return {};
  switch (invocation.command) {
    case Command::get:
      if (invocation.inconsistent) return {};
      return "for a majority: Ctrl-C, --timeout or --inconsistent";
    case Command::set:
    case Command::del:
      if (invocation.inconsistent) return {};
      return "for a majority: Ctrl-C (it may happen all the same), --timeout or --inconsistent";
    case Command::swap: return "for a majority: Ctrl-C (it may happen all the same) or --timeout";
    case Command::await: return "for the write to settle: Ctrl-C or --timeout";
    case Command::outcome: return "for a majority, which alone can tell: Ctrl-C or --timeout";
    case Command::pending:
    case Command::conflicts:
    case Command::status: break;
  }
  return {};
}

ExitCode Session::fail(const Error& error) const {
  return cli::fail(terminal, error, error.code == Errc::unavailable ? answered_by : "a server");
}

int run(const std::vector<std::string>& arguments, const std::string& default_servers,
        std::istream& in, std::ostream& out, std::ostream& err,
        std::chrono::milliseconds patience) {
  auto parsed = parse_arguments(arguments, default_servers, out, err);
  if (const auto* ended = std::get_if<ExitCode>(&parsed)) return static_cast<int>(*ended);
  auto& invocation = std::get<Invocation>(parsed);
  const Terminal terminal{out, err, invocation.json};
  const ExitCode code = run_invocation(std::move(invocation), in, terminal, patience);
  // Full disk, closed pipe: who reads our output must not take half of it for all.
  if (!out.flush()) {
    err << "kvcli: cannot write to standard output\n";
    return code == ExitCode::done ? static_cast<int>(ExitCode::refused) : static_cast<int>(code);
  }
  return static_cast<int>(code);
}

}  // namespace causeway::cli
