#include "consensus/proposal_queue.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.hpp"

namespace causeway::consensus {
namespace {

// 0 stands for "waits for ever", so a deadline that has passed is one millisecond.
std::uint32_t budget_ms(const std::optional<Instant>& deadline, Instant now) {
  if (!deadline) return 0;
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*deadline - now).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(left, 1, UINT32_MAX));
}

}  // namespace

bool ProposalQueue::add(ProposalId id, Blob payload, std::optional<Instant> deadline) {
  if (places_.size() >= open_max_) return false;
  const Place place{.sent = false, .position = waiting_base_ + waiting_.size()};
  const bool fresh = places_.emplace(id, place).second;
  CAUSEWAY_CHECK(fresh);
  waiting_.push_back({id, std::move(payload), deadline});
  return true;
}

void ProposalQueue::withdraw(ProposalId id, Effects& out) {
  const auto found = places_.find(id);
  if (found == places_.end()) return;
  const Place place = found->second;
  if (!place.sent) {
    Waiting& waiting = waiting_[place.position - waiting_base_];
    waiting.open = false;
    waiting.payload = {};
    places_.erase(found);
    out.dropped.push_back({id, Dropped::withdrawn});
    trim();
    return;
  }
  Sent& sent = sent_[place.position - sent_base_];
  if (appended_here_ || sent.term != term_ || place.position - first_ + 1 < answered_) return;
  sent.withdraw = true;
  withdrawals_due_ = true;
}

bool ProposalQueue::may_be_in_log(ProposalId id) const {
  const auto found = places_.find(id);
  return found != places_.end() && found->second.sent;
}

void ProposalQueue::resolved(ProposalId id) {
  const auto found = places_.find(id);
  if (found == places_.end()) return;
  const Place place = found->second;
  places_.erase(found);
  if (place.sent) {
    sent_[place.position - sent_base_].open = false;
  } else {
    waiting_[place.position - waiting_base_].open = false;
  }
  trim();
}

void ProposalQueue::applied(Term term, Effects& out) {
  for (Sent& sent : sent_) {
    if (sent.term >= term) break;
    if (sent.open) drop(sent, Dropped::lost, out);
  }
  if (term > term_) enter_term(term);
  trim();
}

const Blob* ProposalQueue::front() const {
  return waiting_.empty() ? nullptr : &waiting_.front().payload;
}

Blob ProposalQueue::append_front(Term term) {
  enter_term(term);
  appended_here_ = true;
  Waiting& waiting = waiting_.front();
  places_.find(waiting.id)->second = {.sent = true, .position = sent_base_ + sent_.size()};
  sent_.push_back({waiting.id, term, {}, {}});
  Blob payload = std::move(waiting.payload);
  waiting.open = false;
  trim();
  return payload;
}

void ProposalQueue::drop_front(Dropped why, Effects& out) {
  Waiting& waiting = waiting_.front();
  out.dropped.push_back({waiting.id, why});
  places_.erase(waiting.id);
  waiting.open = false;
  trim();
}

std::vector<Message> ProposalQueue::take_messages(const Window& window) {
  std::vector<Message> messages;
  give_counters(window);
  if (term_ != window.term || appended_here_) return messages;
  if (again_some_ && answered_ < cursor_) messages.push_back(make_forward(answered_, window));
  again_some_ = false;
  while (cursor_ < counters_end()) {
    Forward forward = make_forward(cursor_, window);
    cursor_ += forward.items.size();
    messages.push_back(std::move(forward));
  }
  if (withdrawals_due_) {
    for (std::uint64_t counter = answered_; counter < counters_end(); ++counter) {
      const Sent& sent = at_counter(counter);
      if (sent.open && sent.withdraw) messages.push_back(Withdraw{term_, incarnation_, counter});
    }
    withdrawals_due_ = false;
  }
  return messages;
}

