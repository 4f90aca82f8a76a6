#include "host/entropy.hpp"

#include <cerrno>

#include <sys/random.h>

#include "base/check.hpp"

namespace causeway::host {

std::uint64_t entropy() {
  std::uint64_t drawn = 0;
  for (;;) {
    const ssize_t got = ::getrandom(&drawn, sizeof drawn, 0);
    if (got == sizeof drawn) return drawn;
    // Up to 256 bytes come whole; only a signal during the wait early in a boot may interrupt.
    CAUSEWAY_CHECK(got == -1);
    CAUSEWAY_CHECK(errno == EINTR);
  }
}

}  // namespace causeway::host
