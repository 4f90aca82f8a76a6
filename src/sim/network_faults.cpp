#include "sim/network_faults.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "sim/trace_event.hpp"

namespace causeway::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kFlappingMax = seconds(20);

void cut(Line& line, std::uint64_t) { line.cut = true; }
void silence(Line& line, std::uint64_t) { line.lost = 1000; }
void lose(Line& line, std::uint64_t how) { line.lost = std::max(line.lost, how); }
void duplicate(Line& line, std::uint64_t how) { line.doubled = std::max(line.doubled, how); }
void reorder(Line& line, std::uint64_t how) { line.reordered = std::max(line.reordered, how); }
void damage(Line& line, std::uint64_t how) { line.damaged = std::max(line.damaged, how); }
void delay_some(Line& line, std::uint64_t how) { line.late = std::max(line.late, how); }
void spoil_handshakes(Line& line, std::uint64_t how) {
  line.handshakes = std::max(line.handshakes, how);
}
void lose_kind(Line& line, std::uint64_t how) { line.lost_kind = static_cast<int>(how); }
void slow_down(Line& line, std::uint64_t how) {
  const Duration delay = milliseconds(how);
  line.delay_min = std::max(line.delay_min, delay / 2);
  line.delay_max = std::max(line.delay_max, 3 * delay / 2);
}

std::uint32_t bit(Peer peer) { return std::uint32_t{1} << peer; }

}  // namespace

NetworkFaults::NetworkFaults(FaultWorld& world) : world_(world) {
  for (Peer from = 0; from < world.nodes(); ++from) {
    for (Peer to = 0; to < world.nodes(); ++to)
      usual_.push_back(world.cluster.network().line(from, to));
  }
}

void NetworkFaults::begin() {
  if (world_.nodes() < 2) return;  // no lines
  noise(FaultKind::loss, lose, 5, 300);
  noise(FaultKind::duplication, duplicate, 20, 500);
  noise(FaultKind::reordering, reorder, 20, 500);
  noise(FaultKind::late, delay_some, 2, 100);
  noise(FaultKind::corruption, damage, 1, 50);
  noise(FaultKind::slow_line, slow_down, 5, 800);
  begin_cuts();
}

// What a line does to its messages one by one; `high` at level 3.
void NetworkFaults::noise(FaultKind kind, Worsen worsen, std::uint64_t low, std::uint64_t high) {
  high = low + (high - low) * world_.plan.level(kind) / 3;
  world_.often(kind, [this, kind, worsen, low, high](Random& random) {
    const std::uint64_t how = random.between(low, high);
    const auto [lines, where] = draw_lines(random);
    const Duration lasts = world_.some(random, 500, 5000);
    const char* unit = kind == FaultKind::slow_line ? " ms" : " per mille";
    add({kind, where + " by " + std::to_string(how) + unit, lines, worsen, how}, lasts);
  });
}

void NetworkFaults::begin_cuts() {
  const auto often = [this](FaultKind kind, void (NetworkFaults::*strike)(Random&)) {
    world_.often(kind, [this, strike](Random& random) { (this->*strike)(random); });
  };
  often(FaultKind::one_way, &NetworkFaults::one_way);
  often(FaultKind::partition, &NetworkFaults::partition);
  often(FaultKind::bridge, &NetworkFaults::bridge);
  often(FaultKind::absence, &NetworkFaults::absence);
  often(FaultKind::flapping, &NetworkFaults::flap);
  often(FaultKind::lost_kind, &NetworkFaults::lost_kind);
  often(FaultKind::half_open, &NetworkFaults::half_open);
  often(FaultKind::handshakes, &NetworkFaults::handshakes);
}

// Two groups, or a group each.
void NetworkFaults::partition(Random& random) {
  const bool alone = random.below(6) == 0;
  const auto group = static_cast<std::uint32_t>(random.between(1, (1u << world_.nodes()) - 2));
  const Worsen worsen = draw_cut(random);
  const Duration lasts = world_.some(random, 200, 4000);
  if (alone) {
    add({FaultKind::partition, "each alone", all_lines(), worsen}, lasts);
  } else {
    add({FaultKind::partition, names_of(group) + " from the others", around(group), worsen}, lasts);
  }
}

