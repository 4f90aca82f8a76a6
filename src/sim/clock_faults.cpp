#include "sim/clock_faults.hpp"

#include <algorithm>

namespace causeway::sim {
namespace {

constexpr std::int64_t kSecondMs = 1000;
constexpr std::int64_t kDayMs = 86'400 * kSecondMs;
constexpr std::int64_t kYearMs = 365 * kDayMs;

std::int64_t draw_signed(Random& random, std::int64_t magnitude) {
  const auto drawn = random.between(0, 2 * static_cast<std::uint64_t>(magnitude));
  return static_cast<std::int64_t>(drawn) - magnitude;
}

std::string in_words(std::int64_t ms) {
  const std::string sign = ms < 0 ? "-" : "+";
  const std::int64_t size = ms < 0 ? -ms : ms;
  if (size >= 2 * kYearMs) return sign + std::to_string(size / kYearMs) + " years";
  if (size >= 2 * kDayMs) return sign + std::to_string(size / kDayMs) + " days";
  return sign + std::to_string(size) + " ms";
}

}  // namespace

void ClockFaults::begin() {
  if (world_.plan.level(FaultKind::clock_offset) != 0) offsets();
  world_.often(FaultKind::clock_drift, [this](Random& random) { drift(random); });
  world_.often(FaultKind::clock_jump, [this](Random& random) { jump(random); });
  world_.often(FaultKind::clock_stuck, [this](Random& random) { stick(random); });
  world_.often(FaultKind::clock_1970, [this](Random& random) { boot_in_1970(random); });
}

// Before the first start: what is stamped then is stamped so.
void ClockFaults::offsets() {
  Random random(world_.plan.seed ^ 0x6f6666736574);  // its own: nothing of this kind recurs
  const std::uint64_t level = world_.plan.level(FaultKind::clock_offset);
  const auto certain = static_cast<Peer>(random.below(world_.nodes()));
  for (Peer peer = 0; peer < world_.nodes(); ++peer) {
    const bool struck = random.below(4) < level || peer == certain;
    const std::int64_t ms = draw_signed(random, 40 * kYearMs);
    if (!struck) continue;
    world_.machine(peer).clocks.wall_offset_ms = ms;
    world_.struck(FaultKind::clock_offset, world_.name(peer) + " by " + in_words(ms));
  }
}

void ClockFaults::drift(Random& random) {
  const Peer peer = world_.victim(random);
  const bool broken = random.below(10) == 0;  // as in a virtual machine that is starved
  const std::int64_t ppm = draw_signed(random, broken ? 100'000 : 1000);
  world_.machine(peer).clocks.set_rate(now(), ppm);
  world_.struck(FaultKind::clock_drift, world_.name(peer) + " by " + std::to_string(ppm) + " ppm");
}

// Some jump far, some a little; some are set right.
void ClockFaults::jump(Random& random) {
  static constexpr std::array<std::int64_t, 5> kFar = {3 * kSecondMs, 3600 * kSecondMs, 30 * kDayMs,
                                                       3 * kYearMs, 40 * kYearMs};
  const Peer peer = world_.victim(random);
  const std::int64_t far = kFar[random.below(kFar.size())];
  const std::int64_t ms = draw_signed(random, far);
  const bool right = random.below(4) == 0;
  std::int64_t& offset = world_.machine(peer).clocks.wall_offset_ms;
  // Beyond a few centuries nothing new is to be seen, and the numbers end.
  offset = right || offset + ms > 100 * kYearMs || offset + ms < -100 * kYearMs ? 0 : offset + ms;
  in_1970_[peer] = false;
  world_.struck(FaultKind::clock_jump,
                world_.name(peer) + (right ? " to the right time" : " by " + in_words(ms)));
}

void ClockFaults::stick(Random& random) {
  const Peer peer = world_.victim(random);
  const Duration lasts = world_.some(random, 500, 6000);
  Clocks& clocks = world_.machine(peer).clocks;
  if (clocks.wall_stuck_ms != 0) return;
  clocks.wall_stuck_ms = std::max<std::uint64_t>(1, clocks.wall_ms(now()));
  world_.struck(FaultKind::clock_stuck, world_.name(peer));
  world_.later(lasts, [this, peer] { release(peer); });
}

void ClockFaults::release(Peer peer) {
  if (world_.machine(peer).clocks.wall_stuck_ms == 0) return;
  world_.machine(peer).clocks.wall_stuck_ms = 0;
  world_.ended(FaultKind::clock_stuck, world_.name(peer));
}

// A device without a battery for its clock: it boots in 1970, and is right when it has heard of the
// time, or never.
void ClockFaults::boot_in_1970(Random& random) {
  const Peer peer = world_.victim(random);
  const Duration down = world_.some(random, 1, 1000);
  const bool ever_right = random.below(3) != 0;
  const Duration lasts = world_.some(random, 200, 6000);
  if (!world_.machine(peer).running()) return;
  world_.struck(FaultKind::clock_1970, world_.name(peer));
  upkeep_.lose_power(peer, down);
  Clocks& clocks = world_.machine(peer).clocks;
  release(peer);
  clocks.wall_offset_ms -= static_cast<std::int64_t>(clocks.wall_ms(now()));
  in_1970_[peer] = true;
  if (ever_right) world_.later(lasts, [this, peer] { set_right(peer); });
}

void ClockFaults::set_right(Peer peer) {
  if (!in_1970_[peer]) return;
  in_1970_[peer] = false;
  world_.machine(peer).clocks.wall_offset_ms = 0;
  world_.ended(FaultKind::clock_1970, world_.name(peer));
}

void ClockFaults::end() {
  for (Peer peer = 0; peer < world_.nodes(); ++peer) release(peer);
}

}  // namespace causeway::sim
