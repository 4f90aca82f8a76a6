#include "sim/words.hpp"

#include <array>
#include <charconv>
#include <cstdio>
#include <variant>

#include "crdt/dot.hpp"
#include "kv/command.hpp"

namespace causeway::sim {
namespace {

void append_number(std::string& out, std::uint64_t number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

void append_timeout(std::string& out, const std::optional<std::uint64_t>& timeout_ms) {
  if (!timeout_ms) return;
  out += ", ";
  append_number(out, *timeout_ms);
  out += "ms";
}

void append_written(std::string& out, std::string_view key, std::string_view value, bool deleted) {
  out += key;
  out += deleted ? " deleted" : "=";
  if (!deleted) append_value(out, value);
}

std::string origin_text(Origin origin, const OriginNames& names) {
  if (const auto found = names.find(origin); found != names.end()) return found->second;
  std::array<char, 17> hex{};
  std::snprintf(hex.data(), hex.size(), "%016llx", static_cast<unsigned long long>(origin.value));
  return hex.data();
}

/// With a node's name for the origin in it.
std::string token_text(const std::string& token, const OriginNames& names) {
  const auto dot = crdt::parse_dot(token);
  return dot ? dot_text(dot.value(), names) : token;
}

void append_revision(std::string& out, const std::optional<Version>& version) {
  if (!version) return;
  out += ", revision ";
  append_number(out, version->revision.value);
}

void append_response(std::string& out, const Response& response, const OriginNames& names) {
  if (response.timeout) {
    out += "timeout, ";
    out += wire::name_of(response.reason);
    return;
  }
  if (response.in_doubt) {
    out += "in doubt, operation ";
    out += response.operation;
    return;
  }
  if (!response.token.empty()) {
    out += "pending as " + token_text(response.token, names);
    if (!response.valid) out += ", and the key was absent";
    return;
  }
  if (!response.valid && response.value.empty()) {
    out += "no, absent";
  } else {
    out += response.valid ? "done" : "no, it is ";
    if (!response.value.empty()) {
      if (response.valid) out += ", ";
      append_value(out, response.value);
    }
  }
  if (response.pending) out += ", pending";
  append_revision(out, response.version);
}

void append_count(std::string& out, std::size_t count, std::string_view what) {
  append_number(out, count);
  out += ' ';
  out += what;
  if (count != 1) out += 's';
}

struct AppendAnswer {
  std::string& out;
  const OriginNames& names;

  void operator()(const Response& response) const { append_response(out, response, names); }
  void operator()(const AwaitResult& result) const {
    out += wire::name_of(result.state);
    if (!result.replaced_by.empty()) out += " by " + token_text(result.replaced_by, names);
    if (!result.reason.empty()) out += ": " + result.reason;
    append_revision(out, result.winner);
  }
  void operator()(const OutcomeResult& result) const { out += wire::name_of(result.state); }
  void operator()(const PendingPage& page) const {
    append_count(out, page.items.size(), "pending write");
    if (!page.cursor.empty()) out += " and more";
  }
  void operator()(const ConflictPage& page) const {
    append_count(out, page.items.size(), "conflict");
    if (!page.cursor.empty()) out += " and more";
  }
  void operator()(const Status& status) const {
    out += status.role + " in term ";
    append_number(out, status.term.value);
    out += ", " + status.state + ", applied ";
    append_number(out, status.applied_index.value);
    out += " of ";
    append_number(out, status.commit_index.value);
    out += ", pending ";
    append_number(out, status.pending);
  }
};

struct AppendCall {
  std::string& out;

  void operator()(const wire::GetCall& call) const {
    out += "get ";
    out += call.key;
    if (!call.consistent) out += ", local";
    append_timeout(out, call.timeout_ms);
  }
  void operator()(const wire::WriteCall& call) const {
    constexpr std::string_view kNames[] = {"set ", "delete ", "swap "};
    out += kNames[static_cast<std::size_t>(call.op)];
    out += call.key;
    if (call.op != wire::WriteOp::remove) {
      out += '=';
      append_value(out, call.value.view());
    }
    if (call.op == wire::WriteOp::swap) {
      out += " where it is ";
      call.expected ? append_value(out, *call.expected) : static_cast<void>(out += "absent");
    }
    if (!call.consistent) out += ", offline";
    append_timeout(out, call.timeout_ms);
    if (call.in_doubt == InDoubt::report) out += ", reports doubt";
  }
  void operator()(const wire::AwaitCall& call) const {
    out += "await " + call.token;
    append_timeout(out, call.timeout_ms);
  }
  void operator()(const wire::OutcomeCall& call) const {
    out += "outcome of " + call.operation;
    append_timeout(out, call.timeout_ms);
  }
  void operator()(const wire::PendingCall&) const { out += "pending"; }
  void operator()(const wire::ConflictsCall&) const { out += "conflicts"; }
  void operator()(const wire::StatusCall&) const { out += "status"; }
};

}  // namespace

void append_value(std::string& out, std::string_view value) {
  constexpr std::size_t kShown = 24;
  if (value.size() <= kShown) {
    out += value;
    return;
  }
  out += '(';
  append_number(out, value.size());
  out += " bytes)";
}

void append_call(std::string& out, const wire::Call& call) { std::visit(AppendCall{out}, call); }

void append_reply(std::string& out, const wire::Reply& reply, const OriginNames& names) {
  if (const auto* answer = std::get_if<wire::Answer>(&reply)) {
    std::visit(AppendAnswer{out, names}, *answer);
    return;
  }
  const auto& refused = std::get<wire::CallError>(reply);
  out += "refused: ";
  out += name_of(refused.error.code);
  if (!refused.operation.empty()) out += ", operation " + refused.operation;
  if (!refused.error.detail.empty()) out += ", " + refused.error.detail;
}

std::string dot_text(Dot dot, const OriginNames& names) {
  return origin_text(dot.origin, names) + ":" + std::to_string(dot.sequence.value);
}

std::string write_text(const crdt::OfflineWrite& write, const OriginNames& names) {
  std::string text = dot_text(write.dot, names) + " ";
  append_written(text, write.key, write.value.view(), write.deleted);
  return text;
}

std::string command_text(const Blob& payload, const OriginNames& names) {
  const auto decoded = kv::decode(payload);
  if (!decoded) return "a command that cannot be read";
  if (const auto* start = std::get_if<kv::Start>(&decoded.value())) {
    return "start " + std::to_string(start->number) + " of " + origin_text(start->origin, names);
  }
  std::string text;
  if (const auto* write = std::get_if<kv::Write>(&decoded.value())) {
    append_written(text, write->key, write->value, write->kind == kv::CommandKind::remove);
    if (write->kind == kv::CommandKind::swap) {
      text += " where it is ";
      write->expected ? append_value(text, *write->expected) : static_cast<void>(text += "absent");
    }
    return text + " (write " + std::to_string(write->call.number) + " of " +
           origin_text(write->call.origin, names) + ")";
  }
  const auto& settle = std::get<kv::Settle>(decoded.value());
  text = "settles behind " + dot_text({settle.origin, settle.follows}, names) + ":";
  constexpr std::size_t kShown = 4;
  for (std::size_t i = 0; i < settle.items.size() && i < kShown; ++i) {
    text += (i == 0 ? " " : ", ") + write_text(settle.items[i], names);
  }
  if (settle.items.size() > kShown) {
    text += " and " + std::to_string(settle.items.size() - kShown) + " more";
  }
  return text;
}

}  // namespace causeway::sim
