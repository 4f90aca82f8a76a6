#include "interaction/words.hpp"

#include <algorithm>
#include <cstdio>

#include <doctest/doctest.h>

#include "crdt/dot.hpp"

namespace causeway::testing {
namespace {

// As virtual_node.cpp has it: the true wall clock when virtual time begins, at second 1.
constexpr std::int64_t kTrueWallMs = 1'790'000'001'000;

std::string listed(const std::vector<std::string>& parts) {
  if (parts.empty()) return "none";
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::string revision(const Version& version) {
  return "revision " + std::to_string(version.revision.value);
}

}  // namespace

std::string value_text(std::string_view value) {
  constexpr std::size_t kShown = 24;
  if (value.size() <= kShown) return std::string(value);
  return "(" + std::to_string(value.size()) + " bytes)";
}

std::string written(std::string_view key, std::string_view value, bool deleted) {
  return std::string(key) + (deleted ? " deleted" : "=" + value_text(value));
}

std::string stamp_text(Stamp stamp) {
  constexpr double kYear = 365.25 * 24 * 3600;
  const double seconds =
      static_cast<double>(static_cast<std::int64_t>(stamp.wall_ms()) - kTrueWallMs) / 1000;
  char text[32];
  if (seconds > kYear || seconds < -kYear) {
    std::snprintf(text, sizeof text, "%+.0f years", seconds / kYear);
  } else {
    std::snprintf(text, sizeof text, "%.3fs", seconds);
  }
  return text;
}

std::string kind_of(const consensus::Message& message) {
  static constexpr const char* kKinds[] = {"vote",        "vote-reply", "append",   "append-reply",
                                           "timeout-now", "forward",    "withdraw", "forward-reply",
                                           "read",        "read-reply"};
  static_assert(std::size(kKinds) == std::variant_size_v<consensus::Message>);
  return kKinds[message.index()];
}

void Words::origin(Origin origin, const std::string& node) {
  if (names_.contains(origin)) return;
  std::string name = node;
  while (std::any_of(names_.begin(), names_.end(),
                     [&](const auto& known) { return known.second == name; }))
    name += '\'';
  names_[origin] = name;
}

std::string Words::name(Origin origin) const {
  const auto found = names_.find(origin);
  return found == names_.end() ? "?" : found->second;
}

std::string Words::dot(Dot dot) const {
  return name(dot.origin) + ":" + std::to_string(dot.sequence.value);
}

std::string Words::token(const std::string& text) const {
  const auto colon = text.find(':');
  for (const auto& [origin, name] : names_) {
    if (colon != std::string::npos && name == text.substr(0, colon))
      return crdt::to_string({origin, {std::stoull(text.substr(colon + 1))}});
  }
  FAIL("a script's token is NODE:SEQUENCE, not ", text);
  return {};
}

std::string Words::operation(const std::string& id) {
  const auto found = std::find(operations_.begin(), operations_.end(), id);
  const auto number = found - operations_.begin() + 1;
  if (found == operations_.end()) operations_.push_back(id);
  return "o" + std::to_string(number);
}

std::string Words::operation_id(const std::string& text) const {
  for (std::size_t i = 0; i < operations_.size(); ++i) {
    if (text == "o" + std::to_string(i + 1)) return operations_[i];
  }
  FAIL("no operation ", text, " was in doubt so far");
  return {};
}

std::string Words::plain(std::string text) const {
  for (const auto& [origin, name] : names_) {
    std::string token = crdt::to_string({origin, {1}});
    token.pop_back();  // what stands before the sequence
    for (auto at = text.find(token); at != std::string::npos; at = text.find(token))
      text.replace(at, token.size(), name + ":");
  }
  return text;
}

std::string Words::write(const crdt::OfflineWrite& write) const {
  return dot(write.dot) + " " + written(write.key, write.value.view(), write.deleted);
}

std::string Words::command(const Blob& payload) const {
  const auto decoded = kv::decode(payload);
  REQUIRE(decoded);
  if (const auto* start = std::get_if<kv::Start>(&decoded.value())) {
    return "start " + std::to_string(start->number) + " of node " + name(start->origin);
  }
  if (const auto* write = std::get_if<kv::Write>(&decoded.value())) {
    std::string text = written(write->key, write->value, write->kind == kv::CommandKind::remove);
    if (write->kind == kv::CommandKind::swap) {
      text += write->expected ? " where it is " + value_text(*write->expected)
                              : std::string(" where it is absent");
    }
    return text;
  }
  const auto& settle = std::get<kv::Settle>(decoded.value());
  std::vector<std::string> items;
  for (const crdt::OfflineWrite& item : settle.items) items.push_back(write(item));
  return "offline writes behind " + dot({settle.origin, settle.follows}) + ": " + listed(items);
}

std::string Words::response(const Response& response) {
  if (response.timeout) return "timeout, " + std::string(wire::name_of(response.reason));
  if (response.in_doubt) return "in doubt, operation " + operation(response.operation);
  if (!response.token.empty())
    return "pending as " + dot(crdt::parse_dot(response.token).value()) +
           (response.valid ? "" : ", and the key was absent");
  std::string text = response.valid ? "done" : "absent";
  if (response.absent) text = "no, it is absent";
  if (!response.value.empty())
    text = (response.valid ? "" : "no, it is ") + value_text(response.value);
  if (response.pending) return text + ", pending";
  if (response.version) text += ", " + revision(*response.version);
  return text;
}

std::string Words::await_result(const AwaitResult& result) const {
  std::string text(wire::name_of(result.state));
  if (!result.replaced_by.empty())
    text += " by " + dot(crdt::parse_dot(result.replaced_by).value());
  if (!result.reason.empty()) text += ": " + plain(result.reason);
  if (!result.winner) return text;
  text += result.state == AwaitResult::State::superseded ? " by " : ", ";
  return text + revision(*result.winner);
}

std::string Words::side(const ConflictItem::Side& side) const {
  const std::string value = side.dropped ? "(dropped)"
                            : side.value ? value_text(*side.value)
                                         : "a delete";
  return value + " of node " + name(side.version.origin) + " stamped " +
         stamp_text(side.version.stamp);
}

std::string Words::status(const Status& status) const {
  std::vector<std::string> reached;
  for (const MemberInfo& member : status.members) {
    if (member.reachable) reached.push_back(member.id);
  }
  std::string text = status.role + " in term " + std::to_string(status.term.value) + ", " +
                     status.state + ", applied " + std::to_string(status.applied_index.value) +
                     " of " + std::to_string(status.commit_index.value) + ", pending " +
                     std::to_string(status.pending) + ", reaches " + listed(reached);
  if (status.log_time.value != 0) text += ", log time " + stamp_text(status.log_time);
  return text;
}

std::string Words::reply(const wire::Reply& reply) {
  if (const auto* error = std::get_if<wire::CallError>(&reply)) {
    if (error->error.code == Errc::in_doubt)
      return "in doubt, operation " + operation(error->operation);
    return "refused, " + std::string(name_of(error->error.code));
  }
  const wire::Answer& answer = std::get<wire::Answer>(reply);
  std::vector<std::string> items;
  if (const auto* plain = std::get_if<Response>(&answer)) return response(*plain);
  if (const auto* awaited = std::get_if<AwaitResult>(&answer)) return await_result(*awaited);
  if (const auto* outcome = std::get_if<OutcomeResult>(&answer))
    return std::string(wire::name_of(outcome->state));
  if (const auto* page = std::get_if<PendingPage>(&answer)) {
    for (const PendingItem& item : page->items)
      items.push_back(dot(crdt::parse_dot(item.token).value()) + " " +
                      written(item.key, item.value.value_or(""), !item.value));
    return listed(items);
  }
  if (const auto* page = std::get_if<ConflictPage>(&answer)) {
    for (const ConflictItem& item : page->items)
      items.push_back(item.key + ": " + side(item.lost) + " lost to " + side(item.won));
    return listed(items);
  }
  return status(std::get<Status>(answer));
}

}  // namespace causeway::testing
