// What an operator shall read in the log: whose word does not count. Each change
// once; nothing while all stays as it is.
#pragma once

#include <vector>

#include "node/core.hpp"

namespace causeway::node {

class Notices {
 public:
  /// At the end of each turn: logs what has changed since the last one.
  void tell(Turn& turn);

 private:
  void tell_quarantine(Turn& turn);
  void tell_uncounted_peers(Turn& turn);

  bool quarantined_ = false;
  std::vector<bool> uncounted_;  ///< by peer number: said of it, and still so
};

}  // namespace causeway::node
