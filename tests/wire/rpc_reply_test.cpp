#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/random.hpp"
#include "wire/bytes_support.hpp"
#include "wire/msgpack_reader.hpp"
#include "wire/rpc.hpp"

namespace causeway::wire {
namespace {

using test::bytes;
using test::hex;

std::string encoded(std::optional<std::uint32_t> msgid, CallKind kind, const Reply& reply) {
  std::string out;
  encode_reply(msgid, kind, reply, out);
  return out;
}

const Version kVersion{.revision = {17},
                       .stamp = {(std::uint64_t{1'700'000'000'000} << 16) | 3},
                       .origin = {0xfedcba9876543210},
                       .sequence = {5},
                       .expires_ms = 9};

// kVersion as it stands in an answer.
constexpr std::string_view kVersionHex =
    "86 a8'revision' 11 a5'stamp' cf018bcfe568000003 a6'origin' cffedcba9876543210 "
    "a8'sequence' 05 a7'time_ms' cf0000018bcfe56800 aa'expires_ms' 09";

struct ReplyRow {
  std::string why;
  CallKind kind;
  Answer answer;
  std::string result;  // behind [1, 7, nil,
};

std::vector<ReplyRow> reply_rows() {
  const std::string version(kVersionHex);
  const std::string no_version = " a7'version' c0 ";
  const std::string valid = "a5'valid' c3 a7'timeout' c2 ";
  const std::string invalid = "a5'valid' c2 a7'timeout' c2 ";
  const std::string timeout = "a5'valid' c2 a7'timeout' c3 ";
  return {
      {"get", CallKind::get,
       Response{.valid = true,
                .value = bytes("00ff"),
                .version = kVersion,
                .served_by = {.id = "n1", .role = "leader"},
                .behind_ms = 0},
       "87 " + valid + "a5'value' c40200ff a7'version' " + version +
           "a7'pending' c2 a9'served_by' 82 a2'id' a2'n1' a4'role' a6'leader' a9'behind_ms' 00"},
      {"get, pending, from a node that never heard a leader", CallKind::get,
       Response{.valid = true,
                .version = Version{},
                .pending = true,
                .served_by = {.id = "n2", .role = "follower"}},
       "87 " + valid +
           "a5'value' c400 a7'version' 86 a8'revision' 00 a5'stamp' 00 a6'origin' 00 "
           "a8'sequence' 00 a7'time_ms' 00 aa'expires_ms' 00 "
           "a7'pending' c3 a9'served_by' 82 a2'id' a2'n2' a4'role' a8'follower' a9'behind_ms' c0"},
      {"get, no such key", CallKind::get,
       Response{.served_by = {.id = "n1", .role = "leader"}, .behind_ms = 300},
       "87 " + invalid + "a5'value' c0" + no_version +
           "a7'pending' c2 a9'served_by' 82 a2'id' a2'n1' a4'role' a6'leader' "
           "a9'behind_ms' cd012c"},
      {"get, timeout", CallKind::get, Response{.timeout = true, .reason = TimeoutReason::budget},
       "88 " + timeout + "a6'reason' a6'budget' a5'value' c0" + no_version +
           "a7'pending' c2 a9'served_by' 82 a2'id' a0 a4'role' a0 a9'behind_ms' c0"},
      {"a Response in which nothing was set", CallKind::set, Response{},
       "83 " + invalid + no_version},
      {"set", CallKind::set, Response{.valid = true, .version = kVersion},
       "83 " + valid + "a7'version' " + version},
      {"set, offline", CallKind::set,
       Response{.valid = true, .version = kVersion, .token = "00000000000000ff-7"},
       "84 " + valid + "a7'version' " + version + "a5'token' b2'00000000000000ff-7'"},
      {"set, overtaken", CallKind::set,
       Response{.timeout = true, .reason = TimeoutReason::overtaken},
       "84 " + timeout + "a6'reason' a9'overtaken'" + no_version},
      {"delete of an absent key", CallKind::remove, Response{.version = kVersion},
       "83 " + invalid + "a7'version' " + version},
      {"delete, withdrawn", CallKind::remove,
       Response{.timeout = true, .reason = TimeoutReason::withdrawn},
       "84 " + timeout + "a6'reason' a9'withdrawn'" + no_version},
      {"swap", CallKind::swap, Response{.valid = true, .version = kVersion},
       "84 " + valid + "a5'value' c0 a7'version' " + version},
      {"swap that met another value", CallKind::swap, Response{.value = "o", .version = kVersion},
       "84 " + invalid + "a5'value' c401'o' a7'version' " + version},
      {"swap that met an empty value", CallKind::swap, Response{.version = kVersion},
       "84 " + invalid + "a5'value' c400 a7'version' " + version},
      {"swap that met no value", CallKind::swap, Response{.absent = true},
       "84 " + invalid + "a5'value' c0" + no_version},
      {"swap, timeout", CallKind::swap, Response{.timeout = true, .reason = TimeoutReason::budget},
       "85 " + timeout + "a6'reason' a6'budget' a5'value' c0" + no_version},
      {"await, pending", CallKind::await, AwaitResult{},
       "84 a5'state' a7'pending' a7'version' c0 a6'reason' c0 ab'replaced_by' c0"},
      {"await, superseded", CallKind::await,
       AwaitResult{.state = AwaitResult::State::superseded, .winner = kVersion},
       "84 a5'state' aa'superseded' a7'version' " + version + "a6'reason' c0 ab'replaced_by' c0"},
      {"await, rejected", CallKind::await,
       AwaitResult{.state = AwaitResult::State::rejected, .reason = "why"},
       "84 a5'state' a8'rejected' a7'version' c0 a6'reason' a3'why' ab'replaced_by' c0"},
      {"await, replaced", CallKind::await,
       AwaitResult{.state = AwaitResult::State::replaced, .replaced_by = "0-2"},
       "84 a5'state' a8'replaced' a7'version' c0 a6'reason' c0 ab'replaced_by' a3'0-2'"},
      {"await, won", CallKind::await,
       AwaitResult{.state = AwaitResult::State::won, .winner = kVersion},
       "84 a5'state' a3'won' a7'version' " + version + "a6'reason' c0 ab'replaced_by' c0"},
      {"await, forgotten", CallKind::await, AwaitResult{.state = AwaitResult::State::forgotten},
       "84 a5'state' a9'forgotten' a7'version' c0 a6'reason' c0 ab'replaced_by' c0"},
      {"outcome", CallKind::outcome, OutcomeResult{.state = OutcomeResult::State::did_not_happen},
       "81 a5'state' ae'did_not_happen'"},
      {"pending", CallKind::pending,
       PendingPage{.items = {{.key = "a", .value = "v", .token = "0-1", .stamp = {0x20001}},
                             {.key = "b", .token = "0-2", .stamp = {0x30000}}},
                   .cursor = "b"},
       "82 a5'items' 92 "
       "85 a3'key' c401'a' a5'value' c401'v' a5'token' a3'0-1' a5'stamp' ce00020001 a7'time_ms' 02 "
       "85 a3'key' c401'b' a7'deleted' c3 a5'token' a3'0-2' a5'stamp' ce00030000 a7'time_ms' 03 "
       "a6'cursor' c401'b'"},
      {"pending, none", CallKind::pending, PendingPage{}, "82 a5'items' 90 a6'cursor' c0"},
      {"conflicts", CallKind::conflicts,
       ConflictPage{.items = {{.key = "a",
                               .verdict = AwaitResult::State::superseded,
                               .lost = {.dropped = true, .version = kVersion},
                               .won = {.value = "w", .version = kVersion}}}},
       "82 a5'items' 91 85 a3'key' c401'a' a7'verdict' aa'superseded' a6'reason' c0 "
       "a4'lost' 83 a5'value' c0 a7'dropped' c3 a7'version' " +
           version + "a3'won' 82 a5'value' c401'w' a7'version' " + version + "a6'cursor' c0"},
      {"status", CallKind::status,
       Status{.id = "n1",
              .origin = {UINT64_MAX},
              .cluster = 2,
              .role = "leader",
              .state = "serving",
              .term = {3},
              .leader = "n1",
              .commit_index = {4},
              .applied_index = {5},
              .log_time = {6},
              .pending = 7,
              .verdicts = {.won = 8, .superseded = 9, .rejected = 10, .replaced = 11},
              .members = {{.id = "n1", .address = "h:1", .role = "voter", .reachable = true},
                          {.id = "n2", .address = "h:2", .role = "voter", .behind = 12}}},
       "8d a2'id' a2'n1' a6'origin' cfffffffffffffffff a7'cluster' 02 a4'role' a6'leader' "
       "a5'state' a7'serving' a4'term' 03 a6'leader' a2'n1' ac'commit_index' 04 "
       "ad'applied_index' 05 a8'log_time' 06 a7'pending' 07 "
       "a8'verdicts' 84 a3'won' 08 aa'superseded' 09 a8'rejected' 0a a8'replaced' 0b "
       "a7'members' 92 85 a2'id' a2'n1' a7'address' a3'h:1' a4'role' a5'voter' a9'reachable' c3 "
       "a6'behind' c0 85 a2'id' a2'n2' a7'address' a3'h:2' a4'role' a5'voter' a9'reachable' c2 "
       "a6'behind' 0c"},
      {"status of a node that knows no leader", CallKind::status,
       Status{.id = "n1", .role = "follower", .state = "forming"},
       "8d a2'id' a2'n1' a6'origin' 00 a7'cluster' 00 a4'role' a8'follower' a5'state' a7'forming' "
       "a4'term' 00 a6'leader' c0 ac'commit_index' 00 ad'applied_index' 00 a8'log_time' 00 "
       "a7'pending' 00 a8'verdicts' 84 a3'won' 00 aa'superseded' 00 a8'rejected' 00 "
       "a8'replaced' 00 a7'members' 90"},
  };
}

TEST_CASE("frozen: the bytes of answers, which the client reads back to the same") {
  for (const ReplyRow& row : reply_rows()) {
    CAPTURE(row.why);
    const std::string frame = encoded(7, row.kind, row.answer);
    CHECK(hex(frame) == hex(bytes("94 01 07 c0 " + row.result)));
    const auto decoded = decode_reply(frame, row.kind);
    REQUIRE(decoded.has_value());
    CHECK(decoded.value().msgid == 7u);
    CHECK((decoded.value().reply == Reply{row.answer}));
    CHECK(peek_msgid(frame) == 7u);
    CHECK(FrameScanner().scan(frame).size == frame.size());
  }
}

TEST_CASE("a field that an answer gains must get its place in the bytes") {
  // Compiles only while the structs have exactly the fields that the codec knows.
  [[maybe_unused]] const auto& [a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12] = Response{};
  [[maybe_unused]] const auto& [b1, b2, b3, b4] = AwaitResult{};
  [[maybe_unused]] const auto& [c1] = OutcomeResult{};
  [[maybe_unused]] const auto& [d1, d2, d3, d4] = PendingItem{};
  [[maybe_unused]] const auto& [e1, e2, e3, e4, e5] = ConflictItem{};
  [[maybe_unused]] const auto& [f1, f2, f3] = ConflictItem::Side{};
  [[maybe_unused]] const auto& [g1, g2, g3, g4, g5] = MemberInfo{};
  [[maybe_unused]] const auto& [h1, h2, h3, h4, h5, h6, h7, h8, h9, h10, h11, h12, h13] = Status{};
  [[maybe_unused]] const auto& [i1, i2, i3, i4, i5] = Version{};
  CHECK(true);
}

TEST_CASE("an answer is appended, so that several may leave in one piece") {
  std::string out = encoded(1, CallKind::set, Answer{Response{.valid = true}});
  const std::size_t first = out.size();
  encode_reply(2, CallKind::outcome, Answer{OutcomeResult{}}, out);
  CHECK(FrameScanner().scan(out).size == first);
  CHECK(decode_reply(std::string_view(out).substr(first), CallKind::outcome).value().msgid == 2u);
}

TEST_CASE("frozen: the bytes of errors") {
  struct ErrorRow {
    std::string why;
    CallError error;
    std::string map;
  };
  const std::vector<ErrorRow> errors{
      {"invalid",
       {.error = {Errc::invalid, "key is empty"}},
       "82 a4'code' a7'invalid' a7'message' ac'key is empty'"},
      {"with a leader",
       {.error = {Errc::unavailable, "no"}, .leader = "n2"},
       "83 a4'code' ab'unavailable' a7'message' a2'no' a6'leader' a2'n2'"},
      {"io is nobody else's matter",
       {.error = {Errc::io, "no"}},
       "82 a4'code' ab'unavailable' a7'message' a2'no'"},
      {"what a stranger sent comes back as plain text",
       {.error = {Errc::invalid, bytes("410aff42")}},
       "82 a4'code' a7'invalid' a7'message' a4'A??B'"},
  };
  for (const ErrorRow& row : errors) {
    CAPTURE(row.why);
    const std::string frame = encoded(7, CallKind::get, row.error);
    CHECK(hex(frame) == hex(bytes("94 01 07 " + row.map + " c0")));
  }
  std::string nobody;
  encode_error(std::nullopt, {.error = {Errc::invalid, "no"}}, nobody);
  CHECK(hex(nobody) == hex(bytes("94 01 c0 82 a4'code' a7'invalid' a7'message' a2'no' c0")));
  const auto decoded = decode_reply(nobody, CallKind::get);
  REQUIRE(decoded.has_value());
  CHECK(!decoded.value().msgid);
}

TEST_CASE("every code of the interface comes back as itself") {
  for (int number = 1; number <= static_cast<int>(Errc::unauthorized); ++number) {
    const CallError error{
        .error = {static_cast<Errc>(number), "detail"}, .leader = "n1", .operation = "op"};
    CAPTURE(name_of(error.error.code));
    const auto decoded = decode_reply(encoded(7, CallKind::get, error), CallKind::get);
    REQUIRE(decoded.has_value());
    CHECK((decoded.value().reply == Reply{error}));
  }
}

TEST_CASE("a code of a later version means that this was not served") {
  const auto decoded = decode_reply(
      bytes("94 01 07 83 a4'code' a6'newest' a7'message' a2'no' a6'oldest' 05 c0"), CallKind::set);
  REQUIRE(decoded.has_value());
  const auto& error = std::get<CallError>(decoded.value().reply);
  CHECK(error.error.code == Errc::unavailable);
  CHECK(error.error.detail == "newest: no");
}

TEST_CASE("in doubt is an error with an operation on the way, and a Response at both ends") {
  const Response in_doubt{.in_doubt = true, .operation = "op-1"};
  for (const CallKind kind : {CallKind::set, CallKind::remove, CallKind::swap}) {
    const std::string frame = encoded(7, kind, Answer{in_doubt});
    CHECK(frame.find("in_doubt") != std::string::npos);
    const auto decoded = decode_reply(frame, kind);
    REQUIRE(decoded.has_value());
    CHECK((decoded.value().reply == Reply{Answer{in_doubt}}));
    // However the node said it.
    const CallError error{.error = {Errc::in_doubt, "any"}, .operation = "op-1"};
    CHECK((decode_reply(encoded(7, kind, error), kind).value().reply == Reply{Answer{in_doubt}}));
  }
}

TEST_CASE("a client passes over what it does not know, and misses what it needs") {
  struct ClientRow {
    std::string why;
    CallKind kind;
    std::string frame;
    bool good;
  };
  const std::vector<ClientRow> table{
      {"more fields than known", CallKind::set,
       bytes("94 01 07 c0 84 a5'valid' c3 a7'timeout' c2 a5'later' 92 01 80 a4'more' c0"), true},
      {"valid missing", CallKind::set, bytes("94 01 07 c0 81 a7'timeout' c2"), false},
      {"timeout missing", CallKind::set, bytes("94 01 07 c0 81 a5'valid' c3"), false},
      {"valid and timeout", CallKind::set, bytes("94 01 07 c0 82 a5'valid' c3 a7'timeout' c3"),
       false},
      {"valid a number", CallKind::set, bytes("94 01 07 c0 82 a5'valid' 01 a7'timeout' c2"), false},
      {"a result of another call", CallKind::status,
       bytes("94 01 07 c0 82 a5'valid' c3 a7'timeout' c2"), false},
      {"no result", CallKind::set, bytes("94 01 07 c0 c0"), false},
      {"an error that is a string", CallKind::set, bytes("94 01 07 a4'oops' c0"), false},
      {"an error without a code", CallKind::set, bytes("94 01 07 81 a7'message' a1'x' c0"), false},
      {"a state that there is not", CallKind::await, bytes("94 01 07 c0 81 a5'state' a3'odd'"),
       false},
      {"a state alone", CallKind::await, bytes("94 01 07 c0 81 a5'state' a3'won'"), true},
      {"no state", CallKind::outcome, bytes("94 01 07 c0 80"), false},
      {"items missing", CallKind::pending, bytes("94 01 07 c0 81 a6'cursor' c0"), false},
      {"an item without a key", CallKind::pending, bytes("94 01 07 c0 81 a5'items' 91 80"), false},
      {"a request", CallKind::set, bytes("94 00 07 a3'set' 90"), false},
      {"a notification", CallKind::set, bytes("93 02 a5'event' 90"), false},
      {"bytes behind", CallKind::set, bytes("94 01 07 c0 82 a5'valid' c3 a7'timeout' c2 00"),
       false},
      {"HTTP", CallKind::set, "HTTP/1.1 400 Bad Request\r\n\r\n", false},
      {"claims", CallKind::pending, bytes("94 01 07 c0 81 a5'items' ddffffffff"), false},
  };
  for (const ClientRow& row : table) {
    CAPTURE(row.why);
    const auto decoded = decode_reply(row.frame, row.kind);
    CHECK(decoded.has_value() == row.good);
    if (!row.good) CHECK(decoded.error().code == Errc::corrupt);
  }
}

TEST_CASE("a damaged answer is refused or is another answer, never worse") {
  for (const ReplyRow& row : reply_rows()) {
    const std::string frame = encoded(77, row.kind, row.answer);
    test::each_truncation(
        frame, [&](const std::string& part) { CHECK(!decode_reply(part, row.kind).has_value()); });
    test::each_flipped_bit(frame, [&](const std::string& damaged) {
      const auto decoded = decode_reply(damaged, row.kind);
      if (!decoded.has_value()) return;
      const auto* answer = std::get_if<Answer>(&decoded.value().reply);
      if (answer != nullptr) CHECK(answer->index() == row.answer.index());
    });
  }
}

}  // namespace
}  // namespace causeway::wire
