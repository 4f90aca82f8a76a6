// causeway-sim as a whole, with simulations that do what the test asks for. They run in processes
// of their own, so what they write down is seen only through what is printed.
#include "simcli/run.hpp"

#include <csignal>
#include <cstdio>
#include <fstream>
#include <new>
#include <sstream>
#include <stdexcept>

#include <unistd.h>

#include <doctest/doctest.h>

using namespace causeway;
using namespace causeway::simcli;
using std::chrono::milliseconds;

namespace {

struct Said {
  ExitCode code = ExitCode::passed;
  std::string out;
  std::string err;

  [[nodiscard]] bool says(std::string_view text) const {
    return out.find(text) != std::string::npos;
  }
};

Said run_with(const Simulate& simulate, const std::vector<std::string>& arguments,
              const Limits& limits = {}) {
  std::ostringstream out;
  std::ostringstream err;
  Said said;
  said.code = run(arguments, out, err, simulate, limits);
  said.out = out.str();
  said.err = err.str();
  return said;
}

sim::Report report_of(const sim::Plan& plan) {
  sim::Report report;
  report.virtual_time = plan.length;
  report.events = 1000;
  report.operations = 10;
  report.offline_writes = 4;
  report.trace_hash = plan.seed * 0x9e3779b97f4a7c15;
  report.struck[static_cast<std::size_t>(sim::FaultKind::kill)] = 3;
  return report;
}

sim::Report pass(const sim::Plan& plan, sim::Trace&, const sim::Bounds&) { return report_of(plan); }

/// Two events, and a failure of every fifth seed.
sim::Report fail_fifth(const sim::Plan& plan, sim::Trace& trace, const sim::Bounds&) {
  trace.fault("partition 1 | 2");
  trace.ready(0);
  sim::Report report = report_of(plan);
  if (plan.seed % 5 == 0) report.failure = sim::Failure{"lost-write", "lost-write: key \"k\""};
  return report;
}

}  // namespace

TEST_CASE("all that passes is added up, and ends with 0") {
  const Said said = run_with(pass, {"--seeds", "11..30", "--jobs", "3", "--seconds", "36"});
  CHECK(said.code == ExitCode::passed);
  CHECK(said.says("seeds from 11 on, 20 of them\n"));
  CHECK(said.says("seeds     20 (from 11 on), none failed\n"));
  CHECK(said.says("0.20 virtual hours"));
  CHECK(said.says("200 operations, 80 offline writes, 20,000 events"));
  CHECK(said.says("faults    kill 60; never: loss, "));
  CHECK(said.err.empty());
}

TEST_CASE("fresh seeds are printed, and are others the next time") {
  const Said first = run_with(pass, {"--seeds", "2"});
  const Said second = run_with(pass, {"--seeds", "2"});
  CHECK(first.says("seeds from "));
  const auto seeds = [](const Said& said) { return said.out.substr(0, said.out.find('\n')); };
  CHECK(seeds(first) != seeds(second));
}

TEST_CASE("a failure names seed, invariant, replay and the last events, and ends with 1") {
  const Said said =
      run_with(fail_fifth, {"--seeds", "3..7", "--nodes", "3", "--faults", "kill=2,loss=1"});
  CHECK(said.code == ExitCode::failed);
  CHECK(
      said.says("seed 5 breaks lost-write: key \"k\"\n"
                "replay: causeway-sim --seed 5 --nodes 3 --faults kill=2,loss=1\n"
                "the last events:\n"
                "0.000000s fault: partition 1 | 2\n"
                "0.000000s 1 is ready\n"));
  CHECK(said.says("seeds     5 (from 3 on), 1 failed\n"));
}

TEST_CASE("the first failure of an invariant is told in full, all are counted") {
  const Said said = run_with(fail_fifth, {"--seeds", "1..40", "--jobs", "2"});
  CHECK(said.says("8 failed\n"));
  const auto tail = said.out.find("the last events:");
  CHECK(tail != std::string::npos);
  CHECK(said.out.find("the last events:", tail + 1) == std::string::npos);
}

