#include "simcli/command_line.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ostream>
#include <string_view>
#include <thread>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "sim/network.hpp"

namespace causeway::simcli {
namespace {

constexpr const char* kAbout =
    "Runs whole Causeway clusters in virtual time, with every fault at once, and checks what they "
    "promise.\nOne seed decides everything: the same seed and flags give the same run. Without "
    "--seed, --seeds or --minutes: 100 fresh seeds.\nExit codes: 0 all passed; 1 a rule was "
    "broken, a run crashed or hit a bound; 2 usage; 130 stopped by a signal before the end, and "
    "none had failed.";

constexpr std::uint64_t kUsualCount = 100;
constexpr std::uint64_t kSecondsMax = sim::kLengthMax / std::chrono::seconds(1);
constexpr std::uint64_t kMinutesMax = 1'000'000;

/// The texts as given; what they mean is judged once they are all there.
struct Texts {
  std::string seed;
  std::string seeds;
  std::string minutes;
  std::string jobs;
  std::string nodes;
  std::string clients;
  std::string keys;
  std::string seconds;
  std::string rate;
  std::string faults;
};

template <class Number>
std::optional<Number> parse(std::string_view text) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end) return std::nullopt;
  return number;
}

/// Collects the first mistake.
class Judge {
 public:
  explicit Judge(const CLI::App& app) : app_(app) {}

  [[nodiscard]] bool given(const std::string& flag) const { return app_.count(flag) != 0; }

  /// Empty: not given, or not a number within the bounds.
  std::optional<std::uint64_t> number(const std::string& flag, const std::string& text,
                                      std::uint64_t low, std::uint64_t high) {
    if (!given(flag)) return std::nullopt;
    const auto parsed = parse<std::uint64_t>(text);
    if (parsed && *parsed >= low && *parsed <= high) return parsed;
    wrong(flag + " " + text + ": write a whole number from " + std::to_string(low) + " to " +
          std::to_string(high));
    return std::nullopt;
  }
  void wrong(std::string text) {
    if (mistake.empty()) mistake = std::move(text);
  }

  std::string mistake;

 private:
  const CLI::App& app_;
};

