// Which of the records handed out are durable.
//
// Records leave with a ticket, and the news that a ticket is durable comes back later. Between the
// two the log may be truncated: then what a ticket made durable counts only up to where the log
// still is what was written.
//
//   ticket 5: entries ..10    ticket 6: entry 8' (replaces 8..10)
//   durable(5) now means 7, not 10; durable(6) means 8
//
// Term and vote may become durable before entries that were handed out earlier: a full disk has
// room for a hard state when it has none for them.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "base/time.hpp"
#include <causeway/types.hpp>

namespace causeway::consensus {

/// Invariants: tickets and indices of the pending writes ascend; durable_index() never exceeds the
/// last index of the log.
class Durability {
 public:
  explicit Durability(LogIndex recovered) : durable_index_(recovered) {}

  /// Opens the next ticket.
  [[nodiscard]] std::uint64_t open(Instant now);
  /// The newest ticket holds entries up to `last`.
  void entries_written(LogIndex last);
  /// The newest ticket holds the hard state.
  void hard_state_written() { hard_state_ticket_ = newest_; }
  /// Entries behind `last_kept` were removed.
  void truncated(LogIndex last_kept);
  /// The hard state that went out with `ticket` is durable.
  [[nodiscard]] bool holds_hard_state_of(std::uint64_t ticket) const {
    return hard_state_confirmed_ >= ticket;
  }
  /// All up to `ticket` is durable. False for a ticket that was never given out.
  [[nodiscard]] bool confirmed(std::uint64_t ticket);
  /// The hard state that `ticket` holds is durable, and says nothing of entries. False as above.
  [[nodiscard]] bool hard_state_confirmed(std::uint64_t ticket);

  [[nodiscard]] LogIndex durable_index() const { return durable_index_; }
  [[nodiscard]] bool hard_state_durable() const {
    return hard_state_ticket_ <= hard_state_confirmed_;
  }
  /// The ticket of the newest hard state; 0: none was written yet.
  [[nodiscard]] std::uint64_t hard_state_ticket() const { return hard_state_ticket_; }
  /// When the oldest write was handed out that is not confirmed yet.
  [[nodiscard]] std::optional<Instant> waiting_since() const;

 private:
  struct Pending {
    std::uint64_t ticket;
    LogIndex last;
    Instant since;
  };
  std::deque<Pending> pending_;
  LogIndex durable_index_;
  std::uint64_t newest_ = 0;
  std::uint64_t hard_state_ticket_ = 0;
  std::uint64_t hard_state_confirmed_ = 0;  // hard states of tickets up to this one are durable
};

}  // namespace causeway::consensus
