#include "cli/text.hpp"

#include <doctest/doctest.h>

#include "cli/output.hpp"

using namespace causeway::cli;
using namespace std::string_literals;

TEST_CASE("UTF-8 is what RFC 3629 says") {
  struct Row {
    const char* why;
    std::string bytes;
    bool want;
  };
  const Row rows[] = {
      {"nothing", "", true},
      {"ASCII with a zero", "a\0b"s, true},
      {"two bytes", "\xc3\xa9", true},
      {"three bytes", "\xe2\x82\xac", true},
      {"four bytes", "\xf0\x9f\x8c\x8a", true},
      {"the greatest", "\xf4\x8f\xbf\xbf", true},
      {"beyond it", "\xf4\x90\x80\x80", false},
      {"a lone continuation", "\x80", false},
      {"cut short", "\xe2\x82", false},
      {"an overlong slash", "\xc0\xaf", false},
      {"an overlong one of three", "\xe0\x9f\xbf", false},
      {"an overlong one of four", "\xf0\x8f\xbf\xbf", false},
      {"a surrogate", "\xed\xa0\x80", false},
      {"no lead byte at all", "\xff", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    CHECK(is_utf8(row.bytes) == row.want);
  }
}

TEST_CASE("base64 as in RFC 4648, section 10") {
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foob") == "Zm9vYg==");
  CHECK(base64("fooba") == "Zm9vYmE=");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64("\xff\xfe\xfd") == "//79");
}

TEST_CASE("a value takes one line whatever it holds") {
  CHECK(one_line("plain \xc3\xa9") == "plain \xc3\xa9");
  CHECK(one_line("a\tb\nc\\d") == "a\\tb\\nc\\\\d");
  CHECK(one_line("\x1b[31m") == "\\x1b[31m");
  CHECK(one_line("\xff") == "\\xff");
}

TEST_CASE("a stamp's time reads as a date, whatever a clock said") {
  struct Row {
    std::uint64_t wall_ms;
    const char* text;
  };
  const Row rows[] = {
      {0, "1970-01-01T00:00:00.000Z"},
      {1'700'000'000'007, "2023-11-14T22:13:20.007Z"},
      {1'709'251'199'999, "2024-02-29T23:59:59.999Z"},
      {causeway::Stamp::kWallMsMax, "10889-08-02T05:31:50.655Z"},
  };
  for (const Row& row : rows) {
    CHECK(time_of(causeway::Stamp::from_wall_ms(row.wall_ms)) == row.text);
    CHECK(time_of({causeway::Stamp::from_wall_ms(row.wall_ms).value + 9}) == row.text);
  }
}