void judge_seeds(const Texts& texts, Judge& judge, Invocation& invocation) {
  int ways = 0;
  for (const char* flag : {"--seed", "--seeds", "--minutes"}) ways += judge.given(flag) ? 1 : 0;
  if (ways > 1) return judge.wrong("--seed, --seeds and --minutes exclude each other");
  if (ways == 0) invocation.count = kUsualCount;
  if (judge.given("--seed")) {
    invocation.first = judge.number("--seed", texts.seed, 0, UINT64_MAX);
    invocation.count = 1;
  } else if (judge.given("--minutes")) {
    const auto minutes = parse<double>(texts.minutes);
    if (!minutes || !std::isfinite(*minutes) || *minutes < 0 ||
        *minutes > static_cast<double>(kMinutesMax))
      return judge.wrong("--minutes " + texts.minutes + ": write a number up to " +
                         std::to_string(kMinutesMax) + ", as in 60; 0: no end");
    if (*minutes > 0)
      invocation.time =
          std::chrono::milliseconds(std::max<long long>(1, std::llround(*minutes * 60'000)));
  } else if (judge.given("--seeds")) {
    const std::size_t dots = texts.seeds.find("..");
    const auto first = parse<std::uint64_t>(std::string_view(texts.seeds).substr(0, dots));
    if (dots == std::string::npos) {
      if (!first || *first == 0)
        return judge.wrong("--seeds " + texts.seeds + ": write how many, or the range A..B");
      invocation.count = first;
      return;
    }
    const auto last = parse<std::uint64_t>(std::string_view(texts.seeds).substr(dots + 2));
    if (!first || !last || *last < *first || *last - *first == UINT64_MAX)
      return judge.wrong("--seeds " + texts.seeds + ": write the range A..B, A not above B");
    invocation.first = first;
    invocation.count = *last - *first + 1;
  }
}

/// A mistake in what the texts say; CLI11 has found unknown flags and missing values.
std::string judge_all(const CLI::App& app, const Texts& texts, Invocation& invocation) {
  Judge judge(app);
  judge_seeds(texts, judge, invocation);
  const std::size_t cores = std::max(1u, std::thread::hardware_concurrency());
  invocation.jobs = judge.number("--jobs", texts.jobs, 1, 1024).value_or(cores);
  Overrides& overrides = invocation.overrides;
  overrides.nodes = judge.number("--nodes", texts.nodes, 1, sim::kMachinesMax);
  overrides.clients = judge.number("--clients", texts.clients, 1, sim::kClientsMax);
  overrides.keys = judge.number("--keys", texts.keys, 1, sim::kKeysMax);
  overrides.rate = judge.number("--rate", texts.rate, 1, sim::kOperationsMax);
  overrides.seconds = judge.number("--seconds", texts.seconds, 1, kSecondsMax);
  if (judge.given("--faults")) overrides.faults = texts.faults;
  if (invocation.trace && !(invocation.first && invocation.count == 1))
    judge.wrong("--trace: name one run with --seed");
  if (judge.given("--keep-failures") && invocation.keep_failures.empty())
    judge.wrong("--keep-failures: is empty: name a file");
  if (!judge.mistake.empty()) return judge.mistake;
  const auto plan = plan_of(invocation.first.value_or(1), overrides);
  return plan ? std::string() : plan.error().detail;
}

/// The text of a CLI11 error begins with it.
std::string flag_of(const CLI::Error& error) {
  const std::string_view text = error.what();
  return std::string(text.substr(0, text.find(':')));
}

ExitCode unusable(std::string message, std::ostream& err) {
  std::replace(message.begin(), message.end(), '\n', ' ');
  err << "causeway-sim: " << message << "; see causeway-sim --help\n";
  return ExitCode::usage;
}

}  // namespace

std::variant<Invocation, ExitCode> parse_arguments(const std::vector<std::string>& arguments,
                                                   std::ostream& out, std::ostream& err) {
  Invocation invocation;
  Texts texts;
  CLI::App app(kAbout, "causeway-sim");
  app.get_formatter()->column_width(34);
  app.set_version_flag("--version", "causeway-sim " CAUSEWAY_VERSION);
  const auto option = [&](const char* flag, std::string& text, const char* type,
                          const char* about) {
    app.add_option(flag, text, about)->type_name(type);
  };
  option("--seed", texts.seed, "N", "run this one: replays it");
  option("--seeds", texts.seeds, "N|A..B", "run so many fresh ones, or all from A to B");
  option("--minutes", texts.minutes, "M", "run fresh ones for so long; 0: until stopped");
  option("--jobs", texts.jobs, "N", "so many at once, each in a process; default: one a core");
  option("--nodes", texts.nodes, "N", "in place of what the seed draws");
  option("--clients", texts.clients, "N", "likewise");
  option("--keys", texts.keys, "N", "likewise");
  option("--seconds", texts.seconds, "N", "likewise: virtual time with faults");
  option("--rate", texts.rate, "N", "likewise: operations a second, of all clients together");
  option("--faults", texts.faults, "all|none|KIND=0..3,...",
         "likewise, as in kill=2,loss=1 or all,wipe=0; more nodes where a seed draws too few");
  app.add_flag("--trace", invocation.trace, "print what happens, as it happens");
  app.add_flag("--shrink", invocation.shrink, "look for a shorter run that fails in the same way");
  app.add_flag("--until-failure", invocation.until_failure, "stop at the first failure");
  option("--keep-failures", invocation.keep_failures, "FILE", "append each failing seed to it");
  app.add_flag("--json", invocation.json,
               "the summary as one JSON object; all else goes to standard error");
  std::string kinds = "Kinds of faults:";
  for (std::size_t kind = 0; kind < sim::kFaultKinds; ++kind) {
    kinds += (kind % 8 == 0 ? "\n  " : " ");
    kinds += sim::name_of(static_cast<sim::FaultKind>(kind));
  }
  app.footer(kinds);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::Success& asked) {  // --help, --version
    app.exit(asked, out, err);
    return ExitCode::passed;
  } catch (const CLI::ExtrasError&) {
    return unusable("not known here: " + app.remaining(true).front(), err);
  } catch (const CLI::ArgumentMismatch& error) {
    return unusable(flag_of(error) + " must stand once, with one value", err);
  } catch (const CLI::ParseError& error) {
    return unusable(error.what(), err);
  }
  std::string mistake = judge_all(app, texts, invocation);
  if (!mistake.empty()) return unusable(std::move(mistake), err);
  return invocation;
}

}  // namespace causeway::simcli
