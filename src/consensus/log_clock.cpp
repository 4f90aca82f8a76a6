#include "consensus/log_clock.hpp"

#include <algorithm>
#include <chrono>

namespace causeway::consensus {
namespace {

std::uint64_t whole_ms(Duration elapsed) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count();
  return ms < 0 ? 0 : static_cast<std::uint64_t>(ms);
}

}  // namespace

Stamp later(Stamp stamp, Duration elapsed) {
  const std::uint64_t ms = whole_ms(elapsed);
  return ms == 0 ? stamp : Stamp::from_wall_ms(stamp.wall_ms() + ms);
}

void LogClock::follow(Stamp log_time, Instant at) {
  wall_ms_ = log_time.wall_ms();
  at_ = at;
}

void LogClock::pull_forward(WallTime median, Instant at) {
  if (!at_ || median.ms <= read(at).wall_ms()) return;
  wall_ms_ = median.ms;
  at_ = at;
}

Stamp LogClock::read(Instant at) const {
  if (!at_) return {};
  return Stamp::from_wall_ms(wall_ms_ + whole_ms(at - *at_));
}

Stamp LogClock::stamp_behind(Stamp previous, Instant at) {
  const Stamp stamp = std::max(previous.next(), read(at));
  if (stamp.wall_ms() > read(at).wall_ms()) follow(stamp, at);  // a full counter carried
  return stamp;
}

}  // namespace causeway::consensus
