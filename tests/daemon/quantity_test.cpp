#include "daemon/quantity.hpp"

#include <optional>

#include <doctest/doctest.h>

using namespace causeway::daemon;

TEST_CASE("durations have a unit") {
  struct Row {
    const char* text;
    std::optional<std::int64_t> ms;
  };
  const Row rows[] = {{"150ms", 150},
                      {"0ms", 0},
                      {"2s", 2000},
                      {"1m", 60'000},
                      {"1h", 3'600'000},
                      {"2S", 2000},
                      {"150", {}},
                      {"", {}},
                      {"ms", {}},
                      {"-1s", {}},
                      {"1.5s", {}},
                      {"1 s", {}},
                      {" 1s", {}},
                      {"1parsec", {}},
                      {"99999999999999999999s", {}},
                      {"9007199254740992h", {}}};
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto parsed = parse_duration(row.text);
    REQUIRE(parsed.has_value() == row.ms.has_value());
    if (row.ms) CHECK(parsed.value().count() == *row.ms);
  }
}

TEST_CASE("sizes are bytes, or powers of 1024") {
  struct Row {
    const char* text;
    std::optional<std::uint64_t> bytes;
  };
  const Row rows[] = {{"0", 0},
                      {"1024", 1024},
                      {"1B", 1},
                      {"64KB", 64 << 10},
                      {"64kib", 64 << 10},
                      {"256MB", 256 << 20},
                      {"1GB", 1 << 30},
                      {"", {}},
                      {"MB", {}},
                      {"1.5MB", {}},
                      {"-1", {}},
                      {"1TB", {}},
                      {"much", {}},
                      {"99999999999999999999", {}},
                      {"9999999999GB", {}}};
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto parsed = parse_size(row.text);
    REQUIRE(parsed.has_value() == row.bytes.has_value());
    if (row.bytes) CHECK(parsed.value() == *row.bytes);
  }
}
