#include "host/system_clocks.hpp"

#include <chrono>
#include <ctime>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

#include "base/check.hpp"
#include "base/hash.hpp"
#include "host/unique_fd.hpp"

namespace causeway::host {
namespace {

Duration read_clock(clockid_t id) {
  timespec at{};
  CAUSEWAY_CHECK(::clock_gettime(id, &at) == 0);
  return std::chrono::seconds(at.tv_sec) + std::chrono::nanoseconds(at.tv_nsec);
}

/// `__DATE__` is "Mmm dd yyyy", the day padded with a space.
constexpr std::chrono::sys_days date_of(std::string_view text) {
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const auto digit = [text](std::size_t at) {
    return text[at] == ' ' ? 0U : static_cast<unsigned>(text[at] - '0');
  };
  const auto month = static_cast<unsigned>(kMonths.find(text.substr(0, 3)) / 3 + 1);
  const unsigned day = digit(4) * 10 + digit(5);
  const auto year = static_cast<int>(digit(7) * 1000 + digit(8) * 100 + digit(9) * 10 + digit(10));
  return std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day);
}

}  // namespace

Now system_now() {
  const Duration wall = read_clock(CLOCK_REALTIME);
  const auto wall_ms = std::chrono::duration_cast<std::chrono::milliseconds>(wall).count();
  return {.mono = {read_clock(CLOCK_MONOTONIC)},
          .wall = {wall_ms < 0 ? 0 : static_cast<std::uint64_t>(wall_ms)},
          .boot = {read_clock(CLOCK_BOOTTIME)}};
}

std::uint64_t system_boot_id() {
  const UniqueFd file(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  if (!file) return 0;
  char text[64];
  const ssize_t size = ::read(file.get(), text, sizeof text);
  return size <= 0 ? 0 : hash64({text, static_cast<std::size_t>(size)});
}

WallTime build_date() {
  constexpr auto before = date_of(__DATE__) - std::chrono::days(1);
  constexpr auto since_epoch =
      std::chrono::duration_cast<std::chrono::milliseconds>(before.time_since_epoch()).count();
  static_assert(since_epoch > 0);
  return {static_cast<std::uint64_t>(since_epoch)};
}

}  // namespace causeway::host
