// get, set, del, swap: one Response each, which looks the same in JSON for all of them.
#include <ostream>

#include <nlohmann/json.hpp>

#include "cli/commands.hpp"

namespace causeway::cli {
namespace {

using nlohmann::json;

ReadOptions read_options(const Invocation& invocation) {
  ReadOptions options{.consistent = !invocation.inconsistent, .blocking = !invocation.timeout};
  if (invocation.timeout) options.timeout = *invocation.timeout;
  return options;
}

WriteOptions write_options(const Invocation& invocation) {
  WriteOptions options{.consistent = !invocation.inconsistent,
                       .blocking = !invocation.timeout,
                       .in_doubt = invocation.in_doubt};
  if (invocation.timeout) options.timeout = *invocation.timeout;
  return options;
}

std::string timeout_message(const Invocation& invocation, const Response& response) {
  const std::string did_not = "it did not happen and never will";
  switch (response.reason) {
    case TimeoutReason::overtaken:
      return did_not + ": a later offline write of " + invocation.key +
             " through the same node went before it";
    case TimeoutReason::withdrawn: return did_not + ": the node took the call back";
    case TimeoutReason::none:
    case TimeoutReason::budget: break;
  }
  if (invocation.command == Command::get) {
    return "no majority confirmed it in time; try again, or --inconsistent for what this node has";
  }
  return did_not + ": no majority decided it in time; try again" +
         (invocation.command == Command::swap ? "" : ", or --inconsistent");
}

/// Only the node that took the write can tell: the hint names it.
std::string in_doubt_message(const Session& session, const Response& response) {
  const std::string may = "it may or may not have happened";
  if (response.operation.empty()) {
    return may + ": the connection was lost after it was sent; read the key, or write it again";
  }
  const std::string& server = session.answered_by;
  return may + "; ask: kvcli " + (server.empty() ? "" : "--server " + server + " ") + "outcome " +
         response.operation;
}

json response_to_json(const Session& session, const Response& response) {
  const Invocation& invocation = session.invocation;
  json object;
  put_bytes(object, "key", invocation.key);
  object["valid"] = response.valid;
  object["timeout"] = response.timeout;
  if (response.timeout) {
    object["reason"] = name_of(response.reason);
    object["code"] = "timeout";
    object["message"] = timeout_message(invocation, response);
  }
  if (response.in_doubt) {
    object["in_doubt"] = true;
    object["operation"] = nullptr;
    if (!response.operation.empty()) object["operation"] = response.operation;
    object["code"] = "in_doubt";
    object["message"] = in_doubt_message(session, response);
  }
  const bool decided = !response.timeout && !response.in_doubt;
  if (decided && invocation.command == Command::get) {
    if (response.valid) put_bytes(object, "value", response.value);
    object["pending"] = response.pending;
  }
  if (decided && invocation.command == Command::swap && !response.valid) {
    if (!response.absent) put_bytes(object, "value", response.value);
    object["absent"] = response.absent;
  }
  if (response.version) object["version"] = causeway::cli::to_json(*response.version);
  if (!response.token.empty()) object["token"] = response.token;
  if (!response.served_by.id.empty()) {
    object["served_by"] = {{"id", response.served_by.id}, {"role", response.served_by.role}};
  }
  if (response.behind_ms) object["behind_ms"] = *response.behind_ms;
  return object;
}

/// Prints the answer; `no` says on standard error what a 1 means here. What is particular to a
/// command when all went well it has printed itself.
ExitCode conclude(const Session& session, const Response& response, const std::string& no) {
  const Invocation& invocation = session.invocation;
  const Terminal& terminal = session.terminal;
  if (terminal.as_json) terminal.object(response_to_json(session, response));
  const auto say = [&](const std::string& text) {
    if (!terminal.as_json) terminal.err << "kvcli: " << text << '\n';
  };
  if (response.timeout) {
    say("timeout: " + one_line(timeout_message(invocation, response)));
    return ExitCode::timeout;
  }
  if (response.in_doubt) {
    say("in doubt: " + one_line(in_doubt_message(session, response)));
    return ExitCode::in_doubt;
  }
  if (response.valid) return ExitCode::done;
  say(no);
  return ExitCode::no;
}

std::string no_such_key(const Invocation& invocation) {
  return "no such key: " + one_line(invocation.key);
}

/// The token of an offline write alone on its line, for `await`.
void print_token(const Session& session, const Response& response) {
  if (!session.terminal.as_json && !response.token.empty()) {
    session.terminal.err << response.token << '\n';
  }
}

}  // namespace

ExitCode get(const Session& session) {
  const Invocation& invocation = session.invocation;
  const auto answer = session.wait_for<Response>([&](auto done) {
    session.client.get(invocation.key, read_options(invocation), std::move(done));
  });
  if (!answer) return session.fail(answer.error());
  const Response& response = answer.value();
  if (response.valid && !session.terminal.as_json) {
    session.terminal.out << response.value;
    if (!invocation.raw) session.terminal.out << '\n';
  }
  return conclude(session, response, no_such_key(invocation));
}

ExitCode set(const Session& session) {
  const Invocation& invocation = session.invocation;
  const auto answer = session.wait_for<Response>([&](auto done) {
    session.client.set(invocation.key, invocation.value, write_options(invocation),
                       std::move(done));
  });
  if (!answer) return session.fail(answer.error());
  print_token(session, answer.value());
  return conclude(session, answer.value(), "not set: " + one_line(invocation.key));
}

ExitCode del(const Session& session) {
  const Invocation& invocation = session.invocation;
  const auto answer = session.wait_for<Response>([&](auto done) {
    session.client.remove(invocation.key, write_options(invocation), std::move(done));
  });
  if (!answer) return session.fail(answer.error());
  print_token(session, answer.value());
  return conclude(session, answer.value(), no_such_key(invocation));
}

ExitCode swap(const Session& session) {
  const Invocation& invocation = session.invocation;
  const auto answer = session.wait_for<Response>([&](auto done) {
    session.client.swap(invocation.key, invocation.value, invocation.expected,
                        write_options(invocation), std::move(done));
  });
  if (!answer) return session.fail(answer.error());
  const Response& response = answer.value();
  const bool mismatch = !response.valid && !response.timeout && !response.in_doubt;
  if (mismatch && !response.absent && !session.terminal.as_json) {
    session.terminal.out << response.value << '\n';
  }
  return conclude(session, response,
                  response.absent
                      ? "not swapped: there is no value of " + one_line(invocation.key)
                      : "not swapped: " + one_line(invocation.key) + " holds the value above");
}

}  // namespace causeway::cli
