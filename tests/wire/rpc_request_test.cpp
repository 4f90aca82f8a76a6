#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <msgpack.hpp>

#include "base/random.hpp"
#include "wire/bytes_support.hpp"
#include "wire/rpc.hpp"

namespace causeway::wire {
namespace {

using test::bytes;
using test::hex;

Request good(std::string_view frame) {
  auto decoded = decode_request(frame, {});
  if (const auto* bad = std::get_if<BadRequest>(&decoded)) FAIL(bad->error.error.detail);
  return std::get<Request>(std::move(decoded));
}

BadRequest bad(std::string_view frame, const CallLimits& limits = {}) {
  auto decoded = decode_request(frame, limits);
  REQUIRE(std::holds_alternative<BadRequest>(decoded));
  return std::get<BadRequest>(std::move(decoded));
}

std::string request(std::uint32_t msgid, const Call& call) {
  std::string out;
  encode_request(msgid, call, out);
  return out;
}

TEST_CASE("requests of the published protocol, as any client's library writes them") {
  struct Row {
    std::string why;
    std::string frame;
    Call call;
  };
  const std::vector<Row> rows{
      {"get, key as str", bytes("94 00 07 a3'get' 91 81 a3'key' a5'hello'"),
       GetCall{.key = "hello"}},
      {"get, key as bin, offline, with a timeout",
       bytes("94 00 07 a3'get' 91 83 a3'key' c405'hello' aa'consistent' c2 aa'timeout_ms' cd01f4"),
       GetCall{.key = "hello", .consistent = false, .timeout_ms = 500}},
      {"nil timeout_ms: blocking", bytes("94 00 07 a3'get' 91 82 a3'key' a1'k' aa'timeout_ms' c0"),
       GetCall{.key = "k"}},
      {"get with in_doubt, which it ignores",
       bytes("94 00 07 a3'get' 91 82 a3'key' a1'k' a8'in_doubt' a6'report'"), GetCall{.key = "k"}},
      {"numbers in the widest form",
       bytes("94 cf0000000000000000 cf0000000000000007 d903'get' dd00000001 df00000001 "
             "db00000003'key' c600000001'k'"),
       GetCall{.key = "k"}},
      {"a signed type that holds a natural number",
       bytes("94 d000 d107d0 a3'get' 91 82 a3'key' a1'k' aa'timeout_ms' d201000000"),
       GetCall{.key = "k", .timeout_ms = 0x01000000}},
      {"set", bytes("94 00 07 a3'set' 91 82 a3'key' a1'k' a5'value' c403 00ff80"),
       WriteCall{.key = "k", .value = Blob::copy_of(bytes("00ff80"))}},
      {"set, empty value", bytes("94 00 07 a3'set' 91 82 a5'value' c400 a3'key' a1'k'"),
       WriteCall{.key = "k"}},
      {"set, offline, report",
       bytes("94 00 07 a3'set' 91 84 a3'key' a1'k' a5'value' a1'v' aa'consistent' c2 "
             "a8'in_doubt' a6'report'"),
       WriteCall{.key = "k",
                 .value = Blob::copy_of("v"),
                 .consistent = false,
                 .in_doubt = InDoubt::report}},
      {"delete, and a value that means nothing for it",
       bytes("94 00 07 a6'delete' 91 82 a3'key' a1'k' a5'value' 93 01 02 03"),
       WriteCall{.op = WriteOp::remove, .key = "k"}},
      {"swap", bytes("94 00 07 a4'swap' 91 83 a3'key' a1'k' a3'new' a1'n' a3'old' a1'o'"),
       WriteCall{.op = WriteOp::swap, .key = "k", .value = Blob::copy_of("n"), .expected = "o"}},
      {"swap, old empty", bytes("94 00 07 a4'swap' 91 83 a3'key' a1'k' a3'new' a1'n' a3'old' a0"),
       WriteCall{.op = WriteOp::swap, .key = "k", .value = Blob::copy_of("n"), .expected = ""}},
      {"swap, old absent", bytes("94 00 07 a4'swap' 91 83 a3'key' a1'k' a3'new' a1'n' a3'old' c0"),
       WriteCall{.op = WriteOp::swap, .key = "k", .value = Blob::copy_of("n")}},
      {"await", bytes("94 00 07 a5'await' 91 82 a5'token' a3'0-1' aa'timeout_ms' 00"),
       AwaitCall{.token = "0-1", .timeout_ms = 0}},
      {"outcome", bytes("94 00 07 a7'outcome' 91 81 a9'operation' a2'op'"),
       OutcomeCall{.operation = "op"}},
      {"pending", bytes("94 00 07 a7'pending' 91 82 a5'limit' 0a a6'cursor' c402'at'"),
       PendingCall{.limit = 10, .cursor = "at"}},
      {"pending, an empty map", bytes("94 00 07 a7'pending' 91 80"), PendingCall{}},
      {"pending, an empty array", bytes("94 00 07 a7'pending' 90"), PendingCall{}},
      {"conflicts from the start: nil is what the last page says",
       bytes("94 00 07 a9'conflicts' 91 82 a5'limit' cd03e8 a6'cursor' c0"),
       ConflictsCall{.limit = 1000}},
      {"status", bytes("94 00 07 a6'status' 91 80"), StatusCall{}},
      {"status, an empty array", bytes("94 00 07 a6'status' 90"), StatusCall{}},
      {"status, and a key that means nothing for it", bytes("94 00 07 a6'status' 91 81 a3'key' a0"),
       StatusCall{}},
      {"keys are bytes: NUL and no UTF-8", bytes("94 00 07 a3'get' 91 81 a3'key' c403 00fffe"),
       GetCall{.key = bytes("00fffe")}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const Request decoded = good(row.frame);
    CHECK((decoded.msgid == 7 || decoded.msgid == 2000));
    CHECK(!decoded.notification);
    CHECK((decoded.call == row.call));
  }
}

TEST_CASE("a notification is a call that nobody answers") {
  const Request decoded = good(bytes("93 02 a3'set' 91 82 a3'key' a1'k' a5'value' a1'v'"));
  CHECK(decoded.notification);
  CHECK((decoded.call == Call{WriteCall{.key = "k", .value = Blob::copy_of("v")}}));

  const BadRequest refused = bad(bytes("93 02 a4'nope' 91 80"));
  CHECK(refused.notification);
  CHECK(!refused.msgid);
}

TEST_CASE("a request that is wrong is refused with words that name the field") {
  struct Row {
    std::string why;
    std::string frame;
    std::string names;  // stands in the message
    Errc code = Errc::invalid;
  };
  const auto get_with = [](std::string_view name, std::string_view value) {
    return bytes("94 00 07 a3'get' 91 82 a3'key' a1'k'") + static_cast<char>(0xa0 + name.size()) +
           std::string(name) + bytes(value);
  };
  const auto set_with = [](std::string_view name, std::string_view value) {
    return bytes("94 00 07 a3'set' 91 83 a3'key' a1'k' a5'value' a1'v'") +
           static_cast<char>(0xa0 + name.size()) + std::string(name) + bytes(value);
  };
  const auto pending_with = [](std::string_view limit) {
    return bytes("94 00 07 a7'pending' 91 81 a5'limit'") + bytes(limit);
  };
  const std::string over_key = bytes("c50401") + std::string(1025, 'k');
  const std::string over_value = bytes("c600100001") + std::string((1 << 20) + 1, 'v');
  const std::vector<Row> rows{
      {"unknown method", bytes("94 00 07 a4'nope' 91 80"), "\"nope\""},
      {"a method of later work", bytes("94 00 07 a3'txn' 91 80"), "\"txn\""},
      {"a method of later work", bytes("94 00 07 a4'scan' 91 80"), "\"scan\""},
      {"a method of later work", bytes("94 00 07 a5'watch' 91 80"), "\"watch\""},
      {"a method of later work", bytes("94 00 07 a7'unwatch' 91 80"), "\"unwatch\""},
      {"a method of later work", bytes("94 00 07 a7'session' 91 80"), "\"session\""},
      {"a method of later work", bytes("94 00 07 a6'set_if' 91 80"), "\"set_if\""},
      {"a method of later work", bytes("94 00 07 a6'member' 91 80"), "\"member\""},
      {"a method's name in capitals", bytes("94 00 07 a3'GET' 91 80"), "\"GET\""},
      {"a method that is no string", bytes("94 00 07 05 91 80"), "method"},
      {"a method with control bytes, quoted plainly", bytes("94 00 07 a4 0a1b00ff 91 80"),
       "\"????\""},

      {"params is a map", bytes("94 00 07 a3'get' 81 a3'key' a1'k'"), "params"},
      {"params is nil", bytes("94 00 07 a3'get' c0"), "params"},
      {"params holds two maps", bytes("94 00 07 a3'get' 92 81 a3'key' a1'k' 80"), "params"},
      {"params holds a string", bytes("94 00 07 a3'get' 91 a3'key'"), "params"},
      {"positional params", bytes("94 00 07 a3'get' 92 a1'k' c3"), "params"},
      {"status with params nil", bytes("94 00 07 a6'status' c0"), "params"},
      {"status with params [nil]", bytes("94 00 07 a6'status' 91 c0"), "params"},
      {"a name that is a number", bytes("94 00 07 a3'get' 91 81 05 a1'k'"), "params"},
      {"a map that announces more than comes", bytes("94 00 07 a3'get' 91 82 a3'key' a1'k'"),
       "params"},
      {"bytes behind the request", bytes("94 00 07 a6'status' 91 80 00"), "behind"},

      {"unknown parameter", get_with("kee", "c0"), "\"kee\""},
      {"unknown parameter of status", bytes("94 00 07 a6'status' 91 81 a1'x' 01"), "\"x\""},
      {"parameter of later work", set_with("ttl_ms", "05"), "\"ttl_ms\""},
      {"parameter of later work", get_with("level", "05"), "\"level\""},
      {"parameter of later work", get_with("at_revision", "05"), "\"at_revision\""},
      {"parameter of later work", set_with("session", "05"), "\"session\""},
      {"parameter of later work", set_with("seq", "05"), "\"seq\""},
      {"parameter of later work", set_with("ack", "05"), "\"ack\""},
      {"parameter of later work", set_with("compare", "90"), "\"compare\""},
      {"a parameter twice", get_with("key", "a1'k'"), "key is given twice"},
      {"a parameter twice, without meaning for the call",
       bytes("94 00 07 a6'status' 91 82 a5'limit' 01 a5'limit' 01"), "limit is given twice"},

      {"key missing", bytes("94 00 07 a3'get' 91 80"), "key"},
      {"key missing, no map", bytes("94 00 07 a3'get' 90"), "key"},
      {"key empty", bytes("94 00 07 a3'get' 91 81 a3'key' a0"), "key is empty"},
      {"key a number", bytes("94 00 07 a3'get' 91 81 a3'key' 05"), "key"},
      {"key nil", bytes("94 00 07 a3'get' 91 81 a3'key' c0"), "key"},
      {"key an extension", bytes("94 00 07 a3'get' 91 81 a3'key' d401'k'"), "key"},
      {"key too long", bytes("94 00 07 a3'get' 91 81 a3'key'") + over_key, "1025", Errc::too_large},
      {"value missing", bytes("94 00 07 a3'set' 91 81 a3'key' a1'k'"), "value"},
      {"value nil", bytes("94 00 07 a3'set' 91 82 a3'key' a1'k' a5'value' c0"), "value"},
      {"value a number", bytes("94 00 07 a3'set' 91 82 a3'key' a1'k' a5'value' 05"), "value"},
      {"value too long", bytes("94 00 07 a3'set' 91 82 a3'key' a1'k' a5'value'") + over_value,
       "1048577", Errc::too_large},
      {"new missing", bytes("94 00 07 a4'swap' 91 82 a3'key' a1'k' a3'old' a1'o'"), "new"},
      {"new nil", bytes("94 00 07 a4'swap' 91 83 a3'key' a1'k' a3'old' a1'o' a3'new' c0"), "new"},
      {"old missing", bytes("94 00 07 a4'swap' 91 82 a3'key' a1'k' a3'new' a1'n'"), "old"},
      {"old a number", bytes("94 00 07 a4'swap' 91 83 a3'key' a1'k' a3'new' a1'n' a3'old' 05"),
       "old"},
      {"old too long",
       bytes("94 00 07 a4'swap' 91 83 a3'key' a1'k' a3'new' a1'n' a3'old'") + over_value, "old",
       Errc::too_large},
      {"an offline swap",
       bytes("94 00 07 a4'swap' 91 84 a3'key' a1'k' a3'new' a1'n' a3'old' c0 aa'consistent' c2"),
       "consistent"},

      {"consistent a number", get_with("consistent", "01"), "consistent"},
      {"consistent nil", get_with("consistent", "c0"), "consistent"},
      {"consistent a word", get_with("consistent", "a4'true'"), "consistent"},
      {"timeout_ms negative", get_with("timeout_ms", "ff"), "timeout_ms"},
      {"timeout_ms negative, wide", get_with("timeout_ms", "d3ffffffffffffffff"), "timeout_ms"},
      {"timeout_ms a float", get_with("timeout_ms", "cb3ff0000000000000"), "timeout_ms"},
      {"timeout_ms a string", get_with("timeout_ms", "a1'5'"), "timeout_ms"},
      {"timeout_ms over 49 days", get_with("timeout_ms", "cf0000000100000000"), "timeout_ms"},
      {"in_doubt a word that it has not", set_with("in_doubt", "a4'fail'"), "in_doubt"},
      {"in_doubt nil", set_with("in_doubt", "c0"), "in_doubt"},
      {"in_doubt of a get is checked", get_with("in_doubt", "a1'x'"), "in_doubt"},
      {"token missing", bytes("94 00 07 a5'await' 91 80"), "token"},
      {"token a number", bytes("94 00 07 a5'await' 91 81 a5'token' 05"), "token"},
      {"operation missing", bytes("94 00 07 a7'outcome' 91 80"), "operation"},
      {"limit 0", pending_with("00"), "limit"},
      {"limit over 1000", pending_with("cd03e9"), "limit"},
      {"limit negative", pending_with("ff"), "limit"},
      {"limit nil", pending_with("c0"), "limit"},
      {"cursor a number", bytes("94 00 07 a9'conflicts' 91 81 a6'cursor' 05"), "cursor"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const BadRequest refused = bad(row.frame);
    CAPTURE(refused.error.error.detail);
    CHECK(refused.msgid == 7u);
    CHECK(!refused.notification);
    CHECK(refused.error.error.code == row.code);
    CHECK(refused.error.error.detail.find(row.names) != std::string::npos);
    CHECK(refused.error.error.detail.size() < 300);
  }
}

TEST_CASE("what is no request is refused, and there is no msgid to answer to") {
  struct Row {
    std::string why;
    std::string frame;
  };
  const std::vector<Row> rows{
      {"nothing", ""},
      {"nil", bytes("c0")},
      {"a map", bytes("80")},
      {"an empty array", bytes("90")},
      {"half a request", bytes("94 00 07 a3'get'")},
      {"an answer", bytes("94 01 07 c0 c0")},
      {"an unknown type of message", bytes("94 03 07 a3'get' 91 80")},
      {"a type that is no number", bytes("94 c0 07 a3'get' 91 80")},
      {"a msgid over 32 bits", bytes("94 00 cf0000000100000000 a3'get' 91 80")},
      {"a negative msgid", bytes("94 00 ff a3'get' 91 80")},
      {"a msgid that is a string", bytes("94 00 a1'7' a3'get' 91 80")},
      {"a byte that MessagePack never uses", bytes("c1")},
      {"100,000 nested arrays", std::string(100'000, '\x91')},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const BadRequest refused = bad(row.frame);
    CHECK(!refused.notification);
    CHECK(refused.error.error.code == Errc::invalid);
    if (row.why != "half a request") CHECK(!refused.msgid);
  }
  CHECK(bad(bytes("93 00 07 a3'get'")).msgid == 7u);
  CHECK(bad(bytes("95 00 07 a3'get' 91 80 c0")).msgid == 7u);
}

TEST_CASE("the msgid is read from the beginning of a frame that is refused for its size") {
  CHECK(peek_msgid(bytes("94 00 07 a3'set' 91 81 a5'value' c6ffffffff")) == 7u);
  CHECK(peek_msgid(bytes("94 01 ceffffffff c0")) == UINT32_MAX);
  CHECK(peek_msgid(bytes("94 00 07")) == 7u);
  CHECK(!peek_msgid(bytes("94 00")));
  CHECK(!peek_msgid(bytes("94 02 07")));
  CHECK(!peek_msgid(bytes("ddffffffff")));
  CHECK(!peek_msgid(""));
}

TEST_CASE("limits on keys and values are exact, and can be lowered") {
  const auto set = [](std::size_t key, std::size_t value) {
    return request(1, WriteCall{.key = std::string(key, 'k'),
                                .value = Blob::copy_of(std::string(value, 'v'))});
  };
  CHECK(good(set(1024, 1 << 20)).msgid == 1);
  CHECK(bad(set(1025, 1)).error.error.code == Errc::too_large);
  CHECK(bad(set(1, (1 << 20) + 1)).error.error.code == Errc::too_large);
  const CallLimits low{.key_bytes_max = 4, .value_bytes_max = 8};
  CHECK(std::holds_alternative<Request>(decode_request(set(4, 8), low)));
  CHECK(bad(set(5, 8), low).error.error.code == Errc::too_large);
  CHECK(bad(set(4, 9), low).error.error.code == Errc::too_large);
}

std::vector<Call> calls() {
  return {
      GetCall{.key = "k"},
      GetCall{.key = "k", .consistent = false, .timeout_ms = 0},
      WriteCall{.key = "key", .value = Blob::copy_of(std::string(300, 'v'))},
      WriteCall{.key = std::string(1024, 'k'), .consistent = false, .timeout_ms = kTimeoutMsMax},
      WriteCall{.op = WriteOp::remove, .key = "k", .in_doubt = InDoubt::report},
      WriteCall{.op = WriteOp::swap, .key = "k", .value = Blob::copy_of("n"), .expected = "o"},
      WriteCall{.op = WriteOp::swap, .key = "k", .value = Blob::copy_of("n"), .timeout_ms = 5},
      AwaitCall{.token = "00000000000000ff-7", .timeout_ms = 1},
      OutcomeCall{.operation = "op"},
      PendingCall{.limit = 1000, .cursor = bytes("00ff")},
      ConflictsCall{},
      StatusCall{},
  };
}

TEST_CASE("what the client encodes, the server decodes to the same") {
  for (const Call& call : calls()) {
    CAPTURE(method_of(kind_of(call)));
    const std::string frame = request(4'000'000'000, call);
    CHECK(FrameScanner().scan(frame).size == frame.size());
    const Request decoded = good(frame);
    CHECK(decoded.msgid == 4'000'000'000);
    CHECK((decoded.call == call));
  }
}

TEST_CASE("frozen: the bytes of requests as our client writes them") {
  CHECK(hex(request(1, GetCall{.key = "k"})) ==
        hex(bytes("94 00 01 a3'get' 91 81 a3'key' c401'k'")));
  CHECK(hex(request(256, WriteCall{.op = WriteOp::swap,
                                   .key = "k",
                                   .value = Blob::copy_of("n"),
                                   .timeout_ms = 500,
                                   .in_doubt = InDoubt::report})) ==
        hex(bytes("94 00 cd0100 a4'swap' 91 85 a3'key' c401'k' a3'new' c401'n' a3'old' c0 "
                  "aa'timeout_ms' cd01f4 a8'in_doubt' a6'report'")));
  CHECK(hex(request(2, StatusCall{})) == hex(bytes("94 00 02 a6'status' 91 80")));
}

TEST_CASE("a damaged request is refused or is another request, never worse") {
  for (const Call& call : calls()) {
    const std::string frame = request(77, call);
    if (frame.size() > 500) continue;
    test::each_truncation(frame, [](const std::string& part) {
      CHECK(std::holds_alternative<BadRequest>(decode_request(part, {})));
    });
    test::each_flipped_bit(frame, [](const std::string& damaged) {
      auto decoded = decode_request(damaged, {});
      const auto* taken = std::get_if<Request>(&decoded);
      if (taken == nullptr || taken->notification) return;
      // Whatever was read is a request in full: our own encoding of it reads the same.
      CHECK((good(request(taken->msgid, taken->call)) == *taken));
    });
  }
}

TEST_CASE("random and mutated bytes never do harm") {
  Random random(66);
  std::vector<std::string> seeds;
  for (const Call& call : calls()) seeds.push_back(request(9, call));
  for (int round = 0; round < 20'000; ++round) {
    std::string frame = seeds[random.below(seeds.size())];
    const std::uint64_t changes = 1 + random.below(6);
    for (std::uint64_t i = 0; i < changes && !frame.empty(); ++i) {
      const std::size_t at = random.below(frame.size());
      switch (random.below(4)) {
        case 0: frame[at] = static_cast<char>(random.below(256)); break;
        case 1: frame.erase(at, 1 + random.below(4)); break;
        case 2: frame.insert(at, 1, static_cast<char>(random.below(256))); break;
        default: frame.insert(at, frame.substr(at, random.below(12))); break;
      }
    }
    const auto scanned = FrameScanner().scan(frame);
    CHECK(scanned.size <= frame.size() + (4u << 20) + 1);
    auto decoded = decode_request(frame, {});
    if (const auto* refused = std::get_if<BadRequest>(&decoded)) {
      CHECK(!refused->error.error.detail.empty());
    }
  }
}

}  // namespace
}  // namespace causeway::wire
