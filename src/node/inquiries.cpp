#include "node/inquiries.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "crdt/dot.hpp"
#include "node/answers.hpp"
#include "node/status.hpp"

namespace causeway::node {
namespace {

constexpr std::size_t kPageBytesMax = 2 << 20;  // below the frame limit, whatever the items are

bool is_own(const Options& options, Origin origin) {
  const auto& old = options.old_origins;
  return origin == options.origin || std::find(old.begin(), old.end(), origin) != old.end();
}

/// Pages go on behind a number; the empty cursor begins. Nothing is behind the greatest.
Result<std::uint64_t> parse_cursor(const std::string& cursor) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(cursor.data(), cursor.data() + cursor.size(), value);
  const bool whole = error == std::errc() && end == cursor.data() + cursor.size();
  if (!cursor.empty() && (!whole || value == std::numeric_limits<std::uint64_t>::max())) {
    return Error{Errc::invalid,
                 "'cursor' cannot be read: give the one that came with the page before, or "
                 "leave it out"};
  }
  return value;
}

}  // namespace

Inquiries::Open::iterator Inquiries::open(Turn& turn, CallHandle handle, Kind kind, Waits waits,
                                          std::optional<std::uint64_t> timeout_ms) {
  if (!admission_.admit(turn, handle, waits)) return open_.end();
  const std::uint64_t number = turn.core.fresh();
  const auto deadline = deadline_of(turn.now, timeout_ms);
  deadlines_.add(deadline, number);
  const auto at = open_.emplace_hint(open_.end(), number, Inquiry{});
  at->second.handle = handle;
  at->second.kind = kind;
  at->second.waits = waits;
  at->second.deadline = deadline;
  return at;
}

void Inquiries::arrive(Turn& turn, CallHandle handle, wire::AwaitCall call) {
  const auto refused = [&](std::string detail) {
    turn.out.answers.push_back({handle, refuse(Errc::invalid, std::move(detail))});
  };
  const auto dot = crdt::parse_dot(call.token);
  if (!dot)
    return refused(
        "'token' cannot be read: give the one that came with the write, ORIGIN-SEQUENCE");
  if (!is_own(turn.core.options, dot.value().origin))
    return refused("'token' names a write of another node: ask the node that took it");
  if (turn.core.journal.fate(dot.value().sequence) == crdt::Journal::Fate::never_given) {
    return refused("'token' names a write that this node never took");
  }
  const auto at = open(turn, handle, Kind::await, Waits::for_majority, call.timeout_ms);
  if (at == open_.end()) return;
  at->second.sequence = dot.value().sequence;
  at->second.held = turn.core.journal.verdict(dot.value().sequence) == nullptr;
  if (at->second.held) turn.core.journal.hold(dot.value().sequence);
  look(turn, at);
}

void Inquiries::arrive(Turn& turn, CallHandle handle, wire::OutcomeCall call) {
  auto operation = parse_operation(call.operation);
  if (operation && !is_own(turn.core.options, operation.value().origin)) {
    operation = Error{Errc::invalid,
                      "'operation' names a write of another node: ask the node that took it"};
  }
  const bool of_this_start =
      operation && operation.value().incarnation == turn.core.options.incarnation;
  if (of_this_start && operation.value().number > writes_.numbers_given()) {
    operation = Error{Errc::invalid, "'operation' names a write that this node never took"};
  }
  if (!operation) {
    turn.out.answers.push_back(
        {handle, wire::CallError{.error = operation.error(), .leader = {}, .operation = {}}});
    return;
  }
  const auto at = open(turn, handle, Kind::outcome, Waits::for_majority, call.timeout_ms);
  if (at == open_.end()) return;
  // What became of it is kept under the origin of that time, which this node no longer asks for.
  if (operation.value().origin != turn.core.options.origin)
    return finish(turn, at, wire::Answer(OutcomeResult{OutcomeResult::State::forgotten}));
  at->second.number = operation.value().number;
  at->second.incarnation = operation.value().incarnation;
  look(turn, at);
}

