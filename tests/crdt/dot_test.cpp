#include "crdt/dot.hpp"

#include <vector>

#include <doctest/doctest.h>

namespace causeway::crdt {
namespace {

TEST_CASE("a dot has one spelling, and comes back from it") {
  const std::vector<std::pair<Dot, std::string>> rows = {
      {{{0xc0ffee00}, {17}}, "00000000c0ffee00-17"},
      {{{1}, {1}}, "0000000000000001-1"},
      {{{UINT64_MAX}, {UINT64_MAX}}, "ffffffffffffffff-18446744073709551615"},
  };
  for (const auto& [dot, text] : rows) {
    CHECK(to_string(dot) == text);
    const Result<Dot> parsed = parse_dot(text);
    REQUIRE(parsed);
    CHECK(parsed.value() == dot);
  }
}

TEST_CASE("anything else is refused as invalid") {
  struct Row {
    const char* why;
    std::string text;
  };
  const std::vector<Row> rows = {
      {"empty", ""},
      {"origin alone", "00000000c0ffee00"},
      {"no number", "00000000c0ffee00-"},
      {"no origin", "-17"},
      {"upper case", "00000000C0FFEE00-17"},
      {"short origin", "c0ffee00-17"},
      {"long origin", "000000000c0ffee00-17"},
      {"leading zero", "00000000c0ffee00-017"},
      {"sign", "00000000c0ffee00-+17"},
      {"negative", "00000000c0ffee00--17"},
      {"another separator", "00000000c0ffee00:17"},
      {"trailing space", "00000000c0ffee00-17 "},
      {"0x", "0x000000c0ffee00-17"},
      {"a number of 65 bits", "00000000c0ffee00-18446744073709551616"},
      {"origin 0 is nobody", "0000000000000000-17"},
      {"sequence 0 was never given", "00000000c0ffee00-0"},
      {"embedded NUL", std::string("00000000c0ffee00-1\0", 19)},
      {"long rubbish is quoted in part only", std::string(100'000, 'x')},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const Result<Dot> parsed = parse_dot(row.text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == Errc::invalid);
    CHECK(parsed.error().detail.size() < 200);
  }
}

}  // namespace
}  // namespace causeway::crdt
