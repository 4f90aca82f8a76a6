#include "faults.hpp"

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <iterator>
#include <thread>

#include <doctest/doctest.h>

#include "load.hpp"

namespace causeway::test {
namespace {

using Number = Faults::Number;
using Host = Network::Host;

std::string text_of(const std::set<Number>& nodes) {
  std::string text;
  for (const Number node : nodes) text += " n" + std::to_string(node);
  return text;
}

}  // namespace

Faults::Faults(Cluster& cluster, Network& network, std::uint64_t seed)
    : cluster_(cluster),
      network_(network),
      random_(seed),
      trace_(cluster.directory() / "faults.txt") {
  for (Number node = 1; node <= cluster_.size(); ++node) {
    const auto environment = stepped_clock(clock_file(node));
    REQUIRE_MESSAGE(!environment.empty(), "libfaketime is missing: run scripts/setup");
    cluster_.set_environment(node, environment);
    set_clock(node, "-864000");
    const CommandResult date = run({"/bin/date", "+%s"}, {.environment = environment});
    const std::time_t behind = std::time(nullptr) - std::atoll(date.out.c_str());
    REQUIRE((behind > 860000 && behind < 870000));  // such a clock is wrong indeed
    set_clock(node, "+0");
  }
}

std::string Faults::clock_file(Number node) const {
  return cluster_.directory() / (cluster_.id(node) + ".clock");
}

void Faults::step() {
  for (Number node = 1; node <= cluster_.size(); ++node) {
    CAPTURE(node);
    REQUIRE(cluster_.running(node) != down_.contains(node));  // no node ends by itself
  }
  const std::size_t troubles =
      std::size_t{!down_.empty()} + std::size_t{!paused_.empty()} + std::size_t{!cuts_.empty()};
  if (below(4) < 1 + troubles && troubles != 0) {
    mend();
  } else {
    worsen();
  }
  // Moments are drawn; nothing is waited for.
  std::this_thread::sleep_for(std::chrono::milliseconds(below(4) == 0 ? below(2500) : below(700)));
}

void Faults::end() {
  join();
  resume_all();
  start(down_);
}

void Faults::worsen() {
  switch (below(12)) {
    case 0:
    case 1:
    case 2: return kill_some();
    case 3:
    case 4: return pause_some();
    case 5:
    case 6:
    case 7:
    case 8: return cut_somewhere();
    case 9:
    case 10: return step_clocks();
    default: return terminate_one();
  }
}

void Faults::mend() {
  while (true) {
    switch (below(4)) {
      case 0:
        if (!cuts_.empty()) return join();
        break;
      case 1:
        if (!paused_.empty()) return resume_all();
        break;
      case 2:
        if (!down_.empty()) return start(down_);
        break;
      default:
        if (!down_.empty()) return start({*down_.begin()});
        break;
    }
  }
}

void Faults::kill_some() {
  std::vector<Number> victims = shuffled(true);
  const std::size_t drawn = below(10);  // mostly a minority
  victims.resize(std::min<std::size_t>(victims.size(), drawn < 6 ? 1 : drawn < 9 ? 2 : 3));
  if (victims.empty()) return;
  const std::set<Number> set(victims.begin(), victims.end());
  note("kill -9", text_of(set));
  cluster_.kill(victims);
  for (const Number victim : victims) paused_.erase(victim);
  down_.insert(victims.begin(), victims.end());
}

void Faults::terminate_one() {
  for (const Number node : shuffled(true)) {
    if (paused_.contains(node)) continue;
    note("SIGTERM", text_of({node}));
    CHECK(cluster_.terminate(node) == 0);
    down_.insert(node);
    return;
  }
}

void Faults::pause_some() {
  const std::size_t wanted = below(3) == 0 ? 2 : 1;
  std::set<Number> chosen;
  for (const Number node : shuffled(true)) {
    if (chosen.size() == wanted || paused_.contains(node)) continue;
    cluster_.pause(node);
    chosen.insert(node);
  }
  if (!chosen.empty()) note("SIGSTOP", text_of(chosen));
  paused_.merge(chosen);
}

void Faults::cut_somewhere() {
  const std::vector<Number> order = shuffled(false);
  const Host a = order[0];
  const Host b = order[1];
  const Host c = order[2];
  std::string shape;
  cuts_.clear();
  const auto both = [&](Host x, Host y) { cuts_.insert(cuts_.end(), {{x, y}, {y, x}}); };
  switch (below(9)) {
    case 0:
    case 1:
      shape = "full";
      both(a, b);
      both(a, c);
      break;
    case 2:
      shape = "all apart";
      both(a, b);
      both(a, c);
      both(b, c);
      break;
    case 3:
      shape = "one node bridges";
      both(a, b);
      break;
    case 4:
      shape = "one node is not heard";
      cuts_ = {{a, b}, {a, c}};
      break;
    case 5:
      shape = "one node does not hear";
      cuts_ = {{b, a}, {c, a}};
      break;
    case 6:
      shape = "one way of one link";
      cuts_ = {{a, b}};
      break;
    case 7:
      shape = "one way of each link";
      cuts_ = {{a, b}, {b, c}, {c, a}};
      break;
    default:
      shape = "clients and one node";
      both(Network::kClients, a);
      break;
  }
  network_.cut(cuts_);
  note("cut: " + shape, " n" + std::to_string(a) + " n" + std::to_string(b));
}

void Faults::step_clocks() {
  // From a correction to a clock that knows nothing: 1970 and 2046.
  static constexpr const char* kOffsets[] = {"+0",      "+0.3",       "-0.3",       "+5",
                                             "-5",      "+3600",      "-3600",      "+864000",
                                             "-864000", "+631152000", "-1795000000"};
  const std::vector<Number> order = shuffled(false);
  const std::size_t drawn = below(10);
  const std::size_t count = drawn < 6 ? 1 : drawn < 9 ? 2 : 3;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string offset = kOffsets[below(std::size(kOffsets))];
    note("clock step", " n" + std::to_string(order[i]) + " to " + offset + " s");
    set_clock(order[i], offset);
  }
}

