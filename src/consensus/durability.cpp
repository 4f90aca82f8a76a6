#include "consensus/durability.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace causeway::consensus {

std::uint64_t Durability::open(Instant now) {
  const LogIndex last = pending_.empty() ? durable_index_ : pending_.back().last;
  pending_.push_back({++newest_, last, now});
  return newest_;
}

void Durability::entries_written(LogIndex last) {
  CAUSEWAY_CHECK(!pending_.empty());
  pending_.back().last = last;
}

void Durability::truncated(LogIndex last_kept) {
  durable_index_ = std::min(durable_index_, last_kept);
  for (Pending& pending : pending_) pending.last = std::min(pending.last, last_kept);
}

bool Durability::confirmed(std::uint64_t ticket) {
  if (!hard_state_confirmed(ticket)) return false;
  while (!pending_.empty() && pending_.front().ticket <= ticket) {
    durable_index_ = pending_.front().last;
    pending_.pop_front();
  }
  return true;
}

bool Durability::hard_state_confirmed(std::uint64_t ticket) {
  if (ticket > newest_) return false;
  hard_state_confirmed_ = std::max(hard_state_confirmed_, ticket);
  return true;
}

std::optional<Instant> Durability::waiting_since() const {
  if (pending_.empty()) return std::nullopt;
  return pending_.front().since;
}

}  // namespace causeway::consensus