TEST_CASE("--until-failure stops there") {
  const Said said =
      run_with(fail_fifth, {"--seeds", "1..100000", "--jobs", "1", "--until-failure"});
  CHECK(said.code == ExitCode::failed);
  CHECK(said.says("seeds     5 (from 1 on), 1 failed\n"));
}

TEST_CASE("--trace prints what happens, as it happens") {
  const Said said = run_with(fail_fifth, {"--seed", "1", "--trace"});
  CHECK(said.code == ExitCode::passed);
  CHECK(said.out.starts_with("0.000000s fault: partition 1 | 2\n0.000000s 1 is ready\n\nseeds"));
}

TEST_CASE("a crash is a failure of its seed, with its last events, and the others go on") {
  const auto crash = [](const sim::Plan& plan, sim::Trace& trace, const sim::Bounds&) {
    trace.fault("the last word");
    if (plan.seed == 4) ::kill(::getpid(), SIGKILL);
    if (plan.seed == 6) ::_exit(3);
    return report_of(plan);
  };
  const Said said = run_with(crash, {"--seeds", "1..8", "--jobs", "2"});
  CHECK(said.code == ExitCode::failed);
  CHECK(said.says("seed 4 breaks crash: killed by signal 9"));
  CHECK(said.says("seed 6 breaks crash: exited with 3"));
  CHECK(said.says("the last events:\n0.000000s fault: the last word\n"));
  CHECK(said.says("seeds     8 (from 1 on), 2 failed\n"));
}

TEST_CASE("what escapes from a run is a failure") {
  const auto escape = [](const sim::Plan& plan, sim::Trace&, const sim::Bounds&) -> sim::Report {
    if (plan.seed == 1) throw std::runtime_error("out of its mind");
    throw std::bad_alloc();
  };
  const Said said = run_with(escape, {"--seeds", "1..2", "--jobs", "1"});
  CHECK(said.code == ExitCode::failed);
  CHECK(said.says("seed 1 breaks exception: out of its mind\n"));
  CHECK(said.says("seed 2 breaks bound: more than 2048 MB of memory\n"));
}

TEST_CASE("a run that takes too long says so and fails") {
  const auto hang = [](const sim::Plan& plan, sim::Trace&, const sim::Bounds&) {
    if (plan.seed == 2) ::pause();
    return report_of(plan);
  };
  const Said said = run_with(hang, {"--seeds", "1..4"}, {.time = milliseconds(1000)});
  CHECK(said.code == ExitCode::failed);
  CHECK(said.says("seed 2 breaks bound: more than 1 s of real time\n"));
  CHECK(said.says("seeds     4 (from 1 on), 1 failed\n"));
}

TEST_CASE("--minutes runs fresh seeds until then") {
  const Said said = run_with(pass, {"--minutes", "0.002", "--jobs", "1"});
  CHECK(said.code == ExitCode::passed);
  CHECK(said.says("none failed"));
}

TEST_CASE("a signal ends it with its summary") {
  const auto stop = [](const sim::Plan& plan, sim::Trace&, const sim::Bounds&) {
    if (plan.seed % 50 == 0) ::kill(::getppid(), SIGTERM);
    return report_of(plan);
  };
  const Said said = run_with(stop, {"--seeds", "1..1000000", "--jobs", "2"});
  CHECK(said.code == ExitCode::stopped);
  CHECK(said.says("none failed; stopped before all had run\n"));
  const Said early = run_with(stop, {"--minutes", "60", "--jobs", "2", "--json"});
  CHECK(early.code == ExitCode::stopped);
  CHECK(early.says("\"stopped\":true"));
  const Said endless = run_with(stop, {"--minutes", "0", "--jobs", "2"});
  CHECK(endless.code == ExitCode::passed);
  CHECK(endless.says("none failed\n"));
}