void ProposalQueue::receive(Term term, const ForwardReply& reply, Effects& out) {
  if (reply.term != term || term_ != term || appended_here_) return;
  if (reply.incarnation != incarnation_) return;
  if (reply.next_counter < answered_ || reply.next_counter > counters_end()) return;
  for (const std::uint64_t counter : reply.refused) {
    if (counter < answered_ || counter >= counters_end()) continue;
    Sent& sent = at_counter(counter);
    if (!sent.open) continue;
    const Dropped why = sent.withdraw     ? Dropped::withdrawn
                        : reply.exhausted ? Dropped::exhausted
                                          : Dropped::lost;
    drop(sent, why, out);
  }
  const bool progress = reply.next_counter > answered_;
  for (; answered_ < reply.next_counter; ++answered_) {
    Sent& sent = at_counter(answered_);
    unanswered_bytes_ -= sent.payload.size();
    sent.payload = {};
  }
  cursor_ = std::max(cursor_, answered_);
  // Answers to earlier messages come while later ones are under way. Only one that brings nothing
  // new tells of a gap, and it may come more than once.
  if (!progress && reply.next_counter < cursor_ && gap_sent_at_ != answered_) {
    cursor_ = answered_;
    gap_sent_at_ = answered_;
  }
  trim();
}

void ProposalQueue::send_again_all() {
  cursor_ = answered_;
  withdrawals_due_ = true;
}

void ProposalQueue::send_again_some() {
  again_some_ = true;
  withdrawals_due_ = true;
  gap_sent_at_ = 0;
}

bool ProposalQueue::awaits_answer(Term term) const {
  return term_ == term && !appended_here_ && answered_ < counters_end();
}

ProposalQueue::Sent& ProposalQueue::at_counter(std::uint64_t counter) {
  return sent_[first_ + counter - 1 - sent_base_];
}

std::uint64_t ProposalQueue::counters_end() const { return sent_base_ + sent_.size() - first_ + 1; }

// What was sent in earlier terms is never sent again: it may be in the log already. So it needs no
// payload.
void ProposalQueue::enter_term(Term term) {
  if (term_ == term) return;
  for (Sent& sent : sent_) sent.payload = {};
  term_ = term;
  appended_here_ = false;
  first_ = sent_base_ + sent_.size();
  answered_ = cursor_ = 1;
  gap_sent_at_ = 0;
  unanswered_bytes_ = 0;
  again_some_ = withdrawals_due_ = false;
  trim();
}

void ProposalQueue::give_counters(const Window& window) {
  while (!waiting_.empty()) {
    Waiting& waiting = waiting_.front();
    const std::size_t bytes = waiting.payload.size();
    if (term_ == window.term && unanswered_bytes_ != 0 &&
        unanswered_bytes_ + bytes > window.inflight_bytes_max) {
      return;
    }
    enter_term(window.term);
    unanswered_bytes_ += bytes;
    places_.find(waiting.id)->second = {.sent = true, .position = sent_base_ + sent_.size()};
    sent_.push_back({waiting.id, term_, std::move(waiting.payload), waiting.deadline});
    waiting.open = false;
    trim();
  }
}

Forward ProposalQueue::make_forward(std::uint64_t from, const Window& window) {
  Forward forward{.term = term_,
                  .incarnation = incarnation_,
                  .first_counter = from,
                  .lowest_open = answered_,
                  .items = {}};
  std::size_t bytes = 0;
  for (std::uint64_t counter = from; counter < counters_end(); ++counter) {
    const Sent& sent = at_counter(counter);
    if (!forward.items.empty() && bytes + sent.payload.size() > window.batch_bytes_max) break;
    bytes += sent.payload.size();
    forward.items.push_back({sent.payload, budget_ms(sent.deadline, window.now)});
  }
  return forward;
}

// The payload stays until its counter is answered: the leader takes counters in order, without a
// gap.
void ProposalQueue::drop(Sent& sent, Dropped why, Effects& out) {
  out.dropped.push_back({sent.id, why});
  places_.erase(sent.id);
  sent.open = false;
}

void ProposalQueue::trim() {
  while (!waiting_.empty() && !waiting_.front().open) {
    waiting_.pop_front();
    ++waiting_base_;
  }
  const std::uint64_t keep = appended_here_ ? UINT64_MAX : first_ + answered_ - 1;
  while (!sent_.empty() && !sent_.front().open && sent_base_ < keep) {
    sent_.pop_front();
    ++sent_base_;
  }
}

}  // namespace causeway::consensus
