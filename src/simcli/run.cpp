#include "simcli/run.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <fstream>
#include <iostream>
#include <random>
#include <set>
#include <utility>

#include "sim/shrink.hpp"
#include "simcli/stop_signal.hpp"
#include "simcli/summary.hpp"
#include "simcli/workers.hpp"

namespace causeway::simcli {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::size_t kTailLines = 200;
constexpr std::size_t kToldInFull = 5;
constexpr Clock::duration kProgress = std::chrono::minutes(1);

/// Readable, and far enough from those of other days.
std::uint64_t fresh_seed() {
  std::random_device device;
  return (std::uint64_t{device()} << 8 | (device() & 0xff)) + 1;
}

/// Its name and what broke it; what a Violation says begins with the name.
std::string text_of(const sim::Failure& failure) {
  const bool named = failure.detail.starts_with(failure.invariant + ":");
  return named ? failure.detail : failure.invariant + ": " + failure.detail;
}

class Session {
 public:
  Session(Invocation invocation, const Simulate& simulate, const Limits& limits, std::ostream& told,
          std::ofstream kept)
      : invocation_(std::move(invocation)),
        simulate_(simulate),
        limits_(limits),
        told_(told),
        kept_(std::move(kept)) {
    summary_.first = invocation_.first ? *invocation_.first : fresh_seed();
    summary_.jobs =
        std::min<std::uint64_t>(invocation_.jobs, invocation_.count.value_or(UINT64_MAX));
  }

  void run_seeds() {
    if (invocation_.count != 1) {
      told_ << "seeds from " << summary_.first << " on";
      if (invocation_.count) told_ << ", " << *invocation_.count << " of them";
      told_ << std::endl;
    }
    Workers workers(simulate_, limits_);
    if (invocation_.trace)
      workers.on_line = [this](const std::string& line) { told_ << line << '\n'; };
    while (!stop_.asked() && !found_enough()) {
      while (workers.running() < summary_.jobs && more_to_start()) {
        start_next(workers);
      }
      if (workers.running() == 0) break;
      if (const auto outcome = workers.next(milliseconds(200))) take(*outcome);
      tell_progress();
    }
    const bool endless = !invocation_.count && !invocation_.time;
    summary_.stopped = stop_.asked() && !endless &&
                       (workers.running() != 0 || (more_to_start() && !found_enough()));
    summary_.real = Clock::now() - begin_;
  }

  void shrink_failures() {
    for (const Outcome& failed : first_of_each_) {
      if (stop_.asked()) return;
      shrink(failed);
    }
  }

  [[nodiscard]] ExitCode code() const {
    if (!summary_.failures.empty()) return ExitCode::failed;
    return summary_.stopped ? ExitCode::stopped : ExitCode::passed;
  }
  [[nodiscard]] const Summary& summary() const { return summary_; }

 private:
  bool more_to_start() const {
    if (invocation_.count) return started_ < *invocation_.count;
    return !invocation_.time || Clock::now() - begin_ < *invocation_.time;
  }
  bool found_enough() const { return invocation_.until_failure && !summary_.failures.empty(); }

  void start_next(Workers& workers) {
    sim::Plan plan{.seed = summary_.first + started_++};
    auto drawn = plan_of(plan.seed, invocation_.overrides);
    if (drawn) return workers.start(drawn.value());
    // The overrides were tried before anything ran, with another seed.
    Outcome outcome{.plan = plan};
    outcome.report.failure = {"plan", drawn.error().detail};
    take(outcome);
  }

  void take(const Outcome& outcome) {
    summary_.add(outcome);
    if (!outcome.report.failure) return;
    const std::uint64_t seed = outcome.plan.seed;
    const sim::Failure& failure = *outcome.report.failure;
    const std::string command = replay_command(seed, invocation_.overrides);
    summary_.failures.push_back({seed, failure, command});
    told_ << "\nseed " << seed << " breaks " << text_of(failure) << "\nreplay: " << command << '\n';
    if (kept_.is_open()) keep(seed, failure.invariant, command);
    const bool first = invariants_.insert(failure.invariant).second;
    if (first) first_of_each_.push_back(outcome);
    if (first && first_of_each_.size() <= kToldInFull) {
      const std::string tail =
          failure.invariant == "crash" ? tail_of_crash(outcome.plan) : outcome.tail;
      if (!invocation_.trace) told_ << "the last events:\n" << tail;
    }
    told_.flush();
  }

