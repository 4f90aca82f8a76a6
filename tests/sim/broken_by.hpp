// What a checker says of something made up for it.
#pragma once

#include <string>
#include <utility>

#include "sim/violation.hpp"

namespace causeway::testing {

/// The invariant that `act` breaks; empty: none.
template <class Act>
std::string broken_by(Act&& act) {
  try {
    std::forward<Act>(act)();
  } catch (const sim::Violation& violation) {
    return violation.invariant;
  }
  return {};
}

}  // namespace causeway::testing
