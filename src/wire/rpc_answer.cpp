// Answers may come from anything that listens on a port. What is unknown in one is passed over, for
// a newer server may say more; what a caller would miss is an error.

#include "wire/rpc_answer.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace causeway::wire {
namespace {

std::string read_text(MsgpackReader& in) { return std::string(in.bytes()); }

std::string read_text_or_nil(MsgpackReader& in) { return in.nil() ? std::string() : read_text(in); }

std::optional<std::string> read_value(MsgpackReader& in) {
  if (in.nil()) return {};
  return read_text(in);
}

std::optional<std::uint64_t> read_natural_or_nil(MsgpackReader& in) {
  if (in.nil()) return {};
  return in.natural();
}

template <class State, std::size_t N>
State read_state(MsgpackReader& in, const State (&states)[N]) {
  const std::string_view name = in.bytes();
  for (const State state : states) {
    if (name == name_of(state)) return state;
  }
  in.fail();
  return {};
}

AwaitResult::State read_await_state(MsgpackReader& in) {
  using enum AwaitResult::State;
  return read_state(in, {pending, won, superseded, rejected, replaced, forgotten});
}

Version read_version(MsgpackReader& in) {
  Version version;
  each_field(in, [&](std::string_view name) {
    if (name == "revision")
      version.revision = {in.natural()};
    else if (name == "stamp")
      version.stamp = {in.natural()};
    else if (name == "origin")
      version.origin = {in.natural()};
    else if (name == "sequence")
      version.sequence = {in.natural()};
    else if (name == "expires_ms")
      version.expires_ms = in.natural();
    else
      in.skip();
  });
  return version;
}

std::optional<Version> read_version_or_nil(MsgpackReader& in) {
  if (in.nil()) return {};
  return read_version(in);
}

ServedBy read_served_by(MsgpackReader& in) {
  ServedBy served_by;
  each_field(in, [&](std::string_view name) {
    if (name == "id")
      served_by.id = read_text(in);
    else if (name == "role")
      served_by.role = read_text(in);
    else
      in.skip();
  });
  return served_by;
}

Response read_response(CallKind kind, MsgpackReader& in) {
  Response response;
  std::optional<bool> valid;
  std::optional<bool> timeout;
  std::optional<std::string> value;
  each_field(in, [&](std::string_view name) {
    using enum TimeoutReason;
    if (name == "valid")
      valid = in.boolean();
    else if (name == "timeout")
      timeout = in.boolean();
    else if (name == "reason")
      response.reason = in.nil() ? none : read_state(in, {budget, withdrawn, overtaken});
    else if (name == "value")
      value = read_value(in);
    else if (name == "version")
      response.version = read_version_or_nil(in);
    else if (name == "token")
      response.token = read_text_or_nil(in);
    else if (name == "pending")
      response.pending = in.boolean();
    else if (name == "served_by")
      response.served_by = read_served_by(in);
    else if (name == "behind_ms")
      response.behind_ms = read_natural_or_nil(in);
    else
      in.skip();
  });
  if (!valid || !timeout || (*valid && *timeout)) {
    in.fail();
    return {};
  }
  response.valid = *valid;
  response.timeout = *timeout;
  response.absent = kind == CallKind::swap && !*valid && !*timeout && !value;
  response.value = std::move(value).value_or("");
  return response;
}

AwaitResult read_await(MsgpackReader& in) {
  AwaitResult result;
  std::optional<AwaitResult::State> state;
  each_field(in, [&](std::string_view name) {
    if (name == "state")
      state = read_await_state(in);
    else if (name == "version")
      result.winner = read_version_or_nil(in);
    else if (name == "reason")
      result.reason = read_text_or_nil(in);
    else if (name == "replaced_by")
      result.replaced_by = read_text_or_nil(in);
    else
      in.skip();
  });
  if (!state) in.fail();
  result.state = state.value_or(AwaitResult::State::pending);
  return result;
}

OutcomeResult read_outcome(MsgpackReader& in) {
  std::optional<OutcomeResult::State> state;
  each_field(in, [&](std::string_view name) {
    using enum OutcomeResult::State;
    if (name == "state")
      state = read_state(in, {pending, done, mismatch, did_not_happen, forgotten});
    else
      in.skip();
  });
  if (!state) in.fail();
  return {.state = state.value_or(OutcomeResult::State::pending)};
}

PendingItem read_pending_item(MsgpackReader& in) {
  PendingItem item;
  each_field(in, [&](std::string_view name) {
    if (name == "key")
      item.key = read_text(in);
    else if (name == "value")
      item.value = read_value(in);
    else if (name == "token")
      item.token = read_text(in);
    else if (name == "stamp")
      item.stamp = {in.natural()};
    else
      in.skip();
  });
  if (item.key.empty()) in.fail();
  return item;
}

ConflictItem::Side read_side(MsgpackReader& in) {
  ConflictItem::Side side;
  each_field(in, [&](std::string_view name) {
    if (name == "value")
      side.value = read_value(in);
    else if (name == "dropped")
      side.dropped = in.boolean();
    else if (name == "version")
      side.version = read_version(in);
    else
      in.skip();
  });
  return side;
}

ConflictItem read_conflict_item(MsgpackReader& in) {
  ConflictItem item;
  each_field(in, [&](std::string_view name) {
    if (name == "key")
      item.key = read_text(in);
    else if (name == "verdict")
      item.verdict = read_await_state(in);
    else if (name == "reason")
      item.reason = read_text_or_nil(in);
    else if (name == "lost")
      item.lost = read_side(in);
    else if (name == "won")
      item.won = read_side(in);
    else
      in.skip();
  });
  if (item.key.empty()) in.fail();
  return item;
}

// Grown one by one, never to an announced count, and each item must have its key or id: so the
// bytes that came bound the memory.
template <class Item>
std::vector<Item> read_list(MsgpackReader& in, Item (*read_item)(MsgpackReader&)) {
  std::vector<Item> items;
  const std::uint64_t count = in.array();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) items.push_back(read_item(in));
  return items;
}

