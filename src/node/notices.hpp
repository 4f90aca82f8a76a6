// What an operator shall read in the log: who leads, and whose word does not count. Each change
// once; nothing while all stays as it is.
#pragma once

#include <cstdint>
#include <optional>

#include "node/core.hpp"

namespace causeway::node {

class Notices {
 public:
  /// At the end of each turn: logs what has changed since the last one.
  void tell(Turn& turn);

 private:
  void tell_leader(Turn& turn);
  void tell_quarantine(Turn& turn);
  void tell_uncounted_peers(Turn& turn);

  std::optional<consensus::Peer> leader_;
  Term term_;  ///< of `leader_`
  bool quarantined_ = false;
  std::uint64_t uncounted_ = 0;  ///< bit n for peer n: said of it, and still so
};

}  // namespace causeway::node
