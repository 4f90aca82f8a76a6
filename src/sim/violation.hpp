// A rule that was broken: ends the run.
#pragma once

#include <stdexcept>
#include <string>

namespace causeway::sim {

/// `invariant` is its name in docs/verification.md, in words with hyphens: "election-safety".
class Violation : public std::runtime_error {
 public:
  Violation(std::string name, std::string what)
      : std::runtime_error(name + ": " + what),
        invariant(std::move(name)),
        detail(std::move(what)) {}
  std::string invariant;
  std::string detail;
};

/// While it lives, a failed CAUSEWAY_CHECK of the code under test is a Violation ("check") too.
class ChecksAreViolations {
 public:
  ChecksAreViolations();
  ~ChecksAreViolations();
  ChecksAreViolations(const ChecksAreViolations&) = delete;
  ChecksAreViolations& operator=(const ChecksAreViolations&) = delete;
};

}  // namespace causeway::sim
