// Rewriting the journal's log while writes go on (the schedule stands in journal.hpp).
//
// The bad schedule that rewrite_keeps prevents: X is listed for the rewriting. Y replaces it and is
// appended; X is appended behind Y, in a later file. Z replaces Y. The next rewriting takes along Z
// only and drops the old files one by one; after that of Y and before that of X the node crashes.
// The start finds X, and Z, which replaces Y: X is back. So a record never stands behind its
// successor, and no front that is dropped can part the two.
#include <algorithm>

#include "base/check.hpp"
#include "crdt/journal.hpp"

namespace causeway::crdt {
namespace {

// Below this the log is not worth rewriting.
constexpr std::uint64_t kRewriteBytesMin = 1u << 20;

}  // namespace

bool Journal::wants_rewrite(std::uint64_t bytes_on_disk) const {
  return bytes_on_disk >= kRewriteBytesMin && bytes_on_disk > 2 * bytes_;
}

// Also what is only on its way to be freed: its Settled record goes with the rest, and its writes
// may be gone from the index, so that nobody could compute the chain from an earlier position any
// more.
Settled Journal::begin_rewrite() {
  left_out_through_ = {};
  left_out_.clear();
  rewrite_again_ = false;
  const Sequence through = freeing_.empty() ? learnt_through_ : freeing_.back().through;
  const std::uint64_t chain = freeing_.empty() ? learnt_chain_ : freeing_.back().chain;
  Settled position{options_.origin, through, chain, verdicts_.all(through)};
  // A write that may still be undone has replaced nothing yet. Its own record says so again.
  std::erase_if(position.verdicts, [this](const Verdict& verdict) {
    const auto by = coalesced_by_.find(verdict.sequence);
    return by != coalesced_by_.end() && by->second > durable_through_;
  });
  return position;
}

void Journal::rewrite_asks() {
  asked_at_ = durable_through_;
  durable(durable_through_);
}

bool Journal::rewrite_keeps(Sequence sequence) {
  CAUSEWAY_CHECK(asked_at_.has_value());
  const auto replaced = coalesced_by_.find(sequence);
  if (replaced == coalesced_by_.end()) return true;
  left_out_.insert(replaced->second);
  left_out_through_ = std::max(left_out_through_, replaced->second);
  return false;
}

Journal::RewriteEnd Journal::end_rewrite() {
  asked_at_.reset();
  if (!rewrite_again_ && left_out_through_ > durable_through_) return RewriteEnd::not_yet;
  left_out_.clear();
  return rewrite_again_ ? RewriteEnd::again : RewriteEnd::drop;
}

}  // namespace causeway::crdt
