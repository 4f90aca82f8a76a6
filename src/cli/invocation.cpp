#include "cli/invocation.hpp"

#include <algorithm>
#include <charconv>
#include <ostream>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/output.hpp"

namespace causeway::cli {
namespace {

using std::chrono::milliseconds;

constexpr const char* kAbout =
    "Talks to a Causeway cluster.\n"
    "Exit codes: 0 done; 1 no such key, or swap mismatch; 2 usage; 3 timeout (did not happen); 4 "
    "in doubt;\n"
    "5 no server reached; 6 refused. await: 0 won; 1 superseded, rejected or replaced; 3 still "
    "pending.";

constexpr const char* kGlobalOptions =
    "Before or behind the command: --server, --inconsistent, --timeout, --blocking, --in-doubt, "
    "--json;\nkvcli --help says what they mean.";
constexpr const char* kToken =
    "With --inconsistent the token of the pending write goes to standard error (with --json to "
    "standard\noutput, as all else): kvcli await TOKEN asks this node what became of it.\n";

/// The texts as given; what they mean is judged once they are all there.
struct Texts {
  std::string servers;
  std::string timeout;
  std::string in_doubt = "report";
  bool blocking = false;
  std::string expected;
  bool absent = false;
};

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= list.size(); ++i) {
    if (i != list.size() && list[i] != ',') continue;
    parts.push_back(list.substr(begin, i - begin));
    begin = i + 1;
  }
  return parts;
}

/// A mistake in what the options say together; CLI11 has found those that one option can have.
std::string judge(const Texts& texts, bool expected_given, Invocation& invocation) {
  invocation.servers = split(texts.servers);
  invocation.in_doubt = texts.in_doubt == "wait" ? InDoubt::wait : InDoubt::report;
  const Command command = invocation.command;
  if (!texts.timeout.empty()) {
    if (texts.blocking) return "--timeout and --blocking exclude each other";
    invocation.timeout = parse_duration(texts.timeout);
    if (!invocation.timeout) {
      return "--timeout " + texts.timeout + ": write a number and ms, s, m or h, as in 5s";
    }
    const bool may_be_zero = command == Command::await || command == Command::outcome;
    if (*invocation.timeout < milliseconds(1) && !may_be_zero) return "--timeout: at least 1ms";
  }
  if (command == Command::swap) {
    if (invocation.inconsistent) return "swap decides at the majority: it knows no --inconsistent";
    if (expected_given == texts.absent) return "swap: give OLD, or --absent in its place";
    if (expected_given) invocation.expected = texts.expected;
  }
  if (command == Command::set) invocation.value_from_input = invocation.value == "-";
  return {};
}

ExitCode unusable(std::string message, const std::vector<std::string>& arguments, std::ostream& out,
                  std::ostream& err) {
  std::replace(message.begin(), message.end(), '\n', ' ');
  const bool json = std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
  Terminal{out, err, json}.fail("invalid", message + "; see kvcli --help");
  return ExitCode::usage;
}

}  // namespace