template <class Page, class Item>
Page read_page(MsgpackReader& in, Item (*read_item)(MsgpackReader&)) {
  Page page;
  std::optional<std::vector<Item>> items;
  each_field(in, [&](std::string_view name) {
    if (name == "items")
      items = read_list(in, read_item);
    else if (name == "cursor")
      page.cursor = read_text_or_nil(in);
    else
      in.skip();
  });
  if (!items) in.fail();
  page.items = std::move(items).value_or(std::vector<Item>());
  return page;
}

MemberInfo read_member(MsgpackReader& in) {
  MemberInfo member;
  each_field(in, [&](std::string_view name) {
    if (name == "id")
      member.id = read_text(in);
    else if (name == "address")
      member.address = read_text(in);
    else if (name == "role")
      member.role = read_text(in);
    else if (name == "reachable")
      member.reachable = in.boolean();
    else if (name == "behind")
      member.behind = read_natural_or_nil(in);
    else
      in.skip();
  });
  if (member.id.empty()) in.fail();
  return member;
}

VerdictCounts read_verdicts(MsgpackReader& in) {
  VerdictCounts counts;
  each_field(in, [&](std::string_view name) {
    if (name == "won")
      counts.won = in.natural();
    else if (name == "superseded")
      counts.superseded = in.natural();
    else if (name == "rejected")
      counts.rejected = in.natural();
    else if (name == "replaced")
      counts.replaced = in.natural();
    else
      in.skip();
  });
  return counts;
}

Status read_status(MsgpackReader& in) {
  Status status;
  each_field(in, [&](std::string_view name) {
    if (name == "id")
      status.id = read_text(in);
    else if (name == "origin")
      status.origin = {in.natural()};
    else if (name == "cluster")
      status.cluster = in.natural();
    else if (name == "role")
      status.role = read_text(in);
    else if (name == "state")
      status.state = read_text(in);
    else if (name == "term")
      status.term = {in.natural()};
    else if (name == "leader")
      status.leader = read_text_or_nil(in);
    else if (name == "commit_index")
      status.commit_index = {in.natural()};
    else if (name == "applied_index")
      status.applied_index = {in.natural()};
    else if (name == "log_time")
      status.log_time = {in.natural()};
    else if (name == "pending")
      status.pending = in.natural();
    else if (name == "verdicts")
      status.verdicts = read_verdicts(in);
    else if (name == "members")
      status.members = read_list(in, read_member);
    else
      in.skip();
  });
  if (status.id.empty()) in.fail();
  return status;
}

}  // namespace

Answer read_answer(CallKind kind, MsgpackReader& in) {
  switch (kind) {
    case CallKind::get:
    case CallKind::set:
    case CallKind::remove:
    case CallKind::swap: return read_response(kind, in);
    case CallKind::await: return read_await(in);
    case CallKind::outcome: return read_outcome(in);
    case CallKind::pending: return read_page<PendingPage>(in, read_pending_item);
    case CallKind::conflicts: return read_page<ConflictPage>(in, read_conflict_item);
    case CallKind::status: return read_status(in);
  }
  in.fail();
  return Status{};
}

}  // namespace causeway::wire
