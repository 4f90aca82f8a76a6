#include "sim/plan.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/random.hpp"
#include "sim/network.hpp"

namespace causeway::sim {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr std::array<std::string_view, kFaultKinds> kFaultNames = {
    "loss",         "duplication", "reordering",   "late",
    "corruption",   "one_way",     "partition",    "bridge",
    "flapping",     "absence",     "slow_line",    "lost_kind",
    "kill",         "kill_midway", "power",        "blackout",
    "rolling",      "stop",        "pause",        "suspend",
    "wipe",         "slow_disk",   "slow_applier", "full_disk",
    "write_error",  "sync_error",  "bit_flip",     "misdirected_read",
    "clock_offset", "clock_drift", "clock_jump",   "clock_stuck",
    "clock_1970",   "huge_values", "bursts",       "full_journal",
    "retries",      "half_open",   "handshakes"};
static_assert(kFaultNames.back() == "handshakes");

constexpr std::uint8_t kLevelMax = 3;

/// A directory that is replaced never counts again (docs/operations.md): among fewer than three
/// nodes nothing would be left that could agree.
constexpr std::size_t kNodesToReplaceOne = 3;
bool costs_a_directory(std::size_t kind) {
  return kind == static_cast<std::size_t>(FaultKind::wipe) ||
         kind == static_cast<std::size_t>(FaultKind::bit_flip);
}

std::optional<std::size_t> kind_named(std::string_view name) {
  const auto found = std::find(kFaultNames.begin(), kFaultNames.end(), name);
  if (found == kFaultNames.end()) return std::nullopt;
  return static_cast<std::size_t>(found - kFaultNames.begin());
}

std::string known_names() {
  std::string names = "all, none";
  for (const std::string_view name : kFaultNames) names.append(", ").append(name);
  return names;
}

Error unknown(std::string_view what) {
  return {Errc::invalid,
          "no kind of fault is called \"" + std::string(what) + "\"; known are " + known_names()};
}

/// Every fault that these many nodes can have, at its middle level.
std::array<std::uint8_t, kFaultKinds> everything(std::size_t nodes) {
  std::array<std::uint8_t, kFaultKinds> faults{};
  for (std::size_t kind = 0; kind < kFaultKinds; ++kind)
    faults[kind] = nodes < kNodesToReplaceOne && costs_a_directory(kind) ? 0 : 2;
  return faults;
}

std::string impossible(const Plan& plan) {
  if (plan.nodes >= kNodesToReplaceOne) return {};
  for (std::size_t kind = 0; kind < kFaultKinds; ++kind) {
    if (plan.faults[kind] == 0 || !costs_a_directory(kind)) continue;
    return std::string(kFaultNames[kind]) + " costs a node's directory, which " +
           std::to_string(plan.nodes) + (plan.nodes == 1 ? " node" : " nodes") +
           " cannot spare: take at least " + std::to_string(kNodesToReplaceOne);
  }
  return {};
}

std::string bounds(std::string_view field, std::uint64_t value, std::uint64_t low,
                   std::uint64_t high) {
  if (value >= low && value <= high) return {};
  return std::string(field) + " is " + std::to_string(value) + "; possible are " +
         std::to_string(low) + " to " + std::to_string(high);
}

/// Mostly 3 and 5, as people run them.
std::size_t draw_nodes(Random& random) {
  static constexpr std::array<std::size_t, 20> kNodes = {1, 2, 3, 3, 3, 3, 3, 3, 3, 4,
                                                         4, 5, 5, 5, 5, 5, 5, 6, 7, 7};
  return kNodes[random.below(kNodes.size())];
}

/// To be away for hours differs from being away for a minute only by what timers and clocks do
/// meanwhile, and idle time is cheap. From a stream of its own: other seeds draw what they drew.
void draw_rare_sizes(Plan& plan) {
  Random random(plan.seed ^ 0x73697a6573);
  const bool hours_long = random.below(8) == 0;
  const Duration hours = minutes(random.between(120, 360));
  const bool crowded = random.below(20) == 0;
  const std::size_t clients = random.between(20, 100);
  const bool fits = plan.level(FaultKind::huge_values) == 0;  // all of them are remembered
  if (hours_long && fits && plan.length > minutes(1)) plan.length = hours;
  if (crowded) plan.clients = clients;
}

}  // namespace

std::string_view name_of(FaultKind kind) { return kFaultNames.at(static_cast<std::size_t>(kind)); }