  /// A disk may be full, and have room again for the next one.
  void keep(std::uint64_t seed, const std::string& invariant, const std::string& command) {
    kept_.clear();
    kept_ << seed << ' ' << invariant << ' ' << command << std::endl;
    if (!kept_) told_ << "--keep-failures cannot be written: this seed is not kept there\n";
  }

  /// The process that crashed took its trace along: it goes again, line by line.
  std::string tail_of_crash(const sim::Plan& plan) {
    std::deque<std::string> lines;
    Workers again(simulate_, limits_);
    again.on_line = [&](const std::string& line) {
      if (lines.size() == kTailLines) lines.pop_front();
      lines.push_back(line);
    };
    const auto outcome = again.run(plan, [this] { return stop_.asked(); });
    std::string tail;
    if (outcome && !outcome->report.failure)
      tail = "(Run alone it passes: what it fell over was left behind by a run before it.)\n";
    for (const std::string& line : lines) tail += line + "\n";
    return tail;
  }

  void shrink(const Outcome& failed) {
    told_ << "\nshrinking seed " << failed.plan.seed << " (" << failed.report.failure->invariant
          << ") ..." << std::endl;
    Workers workers(simulate_, limits_);
    std::size_t runs = 0;
    const auto run = [&](const sim::Plan& plan) {
      const auto outcome = workers.run(plan, [this] { return stop_.asked(); });
      if (outcome) ++runs;
      return outcome ? outcome->report : sim::Report{};
    };
    const sim::Shrunk shrunk = sim::shrink(failed.plan, failed.report, run);
    const char* end = stop_.asked()     ? "stopped"
                      : shrunk.smallest ? "nothing smaller fails"
                                        : "the shortest found";
    told_ << end << " after " << runs << " runs; breaks " << text_of(*shrunk.report.failure)
          << "\nreplay: " << replay_command(shrunk.plan.seed, overrides_of(shrunk.plan))
          << std::endl;
  }

  void tell_progress() {
    if (invocation_.count || Clock::now() - told_at_ < kProgress) return;
    told_at_ = Clock::now();
    const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(told_at_ - begin_);
    told_ << minutes.count() << " min: " << summary_.seeds << " seeds, " << summary_.failures.size()
          << " failed" << std::endl;
  }

  Invocation invocation_;
  const Simulate& simulate_;
  Limits limits_;
  std::ostream& told_;
  std::ofstream kept_;
  StopSignal stop_;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point told_at_ = begin_;
  std::uint64_t started_ = 0;
  Summary summary_;
  std::set<std::string> invariants_;
  std::vector<Outcome> first_of_each_;
};

}  // namespace

ExitCode run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err,
             const Simulate& simulate, const Limits& limits) {
  auto parsed = parse_arguments(arguments, out, err);
  if (const auto* code = std::get_if<ExitCode>(&parsed)) return *code;
  Invocation& invocation = std::get<Invocation>(parsed);
  std::ofstream kept;
  if (!invocation.keep_failures.empty()) {
    kept.open(invocation.keep_failures, std::ios::app);
    if (!kept.is_open()) {
      const int why = errno;
      err << "causeway-sim: --keep-failures " << invocation.keep_failures
          << ": cannot be written: " << std::strerror(why) << "; name a file that can\n";
      return ExitCode::usage;
    }
  }
  const bool json = invocation.json;
  const bool shrink = invocation.shrink;
  Session session(std::move(invocation), simulate, limits, json ? err : out, std::move(kept));
  session.run_seeds();
  if (shrink) session.shrink_failures();
  if (!json) out << '\n';
  out << (json ? json_of(session.summary()) : text_of(session.summary()));
  out.flush();
  return session.code();
}

}  // namespace causeway::simcli
