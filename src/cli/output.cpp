#include "cli/output.hpp"

#include <chrono>
#include <cstdio>
#include <ostream>

#include <nlohmann/json.hpp>

#include "cli/text.hpp"

namespace causeway::cli {

using nlohmann::json;

void Terminal::object(const json& value) const {
  // Names and messages of a server are not ours to trust: what is no UTF-8 must not end us.
  out << value.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
}

void Terminal::fail(std::string_view code, const std::string& message) const {
  if (as_json) {
    object({{"code", code}, {"message", message}});
  } else {
    err << "kvcli: " << code << ": " << one_line(message) << '\n';
  }
}

void Terminal::fail(const Error& error) const { fail(causeway::name_of(error.code), error.detail); }

std::string one_line(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  const bool readable = is_utf8(text);
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\t') {
      line += "\\t";
    } else if (c == '\n') {
      line += "\\n";
    } else if (c == '\\') {
      line += "\\\\";
    } else if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !readable)) {
      line += {'\\', 'x', kHex[byte >> 4], kHex[byte & 0xf]};
    } else {
      line += c;
    }
  }
  return line;
}

void put_bytes(json& object, const std::string& name, std::string_view bytes) {
  if (is_utf8(bytes)) {
    object[name] = bytes;
    return;
  }
  object[name] = base64(bytes);
  object[name == "value" ? "encoding" : name + "_encoding"] = "base64";
}

std::string hex(std::uint64_t number) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string text(16, '0');
  for (std::size_t i = 16; i-- > 0; number >>= 4) text[i] = kHex[number & 0xf];
  return text;
}

std::string writer_of(const Version& version) {
  return hex(version.origin.value) + "-" + std::to_string(version.sequence.value);
}

std::string time_of(Stamp stamp) {
  using namespace std::chrono;
  const sys_time<milliseconds> time{milliseconds(static_cast<std::int64_t>(stamp.wall_ms()))};
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  char text[48];
  std::snprintf(
      text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return text;
}

json to_json(const Version& version) {
  json object = {
      {"revision", version.revision.value},  {"stamp", std::to_string(version.stamp.value)},
      {"origin", hex(version.origin.value)}, {"sequence", std::to_string(version.sequence.value)},
      {"time_ms", version.stamp.wall_ms()},  {"expires_ms", nullptr}};
  if (version.expires_ms != 0) object["expires_ms"] = version.expires_ms;
  return object;
}

json to_json(const PendingItem& item) {
  json object;
  put_bytes(object, "key", item.key);
  if (item.value) {
    put_bytes(object, "value", *item.value);
  } else {
    object["deleted"] = true;
  }
  object["token"] = item.token;
  object["stamp"] = std::to_string(item.stamp.value);
  object["time_ms"] = item.stamp.wall_ms();
  return object;
}

namespace {

json side_to_json(const ConflictItem::Side& side) {
  json object = {{"version", to_json(side.version)}};
  if (side.value) {
    put_bytes(object, "value", *side.value);
  } else {
    object[side.dropped ? "dropped" : "deleted"] = true;
  }
  return object;
}

}  // namespace

json to_json(const ConflictItem& item) {
  json object;
  put_bytes(object, "key", item.key);
  object["verdict"] = name_of(item.verdict);
  if (!item.reason.empty()) object["reason"] = item.reason;
  object["lost"] = side_to_json(item.lost);
  object["won"] = side_to_json(item.won);
  return object;
}

json to_json(const Status& status) {
  json members = json::array();
  for (const MemberInfo& member : status.members) {
    json entry = {{"id", member.id},
                  {"address", member.address},
                  {"role", member.role},
                  {"reachable", member.reachable},
                  {"behind", nullptr}};
    if (member.behind) entry["behind"] = *member.behind;
    members.push_back(std::move(entry));
  }
  json object = {{"id", status.id},
                 {"origin", hex(status.origin.value)},
                 {"cluster", nullptr},
                 {"role", status.role},
                 {"state", status.state},
                 {"term", status.term.value},
                 {"leader", nullptr},
                 {"commit_index", status.commit_index.value},
                 {"applied_index", status.applied_index.value},
                 {"log_time", std::to_string(status.log_time.value)},
                 {"pending", status.pending},
                 {"verdicts",
                  {{"won", status.verdicts.won},
                   {"superseded", status.verdicts.superseded},
                   {"rejected", status.verdicts.rejected},
                   {"replaced", status.verdicts.replaced}}},
                 {"members", std::move(members)}};
  if (status.cluster != 0) object["cluster"] = hex(status.cluster);
  if (!status.leader.empty()) object["leader"] = status.leader;
  return object;
}

std::string_view name_of(AwaitResult::State state) {
  switch (state) {
    case AwaitResult::State::pending: return "pending";
    case AwaitResult::State::won: return "won";
    case AwaitResult::State::superseded: return "superseded";
    case AwaitResult::State::rejected: return "rejected";
    case AwaitResult::State::replaced: return "replaced";
    case AwaitResult::State::forgotten: return "forgotten";
  }
  return "unknown";
}

std::string_view name_of(OutcomeResult::State state) {
  switch (state) {
    case OutcomeResult::State::pending: return "pending";
    case OutcomeResult::State::done: return "done";
    case OutcomeResult::State::mismatch: return "mismatch";
    case OutcomeResult::State::did_not_happen: return "did_not_happen";
    case OutcomeResult::State::forgotten: return "forgotten";
  }
  return "unknown";
}

std::string_view name_of(TimeoutReason reason) {
  switch (reason) {
    case TimeoutReason::none: return "";
    case TimeoutReason::budget: return "budget";
    case TimeoutReason::withdrawn: return "withdrawn";
    case TimeoutReason::overtaken: return "overtaken";
  }
  return "unknown";
}

}  // namespace causeway::cli
