#include "net/address.hpp"

#include <doctest/doctest.h>

using namespace causeway;
using namespace causeway::net;

TEST_CASE("an address is HOST:PORT, with brackets around IPv6") {
  struct Row {
    const char* text;
    Address want;
  };
  const Row rows[] = {
      {"127.0.0.1:7400", {"127.0.0.1", 7400}},   {"[::1]:7400", {"::1", 7400}},
      {"[fe80::1%eth0]:1", {"fe80::1%eth0", 1}}, {"node-1.lan:65535", {"node-1.lan", 65535}},
      {"localhost:0", {"localhost", 0}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto address = parse_address(row.text);
    REQUIRE(address);
    CHECK(address.value() == row.want);
    CHECK(to_string(address.value()) == row.text);
  }
}

TEST_CASE("what is no address is refused, and the error quotes it") {
  struct Row {
    const char* why;
    const char* text;
  };
  const Row rows[] = {
      {"nothing", ""},
      {"no port", "127.0.0.1"},
      {"an empty port", "127.0.0.1:"},
      {"no host", ":7400"},
      {"an empty host in brackets", "[]:7400"},
      {"a port too large", "127.0.0.1:65536"},
      {"a negative port", "127.0.0.1:-1"},
      {"a port with a sign", "127.0.0.1:+1"},
      {"a port with a rest", "127.0.0.1:74x"},
      {"a port that is a name", "localhost:http"},
      {"IPv6 without brackets", "::1:7400"},
      {"an open bracket", "[::1:7400"},
      {"a bracket in the wrong place", "[::1]x:7400"},
      {"brackets and no port", "[::1]"},
      {"a space", "my host:7400"},
      {"a URL", "http://127.0.0.1:7400"},
      {"a list", "a:1,b:2"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto address = parse_address(row.text);
    REQUIRE_FALSE(address);
    CHECK(address.error().code == Errc::invalid);
    CHECK(address.error().detail.find(row.text) != std::string::npos);
  }
}
