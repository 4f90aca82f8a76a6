#include "wire/peer.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "wire/bytes_support.hpp"

namespace causeway::wire {
namespace {

using namespace consensus;
using test::bytes;
using test::hex;

std::string encoded(const Message& message) {
  std::string body;
  encode(message, body);
  return body;
}

struct MessageRow {
  std::string why;
  Message message;
  std::string body;
};

std::vector<MessageRow> message_rows() {
  return {
      {"RequestVote",
       RequestVote{
           .term = {1}, .last_log_index = {300}, .last_log_term = {2}, .cluster = 9, .pre = true},
       "97 01 01 cd012c 02 09 c3 c2"},
      {"RequestVoteReply",
       RequestVoteReply{.term = {1}, .granted = true, .wall = {1'700'000'000'000}},
       "95 02 01 c2 c3 cf0000018bcfe56800"},
      {"AppendEntries, a heartbeat",
       AppendEntries{.term = {1},
                     .prev_log_index = {2},
                     .prev_log_term = {3},
                     .prev_log_hash = UINT64_MAX,
                     .leader_commit = {4},
                     .round = 5,
                     .log_time_now = {6},
                     .reachable = 7},
       "9a 03 01 02 03 cfffffffffffffffff 04 05 06 07 90"},
      {"AppendEntries with entries",
       AppendEntries{.term = {1},
                     .entries = {{.index = {7},
                                  .term = {1},
                                  .log_time = {0x10000},
                                  .kind = EntryKind::configuration,
                                  .payload = Blob::copy_of("cfg"),
                                  .hash = 9},
                                 {.index = {8}, .term = {1}, .log_time = {0x10001}, .hash = 10}}},
       "9a 03 01 00 00 00 00 00 00 00 92 96 07 01 ce00010000 02 09 c403'cfg' "
       "96 08 01 ce00010001 01 0a c400"},
      {"AppendEntriesReply, accepted",
       AppendEntriesReply{
           .term = {1}, .accepted = true, .match_index = {2}, .round = 3, .wall = {4}},
       "98 04 01 c3 02 00 00 03 04"},
      {"AppendEntriesReply, refused",
       AppendEntriesReply{.term = {1}, .conflict_term = {5}, .conflict_index = {6}},
       "98 04 01 c2 00 05 06 00 00"},
      {"TimeoutNow", TimeoutNow{.term = {127}}, "92 05 7f"},
      {"Forward",
       Forward{.term = {1},
               .incarnation = {2},
               .first_counter = 3,
               .lowest_open = 4,
               .items = {{.payload = Blob::copy_of("p"), .budget_ms = UINT32_MAX}, {}}},
       "96 06 01 02 03 04 92 92 ceffffffff c401'p' 92 00 c400"},
      {"Withdraw", Withdraw{.term = {1}, .incarnation = {2}, .counter = 3}, "94 07 01 02 03"},
      {"ForwardReply",
       ForwardReply{.term = {1},
                    .incarnation = {2},
                    .next_counter = 3,
                    .refused = {4, 500},
                    .exhausted = true},
       "96 08 01 02 03 92 04 cd01f4 c3"},
      {"ReadIndexRequest", ReadIndexRequest{.term = {1}, .id = 2}, "93 09 01 02"},
      {"ReadIndexReply", ReadIndexReply{.term = {1}, .id = 2, .accepted = true, .index = {3}},
       "95 0a 01 02 c3 03"},
  };
}

TEST_CASE("frozen: the bytes of consensus messages, and every type has its row") {
  std::vector<bool> seen(std::variant_size_v<Message>);
  for (const MessageRow& row : message_rows()) {
    CAPTURE(row.why);
    CHECK(hex(encoded(row.message)) == hex(bytes(row.body)));
    const auto decoded = decode_message(Blob::copy_of(bytes(row.body)));
    REQUIRE(decoded.has_value());
    CHECK((decoded.value() == row.message));
    seen[row.message.index()] = true;
  }
  for (std::size_t i = 0; i < seen.size(); ++i) {
    CAPTURE(i);
    CHECK(seen[i]);
  }
}

TEST_CASE("a damaged message is refused or has one meaning: written again it has the same bytes") {
  for (const MessageRow& row : message_rows()) {
    CAPTURE(row.why);
    const std::string body = bytes(row.body);
    test::each_truncation(body, [](const std::string& part) {
      const auto decoded = decode_message(Blob::copy_of(part));
      REQUIRE(!decoded.has_value());
      CHECK(decoded.error().code == Errc::corrupt);
    });
    test::each_flipped_bit(body, [](const std::string& damaged) {
      const auto decoded = decode_message(Blob::copy_of(damaged));
      if (decoded.has_value()) CHECK(hex(encoded(decoded.value())) == hex(damaged));
    });
  }
}

TEST_CASE("a field that a message gains must get its place in the bytes") {
  // Compiles only while the structs have exactly the fields that the codec knows.
  [[maybe_unused]] const auto& [a1, a2, a3, a4, a5, a6] = RequestVote{};
  [[maybe_unused]] const auto& [b1, b2, b3, b4] = RequestVoteReply{};
  [[maybe_unused]] const auto& [c1, c2, c3, c4, c5, c6, c7, c8, c9] = AppendEntries{};
  [[maybe_unused]] const auto& [d1, d2, d3, d4, d5, d6, d7] = AppendEntriesReply{};
  [[maybe_unused]] const auto& [e1] = TimeoutNow{};
  [[maybe_unused]] const auto& [f1, f2, f3, f4, f5] = Forward{};
  [[maybe_unused]] const auto& [g1, g2] = Forward::Item{};
  [[maybe_unused]] const auto& [h1, h2, h3] = Withdraw{};
  [[maybe_unused]] const auto& [i1, i2, i3, i4, i5] = ForwardReply{};
  [[maybe_unused]] const auto& [j1, j2] = ReadIndexRequest{};
  [[maybe_unused]] const auto& [k1, k2, k3, k4] = ReadIndexReply{};
  CHECK(true);
}

TEST_CASE("what is no message of this protocol is refused") {
  struct Bad {
    std::string why;
    std::string body;
  };
  const std::vector<Bad> table{
      {"nothing", ""},
      {"nil", "c0"},
      {"an empty array", "90"},
      {"type 0", "92 00 01"},
      {"a type of a later protocol", "92 0b 01"},
      {"a hello where messages flow", "98 20 00 a0 00 00 00 00 c2"},
      {"a type over a byte", "92 cd0105 01"},
      {"a type that is text", "92 a1'5' 01"},
      {"a field too many", "93 05 01 02"},
      {"a field too few", "91 05"},
      {"bytes behind", "92 05 01 00"},
      {"a number in a longer form", "92 05 cc01"},
      {"a number of a signed type", "92 05 d001"},
      {"a negative number", "92 05 ff"},
      {"a float", "92 05 ca3f800000"},
      {"a boolean that is a number", "97 01 01 02 03 04 01 00"},
      {"an array in a longer form", "dc0002 05 01"},
      {"a map", "82 05 01 02 03"},
      {"an unknown kind of entry", "99 03 01 00 00 00 00 00 00 91 96 07 01 01 03 09 c400"},
      {"entry kind 0", "99 03 01 00 00 00 00 00 00 91 96 07 01 01 00 09 c400"},
      {"entry kind 257", "99 03 01 00 00 00 00 00 00 91 96 07 01 01 cd0101 09 c400"},
      {"a payload as text", "99 03 01 00 00 00 00 00 00 91 96 07 01 01 01 09 a1'p'"},
      {"a payload in a longer form", "99 03 01 00 00 00 00 00 00 91 96 07 01 01 01 09 c5000170"},
      {"entries announced and not there", "99 03 01 00 00 00 00 00 00 ddffffffff"},
      {"a budget over 32 bits", "96 06 01 02 03 04 91 92 cf0000000100000000 c400"},
      {"five bytes that announce 2^32 - 1 values", "ddffffffff"},
  };
  for (const Bad& row : table) {
    CAPTURE(row.why);
    const auto decoded = decode_message(Blob::copy_of(bytes(row.body)));
    REQUIRE(!decoded.has_value());
    CHECK(decoded.error().code == Errc::corrupt);
  }
  CHECK(!decode_message(Blob::copy_of(std::string(100'000, '\x91'))).has_value());
}

TEST_CASE("a message has room for 65,536 items and no more, however short they are") {
  const auto counters = [](std::size_t count) {
    std::string body = bytes("96 08 01 02 03 dd");
    for (int shift = 24; shift >= 0; shift -= 8) body += static_cast<char>(count >> shift);
    return Blob::copy_of(body + std::string(count, '\x05') + bytes("c2"));
  };
  CHECK(decode_message(counters(kMessageItemsMax)).has_value());
  CHECK(!decode_message(counters(kMessageItemsMax + 1)).has_value());
}

TEST_CASE("payloads are slices of the frame, not copies") {
  const std::string payload(1000, 'p');
  const Blob body = Blob::copy_of(
      encoded(AppendEntries{.entries = {{.index = {1}, .payload = Blob::copy_of(payload)}}}));
  const auto decoded = decode_message(body);
  REQUIRE(decoded.has_value());
  const Blob& slice = std::get<AppendEntries>(decoded.value()).entries[0].payload;
  CHECK(slice.view() == payload);
  CHECK(slice.view().data() > body.view().data());
  CHECK(slice.view().data() < body.view().data() + body.size());
}

Hello hello() {
  return {.cluster = 1,
          .name = "n-1.a_z",
          .origin = {UINT64_MAX},
          .incarnation = {3},
          .start_number = 4,
          .voters_hash = 5,
          .barred = true};
}

TEST_CASE("frozen: the bytes of the greeting") {
  CHECK(hex(peer_preamble()) == hex(bytes("c1'CWY' 02")));
  const std::string hello_hex = "98 20 01 a7'n-1.a_z' cfffffffffffffffff 03 04 05 c3";
  CHECK(hex(encode(hello())) == hex(bytes(hello_hex)));
  CHECK((decode_hello(bytes(hello_hex)).value() == hello()));

  const HelloReply accepted{.accepted = true, .hello = hello()};
  CHECK(hex(encode(accepted)) == hex(bytes("95 21 c3" + hello_hex + "a0 00")));
  CHECK((decode_hello_reply(encode(accepted)).value() == accepted));

  const HelloReply refused{.reason = "another cluster", .exceed_number = 6};
  CHECK(hex(encode(refused)) ==
        hex(bytes("95 21 c2 98 20 00 a0 00 00 00 00 c2 af'another cluster' 06")));
  CHECK((decode_hello_reply(encode(refused)).value() == refused));
}

TEST_CASE("a damaged greeting is refused or has one meaning") {
  const HelloReply reply{.accepted = true, .hello = hello(), .reason = "r", .exceed_number = 7};
  test::each_truncation(encode(hello()),
                        [](const std::string& part) { CHECK(!decode_hello(part).has_value()); });
  test::each_flipped_bit(encode(hello()), [](const std::string& damaged) {
    const auto decoded = decode_hello(damaged);
    if (decoded.has_value()) CHECK(hex(encode(decoded.value())) == hex(damaged));
  });
  test::each_truncation(
      encode(reply), [](const std::string& part) { CHECK(!decode_hello_reply(part).has_value()); });
  test::each_flipped_bit(encode(reply), [](const std::string& damaged) {
    const auto decoded = decode_hello_reply(damaged);
    if (decoded.has_value()) CHECK(hex(encode(decoded.value())) == hex(damaged));
  });
}

TEST_CASE("names and reasons from a stranger cannot spoil a log") {
  CHECK(!decode_hello(bytes("98 20 01 a3'a\nb' 02 03 04 05 c2")).has_value());
  CHECK(!decode_hello(bytes("98 20 01 a2'N1' 02 03 04 05 c2")).has_value());
  CHECK(!decode_hello(bytes("98 20 01 d941") + std::string(65, 'n') + bytes("02 03 04 05 c2"))
             .has_value());
  CHECK(decode_hello(bytes("98 20 01 d940") + std::string(64, 'n') + bytes("02 03 04 05 c2"))
            .has_value());
  const std::string hello_hex = "98 20 01 a2'n1' 02 03 04 05 c2";
  CHECK(!decode_hello_reply(bytes("95 21 c2" + hello_hex + "a3'a\nb' 00")).has_value());
  // Our own reason is made fit before it is sent.
  HelloReply long_reply{.reason = "line\n" + std::string(2000, 'x')};
  const auto decoded = decode_hello_reply(encode(long_reply));
  REQUIRE(decoded.has_value());
  CHECK(decoded.value().reason.substr(0, 6) == "line?x");
}

TEST_CASE("another protocol version is refused with words that name both") {
  CHECK(check_preamble(peer_preamble()).has_value());
  const auto newer = check_preamble(bytes("c1'CWY' 03"));
  REQUIRE(!newer.has_value());
  CHECK(newer.error().code == Errc::unavailable);
  CHECK(newer.error().detail.find("protocol 3, this one 2") != std::string::npos);
  for (const std::string other :
       {"", "c1'CW'", "c1'CWY'", "c1'CWX' 02", "'GET /'", "c1'CWY' 02 00"}) {
    CAPTURE(other);
    const auto refused = check_preamble(bytes(other));
    REQUIRE(!refused.has_value());
    CHECK(refused.error().code == Errc::invalid);
  }
}

TEST_CASE("a frame's header tells the length and finds damage") {
  const std::string body = encoded(TimeoutNow{.term = {7}});
  char raw[kFrameHeaderBytes];
  encode_frame_header(body, raw);
  const std::string_view header_bytes(raw, sizeof raw);
  CHECK(hex(header_bytes) == "03000000a43d54651e783748");
  const auto header = decode_frame_header(header_bytes);
  REQUIRE(header.has_value());
  CHECK(header.value().body_bytes == body.size());
  CHECK(check_body(header.value(), body).has_value());
  test::each_flipped_bit(body, [&](const std::string& damaged) {
    CHECK(check_body(header.value(), damaged).error().code == Errc::corrupt);
  });
  test::each_flipped_bit(header_bytes, [&](const std::string& damaged) {
    const auto wrong = decode_frame_header(damaged);
    if (wrong.has_value()) CHECK(!check_body(wrong.value(), body).has_value());
  });
  test::each_truncation(header_bytes, [](const std::string& part) {
    CHECK(decode_frame_header(part).error().code == Errc::corrupt);
  });
  CHECK(decode_frame_header(bytes("00000000 0000000000000000")).error().code == Errc::corrupt);
  CHECK(decode_frame_header(bytes("00000001 0000000000000000")).has_value());
  CHECK(decode_frame_header(bytes("01000001 0000000000000000")).error().code == Errc::too_large);
  CHECK(decode_frame_header(bytes("ffffffff 0000000000000000")).error().code == Errc::too_large);
}

}  // namespace
}  // namespace causeway::wire
