// Who may ask how much at once: the loop's door.
//
// Calls that wait for a majority can wait for days. They have limits of their own, below the total,
// so that they never take the last places of local reads and writes (design 3.6). A limit that is
// reached answers `exhausted` at once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "node/core.hpp"

namespace causeway::node {

/// What a call may wait for.
enum class Waits : std::uint8_t { locally, for_majority };

class Admission {
 public:
  /// Takes the call in, or answers it at once. Every call taken in ends by `answer`.
  bool admit(Turn& turn, CallHandle handle, Waits waits);
  /// Sends the answer, unless the connection has closed meanwhile, and gives the places free.
  void answer(Turn& turn, CallHandle handle, Waits waits, wire::Reply reply);
  void connection_closed(std::uint64_t connection) { connections_.erase(connection); }

 private:
  struct Counts {
    std::size_t calls = 0;
    std::size_t waiting = 0;
  };
  std::map<std::uint64_t, Counts> connections_;  ///< those with calls
  Counts all_;
};

}  // namespace causeway::node
