// RapidCheck inside doctest: one property is one check. A failure prints the smallest
// counterexample found and, with RC_PARAMS, what replays it.
#pragma once

#include <string>
#include <utility>

#include <doctest/doctest.h>
#include <rapidcheck.h>

namespace causeway::test {

template <class Testable>
void property(const std::string& claim, Testable&& testable) {
  CAPTURE(claim);
  CHECK(rc::check(claim, std::forward<Testable>(testable)));
}

}  // namespace causeway::test
