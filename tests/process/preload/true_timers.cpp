// Preloaded before libfaketime. That one takes an absolute time of a timerfd for one of its wrong
// clock, though it was told to leave the monotonic clock alone: where a timer is due already (which
// Asio says with an absolute time), it would be refused, or fire after as long as the clock is
// wrong by.

#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

extern "C" int timerfd_settime(int file, int flags, const itimerspec* next,
                               itimerspec* previous) noexcept {
  return static_cast<int>(::syscall(SYS_timerfd_settime, file, flags, next, previous));
}
