// The clocks of one machine, which may lie in every way that real ones do.
//
// True time is the schedule's. The monotonic clock may run at a wrong rate and stands still while
// the machine is suspended; the boot clock counts suspension; the wall clock says what it likes.
#pragma once

#include <cstdint>

#include "base/time.hpp"

namespace causeway::sim {

/// 20 September 2026: when a simulation begins, by an honest clock.
inline constexpr std::uint64_t kTrueWallMs = 1'790'000'000'000;
inline constexpr WallTime kBuildDate{1'780'000'000'000};

class Clocks {
 public:
  /// All clocks at the true instant `at`.
  [[nodiscard]] Now read(Instant at) const {
    return {.mono = mono(at), .wall = {wall_ms(at)}, .boot = {at - booted_}};
  }
  [[nodiscard]] Instant mono(Instant at) const {
    const Duration passed = at - rate_since_;
    return mono_then_ + passed + Duration(passed.count() / 1'000'000 * rate_ppm_) - slept_since_;
  }
  /// When the monotonic clock will show `mono`; `now` is the true instant. Rounds up.
  [[nodiscard]] Instant true_instant_of(Instant mono, Instant now) const {
    const Duration ahead = mono - this->mono(now);
    if (ahead <= Duration(0)) return now;
    return now + ahead + Duration(ahead.count() / 1'000'000 * -rate_ppm_) +
           Duration(rate_ppm_ == 0 ? 0 : 2000);
  }

  /// The machine was suspended for so long, until now.
  void slept(Duration time) { slept_since_ = slept_since_ + time; }
  /// The monotonic (and the wall) clock gains so many millionths from the true instant `at` on.
  void set_rate(Instant at, std::int64_t ppm) {
    mono_then_ = mono(at);
    rate_since_ = at;
    slept_since_ = Duration(0);
    rate_ppm_ = ppm;
  }
  /// A new boot: another boot id, and the boot clock begins.
  void reboot(Instant at) {
    booted_ = at;
    ++boots_;
  }
  [[nodiscard]] std::uint64_t boot_id() const { return boots_; }

  /// Difference of the wall clock from true time.
  std::int64_t wall_offset_ms = 0;
  /// The wall clock stands still at this reading; 0: it goes.
  std::uint64_t wall_stuck_ms = 0;

  [[nodiscard]] std::uint64_t wall_ms(Instant at) const {
    if (wall_stuck_ms != 0) return wall_stuck_ms;
    const std::int64_t ms = static_cast<std::int64_t>(kTrueWallMs) +
                            at.since_start.count() / 1'000'000 + wall_offset_ms;
    return ms < 0 ? 0 : static_cast<std::uint64_t>(ms);
  }

 private:
  Instant rate_since_;
  Instant mono_then_;
  Duration slept_since_{0};
  std::int64_t rate_ppm_ = 0;
  Instant booted_;
  std::uint64_t boots_ = 1;
};

}  // namespace causeway::sim