Plan draw_plan(std::uint64_t seed) {
  Random random(seed ^ 0x706c616e);  // "plan": the cluster's own draws begin elsewhere
  Plan plan;
  plan.seed = seed;
  plan.nodes = draw_nodes(random);
  plan.clients = random.between(2, 8);
  plan.keys = random.between(2, 8);
  static constexpr std::array<std::uint64_t, 6> kRates = {5, 10, 20, 20, 20, 50};
  plan.operations_per_s = kRates[random.below(kRates.size())];
  plan.length = seconds(random.between(20, 60));
  const bool long_run = random.below(25) == 0;
  const Duration long_length = minutes(random.between(20, 40));
  if (long_run) {
    plan.length = long_length;
    plan.operations_per_s = 1;
  }
  const std::uint64_t mix = random.below(40);
  for (std::size_t kind = 0; kind < kFaultKinds; ++kind) {
    const bool on = random.below(2) == 0;
    const auto level = static_cast<std::uint8_t>(random.between(1, kLevelMax));
    const bool possible = plan.nodes >= kNodesToReplaceOne || !costs_a_directory(kind);
    plan.faults[kind] = possible && mix != 0 && (on || mix == 1) ? level : 0;
  }
  draw_rare_sizes(plan);
  return plan;
}

std::string key_at(std::size_t number) {
  constexpr std::size_t kLetters = 26;
  if (number < kLetters) return std::string(1, static_cast<char>('a' + number));
  return "k" + std::to_string(number);
}

std::uint64_t journal_bytes_max(const Plan& plan) {
  const bool huge_values = plan.level(FaultKind::huge_values) != 0;
  if (plan.level(FaultKind::full_journal) != 0) return huge_values ? 400'000 : 20'000;
  return huge_values ? 16u << 20 : 64u << 20;
}

std::string faults_text(const Plan& plan) {
  std::string text;
  for (std::size_t kind = 0; kind < kFaultKinds; ++kind) {
    if (plan.faults[kind] == 0) continue;
    if (!text.empty()) text += ',';
    text.append(kFaultNames[kind]).append("=").append(std::to_string(plan.faults[kind]));
  }
  return text.empty() ? "none" : text;
}

Result<void> set_faults(Plan& plan, std::string_view text) {
  Plan changed = plan;
  changed.faults.fill(0);
  std::array<bool, kFaultKinds> named{};
  for (bool first = true;; first = false) {
    const std::size_t comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    const std::size_t equals = item.find('=');
    const std::string_view name = item.substr(0, equals);
    if (equals == std::string_view::npos && (name == "all" || name == "none")) {
      if (!first)
        return Error{Errc::invalid, "\"" + std::string(name) + "\" must stand first, or alone"};
      if (name == "all") changed.faults = everything(plan.nodes);
    } else {
      const std::optional<std::size_t> kind = kind_named(name);
      if (!kind) return unknown(name);
      const std::string_view level =
          equals == std::string_view::npos ? std::string_view() : item.substr(equals + 1);
      if (level.size() != 1 || level[0] < '0' || level[0] > '0' + kLevelMax) {
        return Error{Errc::invalid, "\"" + std::string(item) + "\" needs a level from 0 to " +
                                        std::to_string(kLevelMax) + ", as in " + std::string(name) +
                                        "=2"};
      }
      if (std::exchange(named[*kind], true))
        return Error{Errc::invalid, "\"" + std::string(name) + "\" is there twice"};
      changed.faults[*kind] = static_cast<std::uint8_t>(level[0] - '0');
    }
    if (comma == std::string_view::npos) break;
    text.remove_prefix(comma + 1);
  }
  if (std::string why = impossible(changed); !why.empty())
    return Error{Errc::invalid, std::move(why)};
  plan = changed;
  return success();
}

std::string unusable(const Plan& plan) {
  if (auto why = bounds("nodes", plan.nodes, 1, kMachinesMax); !why.empty()) return why;
  if (auto why = bounds("clients", plan.clients, 1, kClientsMax); !why.empty()) return why;
  if (auto why = bounds("keys", plan.keys, 1, kKeysMax); !why.empty()) return why;
  if (auto why = bounds("operations a second", plan.operations_per_s, 1, kOperationsMax);
      !why.empty())
    return why;
  if (plan.length < kLengthMin || plan.length > kLengthMax) {
    return "the length is " +
           std::to_string(std::chrono::duration_cast<seconds>(plan.length).count()) +
           " s; possible are 1 to 86400";
  }
  for (std::size_t kind = 0; kind < kFaultKinds; ++kind) {
    if (auto why = bounds(kFaultNames[kind], plan.faults[kind], 0, kLevelMax); !why.empty())
      return why;
  }
  return impossible(plan);
}

}  // namespace causeway::sim
