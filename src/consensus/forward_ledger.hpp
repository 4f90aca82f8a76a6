// What a leader remembers of the proposals that one peer forwarded to it in this term (design 3.4).
//
// The peer numbers them 1, 2, ...; the leader takes them in that order, so one number, the next,
// says what was decided: all below it was appended, except what stands in a short list of refusals.
// A withdrawal may come before the proposal it names (which was lost, and will be sent again): then
// the refusal waits in the list for its counter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "consensus/message.hpp"
#include <causeway/types.hpp>

namespace causeway::consensus {

/// Valid while this node leads; made anew for each term and each incarnation of the peer.
/// Invariants: refusals ascend and are at most kRefusalsMax.
class ForwardLedger {
 public:
  static constexpr std::size_t kRefusalsMax = 1024;

  /// The counter that is decided next.
  [[nodiscard]] std::uint64_t next() const { return next_; }
  /// `counter` was refused, in advance or before.
  [[nodiscard]] bool refused(std::uint64_t counter) const;
  /// The next counter is decided: appended, or refused in advance.
  void advance() { ++next_; }
  enum class Why : std::uint8_t { withdrawn, limit };
  /// Refuses `counter` for good. False, and nothing happened, when too many refusals are
  /// remembered.
  [[nodiscard]] bool refuse(std::uint64_t counter, Why why);
  /// The peer knows what became of all counters below.
  void forget_below(std::uint64_t counter);
  [[nodiscard]] ForwardReply reply(Term term, Incarnation incarnation) const;

  bool reply_due = false;

 private:
  struct Refusal {
    std::uint64_t counter;
    Why why;
  };
  std::uint64_t next_ = 1;
  std::vector<Refusal> refusals_;
};

}  // namespace causeway::consensus
