// Clocks that lie do so as real ones do: the monotonic one never goes back within a boot.
#include "sim/clocks.hpp"

#include <doctest/doctest.h>

#include "base/random.hpp"

using namespace causeway;
using causeway::sim::Clocks;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE(
    "whatever the rate does, the monotonic clock never goes back, and timers are due in time") {
  Random random(1);
  Clocks clocks;
  Instant now{seconds(1)};
  Instant mono = clocks.mono(now);
  for (int step = 0; step < 20'000; ++step) {
    now = now + microseconds(random.below(3000));
    REQUIRE(clocks.mono(now) >= mono);
    mono = clocks.mono(now);
    switch (random.below(20)) {
      case 0:
        clocks.set_rate(now, static_cast<std::int64_t>(random.below(200'001)) - 100'000);
        break;
      case 1: clocks.fall_asleep(now); break;
      default: clocks.wake_up(now); break;
    }
    REQUIRE(clocks.mono(now) == mono);
    clocks.wake_up(now);
    const Instant wanted = mono + milliseconds(random.below(10'000));
    const Instant due = clocks.true_instant_of(wanted, now);
    REQUIRE(due >= now);
    REQUIRE(clocks.mono(due) >= wanted);
    REQUIRE(clocks.mono(due) <= wanted + microseconds(1));
  }
}

TEST_CASE("a machine that sleeps misses it on its monotonic clock alone; a new boot begins anew") {
  Clocks clocks;
  const Instant evening{seconds(10)};
  const Instant morning = evening + hours(8);
  const Now before = clocks.read(evening);
  clocks.fall_asleep(evening);
  CHECK(clocks.mono(morning) == before.mono);
  clocks.wake_up(morning);
  const Now after = clocks.read(morning);
  CHECK(after.mono == before.mono);
  CHECK(after.boot - before.boot == hours(8));
  CHECK(after.wall.ms - before.wall.ms == 8u * 3600 * 1000);

  clocks.reboot(morning);
  CHECK(clocks.read(morning).boot.since_boot == Duration(0));
  CHECK(clocks.mono(morning) < before.mono);
  CHECK(clocks.boot_id() == 2);
}

TEST_CASE("a wrong oscillator moves all three clocks") {
  Clocks clocks;
  const Instant begin{seconds(1)};
  const Now before = clocks.read(begin);
  clocks.set_rate(begin, -100'000);
  const Now after = clocks.read(begin + seconds(100));
  CHECK(after.mono - before.mono == seconds(90));
  CHECK(after.boot - before.boot == seconds(90));
  CHECK(after.wall.ms - before.wall.ms == 90'000);
}

TEST_CASE("what a clock gained while it ran fast stays counted, over slow times and boots") {
  Clocks clocks;
  const Instant begin{seconds(0)};
  CHECK(clocks.ran_ahead(begin + seconds(100)) == Duration(0));
  clocks.set_rate(begin + seconds(100), 1000);
  CHECK(clocks.ran_ahead(begin + seconds(200)) == milliseconds(100));
  clocks.set_rate(begin + seconds(200), -5000);
  CHECK(clocks.ran_ahead(begin + seconds(300)) == milliseconds(100));
  clocks.set_rate(begin + seconds(300), 1000);
  clocks.reboot(begin + seconds(400));
  CHECK(clocks.ran_ahead(begin + seconds(500)) == milliseconds(300));
}
