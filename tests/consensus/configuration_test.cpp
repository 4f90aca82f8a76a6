#include "consensus/configuration.hpp"

#include <string>

#include <doctest/doctest.h>

namespace causeway::consensus {
namespace {

Configuration good() {
  return {.cluster = 0x1122334455667788,
          .members = {{.name = "a", .role = MemberRole::voter, .origin = {1}},
                      {.name = "b.c-d_9", .role = MemberRole::learner, .origin = {}},
                      {.name = "y", .role = MemberRole::voter, .origin = {7}, .barred = true},
                      {.name = "z", .role = MemberRole::voter, .origin = {~std::uint64_t{0}}}}};
}

bool decodes(const std::string& bytes) { return Configuration::decode(bytes).has_value(); }

}  // namespace

TEST_CASE("a configuration decodes to what was encoded") {
  const auto decoded = Configuration::decode(good().encode());
  REQUIRE(decoded.has_value());
  CHECK(decoded.value() == good());
}

TEST_CASE("the bytes of a configuration are fixed: they last") {
  const Configuration one{.cluster = 0x0102030405060708,
                          .members = {{.name = "n1", .origin = {9}, .barred = true}}};
  const std::string want(
      "\x02"
      "\x08\x07\x06\x05\x04\x03\x02\x01"
      "\x01"
      "\x02n1"
      "\x01"
      "\x09\x00\x00\x00\x00\x00\x00\x00"
      "\x01",
      23);
  CHECK(one.encode() == want);
}

TEST_CASE("no truncation of a configuration decodes, nor one with a byte more") {
  const std::string bytes = good().encode();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    CHECK_FALSE(decodes(bytes.substr(0, size)));
  }
  CHECK_FALSE(decodes(bytes + '\0'));
}

TEST_CASE("a changed byte is refused, or is another configuration written the one way") {
  const std::string bytes = good().encode();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      CAPTURE(at);
      CAPTURE(bit);
      std::string changed = bytes;
      changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ (1u << bit));
      const auto decoded = Configuration::decode(changed);
      if (!decoded) continue;
      CHECK(decoded.value() != good());
      CHECK(decoded.value().encode() == changed);
    }
  }
}

TEST_CASE("what is no configuration is refused") {
  const auto with = [](auto change) {
    Configuration configuration = good();
    change(configuration);
    return configuration.encode();
  };
  struct Row {
    const char* why;
    std::string bytes;
  };
  std::string newer = good().encode();
  newer[0] = 3;
  std::string no_members = good().encode().substr(0, 10);
  no_members[9] = 0;
  std::string upper = good().encode();
  upper[11] = 'A';
  const Row rows[] = {
      {"empty", ""},
      {"a newer format", newer},
      {"cluster id 0: only before the first entry", with([](auto& c) { c.cluster = 0; })},
      {"no members", no_members},
      {"a name that is none", upper},
      {"members out of order", with([](auto& c) { std::swap(c.members[0], c.members[2]); })},
      {"a barred name without an origin", with([](auto& c) { c.members[1].barred = true; })},
      {"a member twice", with([](auto& c) { c.members[1].name = "a"; })},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto decoded = Configuration::decode(row.bytes);
    REQUIRE_FALSE(decoded.has_value());
    CHECK(decoded.error().code == Errc::corrupt);
  }
}

}  // namespace causeway::consensus
