// pending, conflicts, await, outcome: what became of writes that nobody could decide at once.
#include <ostream>

#include <nlohmann/json.hpp>

#include "cli/commands.hpp"

namespace causeway::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kPageLimit = 100;

/// Calls `page(cursor)` until there are no more, and `print` for each item.
template <class Page, class Print>
ExitCode print_all(const Session& session, Page page, Print print) {
  std::string cursor;
  do {
    auto answer = page(cursor);
    if (!answer) return session.fail(answer.error());
    for (const auto& item : answer.value().items) {
      if (session.terminal.as_json) {
        session.terminal.object(to_json(item));
      } else {
        print(item);
      }
    }
    cursor = answer.value().cursor;
  } while (!cursor.empty());
  return ExitCode::done;
}

std::string text_of(const ConflictItem::Side& side) {
  const std::string value = side.value     ? one_line(*side.value)
                            : side.dropped ? "(no longer kept)"
                                           : "(deleted)";
  return value + " by " + writer_of(side.version) + " at " + time_of(side.version.stamp);
}

}  // namespace

ExitCode pending(const Session& session) {
  return print_all(
      session,
      [&](const std::string& cursor) {
        return session.wait_for<PendingPage>(
            [&](auto done) { session.client.pending(kPageLimit, cursor, std::move(done)); });
      },
      [&](const PendingItem& item) {
        session.terminal.out << one_line(item.key) << '\t'
                             << (item.value ? one_line(*item.value) : "(deleted)") << '\t'
                             << item.token << '\n';
      });
}

ExitCode conflicts(const Session& session) {
  return print_all(
      session,
      [&](const std::string& cursor) {
        return session.wait_for<ConflictPage>(
            [&](auto done) { session.client.conflicts(kPageLimit, cursor, std::move(done)); });
      },
      [&](const ConflictItem& item) {
        session.terminal.out << one_line(item.key) << '\t' << name_of(item.verdict)
                             << (item.reason.empty() ? "" : ": " + one_line(item.reason))
                             << "\tlost " << text_of(item.lost) << "\twon " << text_of(item.won)
                             << '\n';
      });
}

ExitCode await(const Session& session) {
  const std::string& token = session.invocation.id;
  const auto answer = session.wait_for<AwaitResult>(
      [&](auto done) { session.client.await(token, session.invocation.timeout, std::move(done)); });
  if (!answer) return session.fail(answer.error());
  const AwaitResult& result = answer.value();
  if (session.terminal.as_json) {
    json object = {{"token", token}, {"state", name_of(result.state)}};
    if (result.winner) object["version"] = to_json(*result.winner);
    if (!result.reason.empty()) object["reason"] = result.reason;
    if (!result.replaced_by.empty()) object["replaced_by"] = result.replaced_by;
    session.terminal.object(object);
  } else {
    std::string line(name_of(result.state));
    if (!result.reason.empty()) line += ": " + one_line(result.reason);
    if (!result.replaced_by.empty()) line += " by " + result.replaced_by;
    if (result.state == AwaitResult::State::superseded && result.winner) {
      line += " by " + writer_of(*result.winner) + " at " + time_of(result.winner->stamp);
    }
    session.terminal.out << line << '\n';
  }
  switch (result.state) {
    case AwaitResult::State::won: return ExitCode::done;
    case AwaitResult::State::pending: return ExitCode::timeout;
    case AwaitResult::State::superseded:
    case AwaitResult::State::rejected:
    case AwaitResult::State::replaced: return ExitCode::no;
    case AwaitResult::State::forgotten: break;
  }
  return ExitCode::refused;  // it was settled once; how, nobody knows any more
}

ExitCode outcome(const Session& session) {
  const std::string& operation = session.invocation.id;
  const auto answer = session.wait_for<OutcomeResult>([&](auto done) {
    session.client.outcome(operation, session.invocation.timeout, std::move(done));
  });
  if (!answer) return session.fail(answer.error());
  const OutcomeResult::State state = answer.value().state;
  if (session.terminal.as_json) {
    session.terminal.object({{"operation", operation}, {"state", name_of(state)}});
  } else {
    session.terminal.out << name_of(state) << '\n';
  }
  switch (state) {
    case OutcomeResult::State::done: return ExitCode::done;
    case OutcomeResult::State::mismatch: return ExitCode::no;
    case OutcomeResult::State::did_not_happen: return ExitCode::timeout;
    case OutcomeResult::State::pending: return ExitCode::in_doubt;
    case OutcomeResult::State::forgotten: break;
  }
  return ExitCode::refused;
}

}  // namespace causeway::cli
