#include "wire/frame_scanner.hpp"

#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <msgpack.hpp>

#include "base/random.hpp"
#include "wire/bytes_support.hpp"

namespace causeway::wire {
namespace {

using test::bytes;
using State = FrameScanner::State;

FrameScanner::Scan scan(std::string_view buffer, FrameLimits limits = {}) {
  return FrameScanner(limits).scan(buffer);
}

TEST_CASE("the end of a message is found wherever it is") {
  struct Row {
    std::string why;
    std::string frame;
  };
  const std::vector<Row> rows{
      {"smallest number", bytes("00")},
      {"nil", bytes("c0")},
      {"false and true", bytes("92 c2 c3")},
      {"empty array", bytes("90")},
      {"empty map", bytes("80")},
      {"empty arrays in an array", bytes("93 90 90 90")},
      {"map of maps", bytes("82 01 81 02 03 04 80")},
      {"negative numbers", bytes("92 ff e0")},
      {"each number's width",
       bytes("99 ccff cd0100 ce00010000 cf0000000100000000 d080 d18000 d280000000 "
             "d38000000000000000 7f")},
      {"floats", bytes("92 ca00000000 cb0000000000000000")},
      {"strings of each width", bytes("94 a1'a' d902'ab' da0001'c' db00000003'def'")},
      {"binaries of each width", bytes("93 c401'a' c50002'ab' c600000001'c'")},
      {"extensions of fixed length",
       bytes("95 d401 00 d501 0000 d601 00000000 d701 0000000000000000 "
             "d801 00000000000000000000000000000000")},
      {"extensions of each width", bytes("93 c70205 0000 c8000105 00 c90000000005")},
      {"long forms of short arrays and maps",
       bytes("94 dc000100 dd0000000101 de00010102 df000000010304")},
      {"a request", bytes("94 00 01 a3'get' 91 81 a3'key' c401'k'")},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto whole = scan(row.frame);
    CHECK(whole.state == State::complete);
    CHECK(whole.size == row.frame.size());
    // What follows belongs to the next message.
    CHECK(scan(row.frame + "\x94\xc1").size == row.frame.size());
    test::each_truncation(row.frame, [&](const std::string& part) {
      const auto scanned = scan(part);
      CHECK(scanned.state == State::need_more);
      CHECK(scanned.size > part.size());
      CHECK(scanned.size <= row.frame.size());
    });
  }
}

std::string nested(std::size_t depth, char open, std::string_view innermost) {
  std::string out;
  for (std::size_t i = 0; i < depth; ++i) {
    out += open;
    if (open == '\x81') out += '\x01';
  }
  return out.append(innermost);
}

TEST_CASE("what cannot be a message within the limits is refused as soon as it is announced") {
  struct Row {
    std::string why;
    std::string start;
    Errc want;
  };
  const std::vector<Row> rows{
      {"an array of 2^32 - 1 in five bytes", bytes("ddffffffff"), Errc::too_large},
      {"a map of 2^32 - 1", bytes("dfffffffff"), Errc::too_large},
      {"a string of 2^32 - 1", bytes("dbffffffff"), Errc::too_large},
      {"a binary of 2^32 - 1", bytes("c6ffffffff"), Errc::too_large},
      {"an extension of 2^32 - 1", bytes("c9ffffffff00"), Errc::too_large},
      {"one byte more than fits", bytes("c600400000"), Errc::too_large},
      {"a thousand arrays of 65535", nested(1, '\x93', bytes("dcffff dcffff dcffff dcffff")),
       Errc::too_large},
      {"100,000 nested arrays", nested(100'000, '\x91', "\x01"), Errc::invalid},
      {"100,000 nested maps", nested(100'000, '\x81', "\x01"), Errc::invalid},
      {"33 nested arrays", nested(33, '\x91', "\x01"), Errc::invalid},
      {"a byte that MessagePack never uses", bytes("c1"), Errc::invalid},
      {"the same inside", bytes("92 01 c1"), Errc::invalid},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    FrameScanner scanner;
    const auto scanned = scanner.scan(row.start);
    CHECK(scanned.state == State::failed);
    CHECK(scanned.error.code == row.want);
    CHECK(!scanned.error.detail.empty());
    CHECK(scanner.scan(row.start).state == State::failed);
    CHECK(scanner.steps() <= 70);
  }
  CHECK(scan(nested(32, '\x91', "\x01")).state == State::complete);
  CHECK(scan(nested(32, '\x81', "\x01")).state == State::complete);
  CHECK(scan(nested(32, '\x91', "\x90")).state == State::complete);
}

TEST_CASE("limits are exact") {
  std::string frame = bytes("c600000000") + std::string(95, 'x');
  frame[4] = 95;
  CHECK(scan(frame, {.bytes_max = 100}).state == State::complete);
  CHECK(scan(frame, {.bytes_max = 99}).error.code == Errc::too_large);
  CHECK(scan(frame.substr(0, 5), {.bytes_max = 99}).error.code == Errc::too_large);

  // What is announced counts before it comes: each value takes a byte at least.
  CHECK(scan(bytes("dc005e"), {.bytes_max = 97}).state == State::need_more);
  CHECK(scan(bytes("dc005e"), {.bytes_max = 96}).error.code == Errc::too_large);
  CHECK(scan(bytes("92 90 dc005d"), {.bytes_max = 96}).error.code == Errc::too_large);

  const std::string ten = bytes("9a 01 02 03 04 05 06 07 08 09 0a");
  CHECK(scan(ten, {.elements_max = 11}).state == State::complete);
  CHECK(scan(ten, {.elements_max = 10}).error.code == Errc::too_large);
  CHECK(scan(ten.substr(0, 1), {.elements_max = 10}).error.code == Errc::too_large);
}

TEST_CASE("a client that sends a byte at a time costs no more than one that sends all at once") {
  // A large value, and behind it a thousand small ones.
  std::string frame = bytes("94 00 01 a3'set' 92 c600100000") + std::string(1 << 20, 'v');
  frame += bytes("dc03e8");
  for (int i = 0; i < 1000; ++i) frame += bytes("cf0000000000000001");
  constexpr std::size_t kHeads = 7 + 1000;

  FrameScanner at_once;
  REQUIRE(at_once.scan(frame).size == frame.size());
  CHECK(at_once.steps() == kHeads);

  FrameScanner dripping;
  for (std::size_t size = 1; size < frame.size(); ++size) {
    const auto scanned = dripping.scan(std::string_view(frame).substr(0, size));
    if (scanned.state != State::need_more) FAIL("complete too early");
  }
  CHECK(dripping.scan(frame).state == State::complete);
  // A head may be looked at again for each of its up to nine bytes; bodies never are.
  CHECK(dripping.steps() <= 9 * kHeads);
}

TEST_CASE("after a message the scanner is as new") {
  FrameScanner scanner;
  const std::string first = bytes("93 01 02 a3'abc'");
  CHECK(scanner.scan(first.substr(0, 4)).state == State::need_more);
  CHECK(scanner.scan(first).size == first.size());
  scanner.reset();
  CHECK(scanner.scan(bytes("91")).state == State::need_more);
  CHECK(scanner.scan(bytes("91 c0")).size == 2);
}

// The twin: msgpack-cxx builds the whole object to find its end.
std::size_t end_by_unpacking(const std::string& buffer) {
  std::size_t offset = 0;
  try {
    msgpack::unpack(buffer.data(), buffer.size(), offset, nullptr, nullptr,
                    msgpack::unpack_limit(1 << 17, 1 << 17, 1 << 22, 1 << 22, 1 << 22, 32));
  } catch (const msgpack::unpack_error&) {
    return 0;
  }
  return offset;
}

TEST_CASE("on random bytes the scanner and msgpack-cxx agree on where a message ends") {
  Random random(20);
  std::size_t complete = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string buffer(random.below(64), '\0');
    for (char& c : buffer) {
      // Heads of containers and short lengths come often, so that structures arise.
      const std::uint64_t kind = random.below(4);
      c = static_cast<char>(kind == 0   ? 0x80 + random.below(0x30)
                            : kind == 1 ? 0xc0 + random.below(0x20)
                            : kind == 2 ? random.below(8)
                                        : random.below(256));
    }
    const auto scanned = scan(buffer);
    const std::size_t end = end_by_unpacking(buffer);
    if (scanned.state == State::complete) {
      ++complete;
      CHECK(scanned.size == end);
    } else {
      CHECK(end == 0);
    }
  }
  CHECK(complete > 1000);
}

}  // namespace
}  // namespace causeway::wire