TEST_CASE("--shrink names a shorter run that fails in the same way") {
  const auto fail = [](const sim::Plan& plan, sim::Trace&, const sim::Bounds&) {
    sim::Report report = report_of(plan);
    if (plan.nodes >= 3 && plan.level(sim::FaultKind::kill) != 0)
      report.failure = sim::Failure{"lost-write", "again"};
    return report;
  };
  const Said said =
      run_with(fail, {"--seed", "9", "--nodes", "5", "--faults", "kill=3,loss=2", "--shrink"});
  CHECK(said.code == ExitCode::failed);
  CHECK(said.says("shrinking seed 9 (lost-write) ...\nnothing smaller fails after "));
  CHECK(
      said.says("replay: causeway-sim --seed 9 --nodes 3 --clients 1 --keys 1 --seconds 1 "
                "--rate 1 --faults kill=1\n"));
}

TEST_CASE("two signals at once are one") {
  const auto stop = [](const sim::Plan& plan, sim::Trace&, const sim::Bounds&) {
    if (plan.seed == 50) {
      for (int i = 0; i < 20; ++i) {
        ::kill(::getppid(), SIGINT);
        ::usleep(100);
      }
    }
    return report_of(plan);
  };
  const Said said = run_with(stop, {"--seeds", "1..1000000", "--jobs", "1"});
  CHECK(said.code == ExitCode::stopped);
  CHECK(said.says("none failed; stopped"));
}

TEST_CASE("a signal while it shrinks ends it with what it has") {
  const auto fail = [](const sim::Plan& plan, sim::Trace&, const sim::Bounds&) {
    sim::Report report = report_of(plan);
    report.failure = sim::Failure{"lost-write", "again"};
    if (plan.nodes < 5) ::kill(::getppid(), SIGTERM);
    if (plan.nodes < 5) ::pause();
    return report;
  };
  const Said said =
      run_with(fail, {"--seed", "9", "--nodes", "5", "--clients", "1", "--keys", "1", "--rate", "1",
                      "--seconds", "1", "--faults", "none", "--shrink"});
  CHECK(said.code == ExitCode::failed);
  CHECK(said.says("stopped after 0 runs; breaks lost-write: again\n"));
  CHECK(said.says("--seed 9 --nodes 5 "));
}

TEST_CASE("a seed that cannot be kept is told") {
  const Said said = run_with(fail_fifth, {"--seed", "5", "--keep-failures", "/dev/full"});
  CHECK(said.code == ExitCode::failed);
  CHECK(said.says("--keep-failures cannot be written: this seed is not kept there\n"));
}

TEST_CASE("--keep-failures appends each failing seed") {
  const std::string file = "keep-failures-" + std::to_string(::getpid()) + ".txt";
  for (const char* seeds : {"5..6", "10..10"})
    run_with(fail_fifth, {"--seeds", seeds, "--keep-failures", file});
  std::ifstream kept(file);
  std::ostringstream text;
  text << kept.rdbuf();
  std::remove(file.c_str());
  CHECK(text.str() == "5 lost-write causeway-sim --seed 5\n10 lost-write causeway-sim --seed 10\n");
  const Said said = run_with(pass, {"--seeds", "1", "--keep-failures", "no/such/directory/f"});
  CHECK(said.err.find("No such file or directory") != std::string::npos);
  CHECK(said.code == ExitCode::usage);
  CHECK(said.err.find('\n') == said.err.size() - 1);
}

TEST_CASE("--json is one object on standard output") {
  const Said said = run_with(fail_fifth, {"--seeds", "5..6", "--json"});
  CHECK(said.code == ExitCode::failed);
  CHECK(said.out.starts_with("{\"seeds\":2,\"first_seed\":\"5\","));
  CHECK(said.says("\"kill\":6,"));
  CHECK(
      said.says("\"failures\":[{\"seed\":\"5\",\"invariant\":\"lost-write\",\"detail\":"
                "\"lost-write: key \\\"k\\\"\",\"command\":\"causeway-sim --seed 5\"}]}\n"));
  CHECK(said.out.find('\n') == said.out.size() - 1);
  CHECK(said.err.find("seed 5 breaks") != std::string::npos);
}

TEST_CASE("bad input ends with 2 before anything runs") {
  const auto never = [](const sim::Plan&, sim::Trace&, const sim::Bounds&) -> sim::Report {
    ::_exit(9);
  };
  const Said said = run_with(never, {"--seed", "x"});
  CHECK(said.code == ExitCode::usage);
  CHECK(said.out.empty());
}
