// The part of the player that asks nodes for something and waits for their answers.
#include <doctest/doctest.h>

#include "interaction/player.hpp"

namespace causeway::testing {
namespace {

// A call that is not answered by then goes on in the background; its answer is narrated when it
// comes.
constexpr Duration kPatience = std::chrono::seconds(30);

std::optional<std::uint64_t> timeout_of(const Command& command) {
  if (!command.has("timeout")) return std::nullopt;
  return static_cast<std::uint64_t>(duration_of(command.option("timeout")).count() / 1'000'000);
}

/// `xxxx...` stands for so many bytes: value=1000x
std::string value_of(const std::string& text) {
  if (text.size() < 2 || text.back() != 'x' ||
      text.find_first_not_of("0123456789") != text.size() - 1)
    return text;
  return std::string(std::stoull(text), 'x');
}

}  // namespace

std::string Player::node_of(const Command& command) const {
  const std::string name = command.option("node");
  if (name.empty() || !cluster_->node(name).running())
    FAIL(command.text, ": names no node that runs");
  return name;
}

// set|get|swap|del node=N key=K [value=V] [old=V] [consistent=false] [timeout=2s] [in-doubt=report]
// [wait=no]
wire::Call Player::call_of(const Command& command) {
  const std::string& name = command.name;
  const auto timeout = timeout_of(command);
  const bool consistent = command.option("consistent") != "false";
  if (name == "get")
    return wire::GetCall{
        .key = command.option("key"), .consistent = consistent, .timeout_ms = timeout};
  if (name == "await")
    return wire::AwaitCall{.token = narrator_->words().token(command.option("token")),
                           .timeout_ms = timeout};
  if (name == "outcome")
    return wire::OutcomeCall{
        .operation = narrator_->words().operation_id(command.option("operation")),
        .timeout_ms = timeout};
  if (name == "pending") return wire::PendingCall{};
  if (name == "conflicts") return wire::ConflictsCall{};
  if (name == "status") return wire::StatusCall{};
  wire::WriteCall write;
  write.op = name == "del"    ? wire::WriteOp::remove
             : name == "swap" ? wire::WriteOp::swap
                              : wire::WriteOp::set;
  write.key = command.option("key");
  write.value = Blob::copy_of(value_of(command.option("value")));
  if (command.has("old")) write.expected = value_of(command.option("old"));
  write.consistent = consistent;
  write.timeout_ms = timeout;
  if (command.option("in-doubt") == "report") write.in_doubt = InDoubt::report;
  return write;
}

void Player::call(const Command& command) {
  const std::string node = node_of(command);
  wire::Call call = call_of(command);
  std::string asked = command.name;
  for (const char* option : {"key", "value", "old", "token", "operation"}) {
    if (command.has(option))
      asked += (option == std::string("value") ? "="
                : option == std::string("old") ? " where "
                                               : " ") +
               command.option(option);
  }
  if (command.option("consistent") == "false") asked += " inconsistent";
  const auto number = cluster_->call(node, std::move(call));
  asked_[number] = "answers " + asked;
  if (command.option("wait") == "no") return;
  const Duration patience = command.has("wait") ? duration_of(command.option("wait")) : kPatience;
  if (!cluster_->run_until([&] { return cluster_->reply(number) != nullptr; }, patience))
    narrator_->say(node, "has not answered " + asked + " yet");
}

}  // namespace causeway::testing
