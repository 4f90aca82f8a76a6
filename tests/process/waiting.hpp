// Tests wait for conditions, never for a time. The guard only keeps a broken program from hanging
// the test: it is ten times what a slow machine needs, and reaching it is a failure.
#pragma once

#include <chrono>
#include <thread>

namespace causeway::test {

inline constexpr std::chrono::seconds kGuard{60};

/// Asks until `condition` holds. False: the guard was reached.
template <class Condition>
[[nodiscard]] bool eventually(Condition condition, std::chrono::milliseconds guard = kGuard) {
  const auto end = std::chrono::steady_clock::now() + guard;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace causeway::test