std::variant<Invocation, ExitCode> parse_arguments(const std::vector<std::string>& arguments,
                                                   const std::string& default_servers,
                                                   std::ostream& out, std::ostream& err) {
  Invocation invocation;
  Texts texts{.servers = default_servers.empty() ? "127.0.0.1:7400" : default_servers};
  CLI::App app(kAbout, "kvcli");
  app.set_version_flag("--version", "kvcli " CAUSEWAY_VERSION);
  app.require_subcommand(0, 1);  // at most one, so that a key may be named like a command
  app.add_option(
         "--server", texts.servers,
         "whom to talk to; of several, the first that answers (environment: CAUSEWAY_SERVER)")
      ->type_name("HOST:PORT[,...]")
      ->capture_default_str();
  app.add_flag("--inconsistent", invocation.inconsistent,
               "stay on that node: read its newest, write to its journal, without a majority");
  app.add_option(
         "--timeout", texts.timeout,
         "give up after so long, as in 5s or 150ms; without it a call waits until it is decided")
      ->type_name("DURATION");
  app.add_flag("--blocking", texts.blocking,
               "wait until it is decided, however long that takes (default)");
  app.add_option("--in-doubt", texts.in_doubt,
                 "what a write does when its time ends and nobody can know whether it happened")
      ->check(CLI::IsMember({"report", "wait"}))
      ->capture_default_str();
  app.add_flag("--json", invocation.json, "print one JSON object for each result, errors too");

  const auto add = [&](Command command, const char* name, const char* about) {
    CLI::App* added = app.add_subcommand(name, about)->fallthrough();
    const bool writes_offline = command == Command::set || command == Command::del;
    added->footer((writes_offline ? std::string(kToken) : std::string()) + kGlobalOptions);
    added->callback([&invocation, command] { invocation.command = command; });
    return added;
  };
  CLI::App* get = add(Command::get, "get", "print a key's value");
  get->add_option("KEY", invocation.key, "whose value")->required();
  get->add_flag("--raw", invocation.raw, "no newline behind the value");
  CLI::App* set = add(Command::set, "set", "store a value");
  set->add_option("KEY", invocation.key, "where, up to 1 KiB of any bytes")->required();
  set->add_option("VALUE", invocation.value, "what, up to 1 MiB; - reads it from standard input")
      ->required();
  CLI::App* del = add(Command::del, "del", "remove a key");
  del->add_option("KEY", invocation.key, "which")->required();
  CLI::App* swap = add(Command::swap, "swap", "store NEW if the value is OLD");
  swap->add_option("KEY", invocation.key, "where")->required();
  swap->add_option("NEW", invocation.value, "what shall stand there")->required();
  const CLI::Option* expected =
      swap->add_option("OLD", texts.expected, "what must stand there now");
  swap->add_flag("--absent", texts.absent, "in place of OLD: only if there is no value");
  add(Command::pending, "pending", "offline writes that are not settled yet: KEY, VALUE, TOKEN");
  add(Command::conflicts, "conflicts", "writes that lost, and to what");
  CLI::App* await = add(Command::await, "await", "wait until an offline write is settled");
  await
      ->add_option("TOKEN", invocation.id,
                   "what set or del --inconsistent printed on standard error; ask the same node")
      ->required();
  CLI::App* outcome = add(Command::outcome, "outcome", "what became of a write that was in doubt");
  outcome
      ->add_option("ID", invocation.id,
                   "the operation that was in doubt; ask the node that took it")
      ->required();
  CLI::App* status = add(Command::status, "status", "how the node and its cluster are");
  status->add_flag("--all", invocation.all, "of every server named and every member");

  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::Success& asked) {  // --help, --version
    app.exit(asked, out, err);
    return ExitCode::done;
  } catch (const CLI::ExtrasError&) {
    return unusable("not known here: " + app.remaining(true).front(), arguments, out, err);
  } catch (const CLI::ParseError& error) {
    return unusable(error.what(), arguments, out, err);
  }
  if (app.get_subcommands().empty()) return unusable("no command", arguments, out, err);
  const std::string mistake = judge(texts, expected->count() != 0, invocation);
  if (!mistake.empty()) return unusable(mistake, arguments, out, err);
  return invocation;
}

std::optional<milliseconds> parse_duration(std::string_view text) {
  std::int64_t number = 0;
  const auto [unit, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return std::nullopt;
  struct Unit {
    std::string_view name;
    std::int64_t ms;
  };
  constexpr Unit kUnits[] = {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}};
  constexpr std::int64_t kMost = std::int64_t{UINT32_MAX};  // as a node takes it: 49 days
  for (const Unit& known : kUnits) {
    if (std::string_view(unit, static_cast<std::size_t>(text.data() + text.size() - unit)) !=
        known.name)
      continue;
    if (number > kMost / known.ms) return std::nullopt;
    return milliseconds(number * known.ms);
  }
  return std::nullopt;
}

}  // namespace causeway::cli