void Inquiries::arrive(Turn& turn, CallHandle handle, const wire::PendingCall& call) {
  const auto cursor = parse_cursor(call.cursor);
  if (!cursor) {
    turn.out.answers.push_back(
        {handle, wire::CallError{.error = cursor.error(), .leader = {}, .operation = {}}});
    return;
  }
  const auto at = open(turn, handle, Kind::pending, Waits::locally, std::nullopt);
  if (at == open_.end()) return;
  const Sequence from = std::max(Sequence{cursor.value()}, turn.core.settled_through).next();
  ask(turn, at,
      kv::ListPending{
          .id = id_of(at), .from = from, .count_max = call.limit, .bytes_max = kPageBytesMax});
}

void Inquiries::arrive(Turn& turn, CallHandle handle, const wire::ConflictsCall& call) {
  const auto cursor = parse_cursor(call.cursor);
  if (!cursor) {
    turn.out.answers.push_back(
        {handle, wire::CallError{.error = cursor.error(), .leader = {}, .operation = {}}});
    return;
  }
  const auto at = open(turn, handle, Kind::conflicts, Waits::locally, std::nullopt);
  if (at == open_.end()) return;
  ask(turn, at,
      kv::ListConflicts{.id = id_of(at),
                        .cursor = cursor.value(),
                        .count_max = call.limit,
                        .bytes_max = kPageBytesMax});
}

void Inquiries::arrive(Turn& turn, CallHandle handle, const wire::StatusCall&) {
  if (!admission_.admit(turn, handle, Waits::locally)) return;
  admission_.answer(turn, handle, Waits::locally,
                    wire::Answer(make_status(turn, settling_.verdicts())));
}

void Inquiries::ask(Turn& turn, Open::iterator at, kv::Input question) {
  turn.core.questions.ask(turn, id_of(at), std::move(question));
}

void Inquiries::look(Turn& turn, Open::iterator at) {
  if (at->second.kind == Kind::await) return look_await(turn, at);
  if (at->second.kind == Kind::outcome) return look_outcome(turn, at);
}

void Inquiries::look_await(Turn& turn, Open::iterator at) {
  using Fate = crdt::Journal::Fate;
  Inquiry& inquiry = at->second;
  switch (turn.core.journal.fate(inquiry.sequence)) {
    case Fate::pending: return;
    case Fate::decided:
      return finish(turn, at,
                    wire::Answer(await_result(*turn.core.journal.verdict(inquiry.sequence))));
    case Fate::ask_index:
      if (inquiry.asked) return;
      inquiry.asked = inquiry.under_way = true;
      ask(turn, at,
          kv::ListPending{
              .id = id_of(at), .from = inquiry.sequence, .count_max = 1, .bytes_max = 1});
      return;
    case Fate::forgotten:
    case Fate::never_given: break;
  }
  finish(
      turn, at,
      wire::Answer(AwaitResult{
          .state = AwaitResult::State::forgotten, .winner = {}, .reason = {}, .replaced_by = {}}));
}

void Inquiries::look_outcome(Turn& turn, Open::iterator at) {
  Inquiry& inquiry = at->second;
  if (inquiry.incarnation == turn.core.options.incarnation) {
    const auto known = writes_.outcome(inquiry.number);
    if (known == OutcomeResult::State::pending) return;
    if (known) return finish(turn, at, wire::Answer(OutcomeResult{*known}));
  }
  if (inquiry.asked) return;
  inquiry.asked = inquiry.under_way = true;
  ask(turn, at,
      kv::FindOutcome{.id = id_of(at),
                      .incarnation = inquiry.incarnation,
                      .number = inquiry.number,
                      .running = turn.core.options.incarnation});
}

void Inquiries::found(Turn& turn, const kv::OutcomeFound& outcome) {
  turn.core.questions.answered(turn);
  const auto at = open_.find(number_of(outcome.id));
  if (at == open_.end()) return;
  at->second.asked = at->second.under_way = false;
  using Found = kv::OutcomeFound::State;
  using State = OutcomeResult::State;
  State state = State::pending;
  switch (outcome.state) {
    case Found::unknown:
      if (at->second.expired) finish(turn, at, still_pending(at->second));
      return;
    case Found::done: state = State::done; break;
    case Found::mismatch: state = State::mismatch; break;
    case Found::did_not_happen: state = State::did_not_happen; break;
    case Found::forgotten: state = State::forgotten; break;
  }
  finish(turn, at, wire::Answer(OutcomeResult{state}));
}