void Faults::start(const std::set<Number>& nodes) {
  if (nodes.empty()) return;
  note("start", text_of(nodes));
  cluster_.start({nodes.begin(), nodes.end()});
  for (const Number node : std::set<Number>(nodes)) {
    started_ns_[node].push_back(now_ns());
    down_.erase(node);
  }
}

void Faults::resume_all() {
  if (paused_.empty()) return;
  note("SIGCONT", text_of(paused_));
  for (const Number node : paused_) cluster_.resume(node);
  paused_.clear();
}

void Faults::join() {
  if (cuts_.empty()) return;
  note("join", "");
  cuts_.clear();
  network_.cut({});
}

std::vector<Number> Faults::with_majority() const {
  std::set<Number> could_lead;
  for (Number a = 1; a <= cluster_.size(); ++a) {
    std::size_t heard = up(a) ? 1u : 0u;
    for (Number b = 1; b <= cluster_.size(); ++b) heard += a != b && joined(a, b) ? 1u : 0u;
    if (2 * heard > cluster_.size()) could_lead.insert(a);
  }
  std::vector<Number> result;
  for (const Number a : could_lead) {
    const bool hears_all = std::all_of(could_lead.begin(), could_lead.end(),
                                       [&](Number b) { return a == b || joined(a, b); });
    if (hears_all && joined(Network::kClients, a)) result.push_back(a);
  }
  return result;
}

std::vector<Number> Faults::answering() const {
  std::vector<Number> result;
  for (Number node = 1; node <= cluster_.size(); ++node) {
    if (joined(Network::kClients, node)) result.push_back(node);
  }
  return result;
}

std::size_t Faults::starts_since(Number node, std::uint64_t ns) const {
  const auto started = started_ns_.find(node);
  if (started == started_ns_.end()) return 0;
  return static_cast<std::size_t>(std::count_if(started->second.begin(), started->second.end(),
                                                [&](std::uint64_t at) { return at >= ns; }));
}

std::vector<Number> Faults::shuffled(bool running) {
  std::vector<Number> result;
  for (Number node = 1; node <= cluster_.size(); ++node) {
    if (!running || !down_.contains(node)) result.push_back(node);
  }
  std::shuffle(result.begin(), result.end(), random_);
  return result;
}

bool Faults::joined(Host a, Host b) const {
  for (const Host host : {a, b}) {
    if (host != Network::kClients && !up(host)) return false;
  }
  return std::none_of(cuts_.begin(), cuts_.end(), [&](const Network::Cut& cut) {
    return cut == Network::Cut{a, b} || cut == Network::Cut{b, a};
  });
}

void Faults::set_clock(Number node, const std::string& offset) {
  const std::string next = clock_file(node) + ".new";
  std::ofstream(next) << offset << '\n';
  std::filesystem::rename(next, clock_file(node));  // nobody reads half of it
}

void Faults::note(const std::string& kind, const std::string& detail) {
  ++counts_[kind];
  trace_ << now_ns() << ' ' << kind << detail << std::endl;
}

}  // namespace causeway::test