// Two groups that only one node reaches: where that one follows a leader in each, say.
void NetworkFaults::bridge(Random& random) {
  const Peer between = world_.victim(random);
  const auto group = static_cast<std::uint32_t>(random.below(1u << world_.nodes())) & ~bit(between);
  const Worsen worsen = draw_cut(random);
  const Duration lasts = world_.some(random, 500, 4000);
  const std::uint32_t others = ((1u << world_.nodes()) - 1) & ~bit(between) & ~group;
  if (group == 0 || others == 0) return;  // nobody to keep apart
  Lines lines = around(group);
  lines[between] = 0;
  for (std::uint32_t& each : lines) each &= ~bit(between);
  add({FaultKind::bridge,
       names_of(group) + " from " + names_of(others) + " but for " + world_.name(between), lines,
       worsen},
      lasts);
}

void NetworkFaults::one_way(Random& random) {
  const Peer from = world_.victim(random);
  const Peer other = other_than(from, random);
  const bool to_all = random.below(2) == 0;
  const bool turned = random.below(2) == 0;
  const Worsen worsen = draw_cut(random);
  const Duration lasts = world_.some(random, 500, 4000);
  Lines lines{};
  for (Peer to = 0; to < world_.nodes(); ++to) {
    if (to == from || (!to_all && to != other)) continue;
    turned ? lines[to] |= bit(from) : lines[from] |= bit(to);
  }
  const std::string far = to_all ? "all" : world_.name(other);
  const std::string near = world_.name(from);
  add({FaultKind::one_way, turned ? far + " to " + near : near + " to " + far, lines, worsen},
      lasts);
}