void Inquiries::listed(Turn& turn, kv::PendingList list) {
  turn.core.questions.answered(turn);
  const auto at = open_.find(number_of(list.id));
  if (at == open_.end()) return;
  if (at->second.kind == Kind::await) return found_awaited(turn, at, list);
  PendingPage page;
  for (crdt::OfflineWrite& write : list.writes) {
    page.cursor = std::to_string(write.dot.sequence.value);
    if (write.dot.sequence <= turn.core.settled_through) continue;
    PendingItem item{.key = std::move(write.key),
                     .value = {},
                     .token = crdt::to_string(write.dot),
                     .stamp = write.stamp};
    if (!write.deleted) item.value = std::string(write.value.view());
    page.items.push_back(std::move(item));
  }
  if (list.end) page.cursor.clear();
  finish(turn, at, wire::Answer(std::move(page)));
}

void Inquiries::found_awaited(Turn& turn, Open::iterator at, const kv::PendingList& list) {
  at->second.under_way = false;
  if (!list.writes.empty() && list.writes.front().dot.sequence == at->second.sequence) {
    // Pending: `asked` stays, it is known.
    if (at->second.expired) finish(turn, at, still_pending(at->second));
    return;
  }
  finish(
      turn, at,
      wire::Answer(AwaitResult{
          .state = AwaitResult::State::forgotten, .winner = {}, .reason = {}, .replaced_by = {}}));
}

void Inquiries::listed(Turn& turn, kv::ConflictList list) {
  turn.core.questions.answered(turn);
  const auto at = open_.find(number_of(list.id));
  if (at == open_.end()) return;
  ConflictPage page;
  for (kv::Conflict& conflict : list.conflicts)
    page.items.push_back(conflict_item(std::move(conflict)));
  if (!list.end) page.cursor = std::to_string(list.cursor);
  finish(turn, at, wire::Answer(std::move(page)));
}

void Inquiries::decided(Turn& turn) {
  for (auto at = open_.begin(); at != open_.end();) {
    const auto here = at++;
    if (here->second.kind == Kind::await) look(turn, here);
  }
}

void Inquiries::applied(Turn& turn) {
  for (auto at = open_.begin(); at != open_.end();) {
    const auto here = at++;
    if (here->second.kind == Kind::outcome) look(turn, here);
  }
}

wire::Reply Inquiries::still_pending(const Inquiry& inquiry) const {
  if (inquiry.kind == Kind::outcome) return wire::Answer(OutcomeResult{});
  return wire::Answer(AwaitResult{});
}

void Inquiries::due(Turn& turn) {
  while (const auto number = deadlines_.pop(turn.now.mono)) {
    const auto at = open_.find(*number);
    CAUSEWAY_CHECK(at != open_.end());
    at->second.deadline.reset();
    // Who gives no time at all still wants to hear what is known here.
    if (at->second.under_way) {
      at->second.expired = true;
    } else {
      finish(turn, at, still_pending(at->second));
    }
  }
}

void Inquiries::finish(Turn& turn, Open::iterator at, wire::Reply reply) {
  turn.core.questions.withdraw(id_of(at));
  deadlines_.remove(at->second.deadline, at->first);
  if (at->second.held) turn.core.journal.release(at->second.sequence);
  admission_.answer(turn, at->second.handle, at->second.waits, std::move(reply));
  open_.erase(at);
}

void Inquiries::connection_closed(Turn& turn, std::uint64_t connection) {
  for (auto at = open_.begin(); at != open_.end();) {
    const auto here = at++;
    if (here->second.handle.connection == connection)
      finish(turn, here, still_pending(here->second));
  }
}

void Inquiries::stop(Turn& turn) {
  while (!open_.empty())
    finish(turn, open_.begin(),
           refuse(Errc::unavailable, "this node is stopping: ask again when it is back"));
}

}  // namespace causeway::node
