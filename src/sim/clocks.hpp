// The clocks of one machine, which may lie in every way that real ones do.
//
// True time is the schedule's. The monotonic clock may run at a wrong rate and stands still while
// the machine is suspended; the boot clock counts suspension; the wall clock says what it likes.
#pragma once

#include <algorithm>
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
    return {.mono = mono(at), .wall = {wall_ms(at)}, .boot = {counted(at) - booted_}};
  }
  [[nodiscard]] Instant mono(Instant at) const {
    return (asleep_ ? asleep_since_ : counted(at)) - mono_lacks_;
  }
  /// When the monotonic clock will show `mono`; `now` is the true instant. Rounds up.
  [[nodiscard]] Instant true_instant_of(Instant mono, Instant now) const {
    const Duration ahead = mono - this->mono(now);
    if (ahead <= Duration(0)) return now;
    const std::int64_t rate = kMillion + rate_ppm_;
    Instant at =
        now + Duration(ahead.count() / rate * kMillion + ahead.count() % rate * kMillion / rate);
    while (this->mono(at) < mono) at = at + std::chrono::nanoseconds(1);
    return at;
  }

  /// The machine is suspended: its monotonic clock stands still.
  void fall_asleep(Instant at) {
    asleep_ = true;
    asleep_since_ = counted(at);
  }
  void wake_up(Instant at) {
    if (asleep_) mono_lacks_ += counted(at) - asleep_since_;
    asleep_ = false;
  }
  /// Its oscillator, which drives all three clocks, gains so many millionths from the true instant
  /// `at` on. More than -1'000'000.
  void set_rate(Instant at, std::int64_t ppm) {
    ran_ahead_then_ = ran_ahead(at);
    gained_then_ = gained(at);
    rate_since_ = at;
    rate_ppm_ = ppm;
  }
  /// A new boot: another boot id; boot clock and monotonic clock begin anew.
  void reboot(Instant at) {
    asleep_ = false;
    booted_ = counted(at);
    mono_lacks_ = booted_.since_start - kMonoAtBoot;
    ++boots_;
  }
  [[nodiscard]] std::uint64_t boot_id() const { return boots_; }
  /// All that its oscillator gained while it ran fast, over all boots; what it lost while it ran
  /// slow is not taken away.
  [[nodiscard]] Duration ran_ahead(Instant at) const {
    return ran_ahead_then_ + std::max(Duration(0), gained(at) - gained_then_);
  }

  /// Difference of the wall clock from true time (and from what it gained).
  std::int64_t wall_offset_ms = 0;
  /// The wall clock stands still at this reading; 0: it goes.
  std::uint64_t wall_stuck_ms = 0;

  [[nodiscard]] std::uint64_t wall_ms(Instant at) const {
    if (wall_stuck_ms != 0) return wall_stuck_ms;
    const std::int64_t ms = static_cast<std::int64_t>(kTrueWallMs) +
                            counted(at).since_start.count() / 1'000'000 + wall_offset_ms;
    return ms < 0 ? 0 : static_cast<std::uint64_t>(ms);
  }

 private:
  static constexpr std::int64_t kMillion = 1'000'000;
  /// What has passed of a boot when the node begins.
  static constexpr Duration kMonoAtBoot = std::chrono::seconds(1);

  [[nodiscard]] Duration gained(Instant at) const {
    if (rate_ppm_ == 0) return gained_then_;
    return gained_then_ + Duration((at - rate_since_).count() / kMillion * rate_ppm_ +
                                   (at - rate_since_).count() % kMillion * rate_ppm_ / kMillion);
  }
  /// What the oscillator counted since the schedule began, suspension included.
  [[nodiscard]] Instant counted(Instant at) const { return at + gained(at); }

  Instant rate_since_;
  Duration gained_then_{0};
  std::int64_t rate_ppm_ = 0;
  Duration ran_ahead_then_{0};
  Duration mono_lacks_{0};  ///< of what was counted: earlier boots, and suspension
  bool asleep_ = false;
  Instant asleep_since_;  ///< as counted
  Instant booted_;        ///< as counted
  std::uint64_t boots_ = 1;
};

}  // namespace causeway::sim