// Most of the run: by its end everything has gone on without it.
void NetworkFaults::absence(Random& random) {
  const Peer peer = world_.victim(random);
  const Worsen worsen = draw_cut(random);
  const Duration lasts = world_.some(random, 6000, 20'000);
  add({FaultKind::absence, world_.name(peer), around(bit(peer)), worsen}, lasts);
}

// A line, or all of a node, many times a second.
void NetworkFaults::flap(Random& random) {
  const Peer peer = world_.victim(random);
  const Peer other = other_than(peer, random);
  const bool whole = random.below(2) == 0;
  const Worsen worsen = draw_cut(random);
  const Duration lasts = std::min(world_.some(random, 500, 5000), kFlappingMax);
  const Random toggles(random.next());
  Lines lines{};
  if (whole) {
    lines = around(bit(peer));
  } else {
    lines[peer] |= bit(other);
    lines[other] |= bit(peer);
  }
  const std::uint64_t number =
      add({FaultKind::flapping,
           world_.name(peer) + (whole ? " and all" : " and " + world_.name(other)), lines, worsen},
          lasts);
  toggle(number, lines, toggles, world_.cluster.time().now() + lasts);
}

void NetworkFaults::toggle(std::uint64_t number, Lines lines, Random random, Instant until) {
  const Duration wait = milliseconds(random.between(10, 300));
  if (world_.cluster.time().now() + wait >= until) return;
  world_.later(wait, [this, number, lines, random, until] {
    const auto found = lasting_.find(number);
    if (found == lasting_.end()) return;
    found->second.lines = found->second.lines == lines ? Lines{} : lines;
    apply();
    toggle(number, lines, random, until);
  });
}

void NetworkFaults::lost_kind(Random& random) {
  const std::uint64_t kind = random.below(std::variant_size_v<consensus::Message>);
  const auto [lines, where] = draw_lines(random);
  const Duration lasts = world_.some(random, 500, 5000);
  add({FaultKind::lost_kind, std::string(message_name(kind)) + " " + where, lines, lose_kind, kind},
      lasts);
}

// As by a NAT or a firewall that drops what it knows of connections, with or without a reset.
void NetworkFaults::half_open(Random& random) {
  const bool resets = random.below(2) == 0;
  const auto [lines, where] = draw_lines(random);
  bool any = false;
  for (Peer from = 0; from < world_.nodes(); ++from) {
    for (Peer to = 0; to < world_.nodes(); ++to) {
      if ((lines[from] & bit(to)) != 0)
        any = world_.cluster.network().forget(from, to, resets) || any;
    }
  }
  if (any) world_.struck(FaultKind::half_open, where + (resets ? ", with resets" : ""));
}

// Connections that stand have theirs behind them: these end first.
void NetworkFaults::handshakes(Random& random) {
  const std::uint64_t most = 300u * world_.plan.level(FaultKind::handshakes);
  const std::uint64_t how = random.between(most / 3, most);
  const auto [lines, where] = draw_lines(random);
  const Duration lasts = world_.some(random, 500, 5000);
  add({FaultKind::handshakes, where + " by " + std::to_string(how) + " per mille", lines,
       spoil_handshakes, how},
      lasts);
  for (Peer from = 0; from < world_.nodes(); ++from) {
    for (Peer to = 0; to < world_.nodes(); ++to) {
      if ((lines[from] & bit(to)) != 0) world_.cluster.network().lose(from, to);
    }
  }
}

// ---- lines

std::pair<NetworkFaults::Lines, std::string> NetworkFaults::draw_lines(Random& random) {
  const Peer peer = world_.victim(random);
  const Peer other = other_than(peer, random);
  switch (random.below(3)) {
    case 0: return {all_lines(), "everywhere"};
    case 1: return {around(bit(peer)), "around " + world_.name(peer)};
    default: break;
  }
  Lines lines{};
  lines[peer] = bit(other);
  return {lines, world_.name(peer) + " to " + world_.name(other)};
}

Peer NetworkFaults::other_than(Peer peer, Random& random) const {
  const std::size_t steps = 1 + random.below(world_.nodes() - 1);
  return static_cast<Peer>((peer + steps) % world_.nodes());
}

NetworkFaults::Lines NetworkFaults::all_lines() const {
  Lines lines{};
  for (Peer from = 0; from < world_.nodes(); ++from)
    lines[from] = ((1u << world_.nodes()) - 1) & ~bit(from);
  return lines;
}

NetworkFaults::Lines NetworkFaults::around(std::uint32_t peers) const {
  Lines lines = all_lines();
  for (Peer from = 0; from < world_.nodes(); ++from)
    lines[from] &= (peers & bit(from)) != 0 ? ~peers : peers;
  return lines;
}

std::string NetworkFaults::names_of(std::uint32_t peers) const {
  std::string names;
  for (Peer peer = 0; peer < world_.nodes(); ++peer) {
    if ((peers & bit(peer)) == 0) continue;
    if (!names.empty()) names += '+';
    names += world_.name(peer);
  }
  return names;
}

NetworkFaults::Worsen NetworkFaults::draw_cut(Random& random) {
  return random.below(2) == 0 ? cut : silence;
}

// ---- what lasts

std::uint64_t NetworkFaults::add(Effect effect, Duration lasts) {
  const std::uint64_t number = ++made_;
  if (effect.worsen == silence) effect.where += ", in silence";
  world_.struck(effect.kind, effect.where);
  lasting_.emplace(number, std::move(effect));
  apply();
  world_.later(lasts, [this, number] { remove(number); });
  return number;
}

void NetworkFaults::remove(std::uint64_t number) {
  const auto found = lasting_.find(number);
  if (found == lasting_.end()) return;
  world_.ended(found->second.kind, found->second.where);
  lasting_.erase(found);
  apply();
}

void NetworkFaults::end() {
  while (!lasting_.empty()) remove(lasting_.begin()->first);
}

void NetworkFaults::apply() {
  Network& network = world_.cluster.network();
  bool changed = false;
  for (Peer from = 0; from < world_.nodes(); ++from) {
    for (Peer to = 0; to < world_.nodes(); ++to) {
      Line line = usual_[from * world_.nodes() + to];
      for (const auto& [number, effect] : lasting_) {
        if ((effect.lines[from] & bit(to)) != 0) effect.worsen(line, effect.how);
      }
      const Line& now = network.line(from, to);
      changed = changed || line.cut != now.cut || closed(line) != closed(now);
      network.line(from, to) = line;
    }
  }
  if (changed) network.lines_changed();
  world_.changed();
}

}  // namespace causeway::sim
