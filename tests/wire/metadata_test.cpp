#include "wire/metadata.hpp"

#include <string>

#include <doctest/doctest.h>

#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "wire/bytes_support.hpp"

namespace causeway::wire {
namespace {

Identity identity() {
  return {.name = "n1",
          .origin = {UINT64_MAX},
          .old_origins = {{1}, {2}},
          .listen = "127.0.0.1:7401",
          .advertise = "",
          .cluster = {{"n1", "127.0.0.1:7401"}, {"n2", "host with spaces:1"}}};
}

// The envelope, written apart from the code under test.
std::string envelope(std::uint32_t format, std::string_view archive) {
  std::string bytes;
  ByteWriter out(bytes);
  out.bytes("CWID");
  out.u32(format);
  out.u32(static_cast<std::uint32_t>(archive.size()));
  out.bytes(archive);
  out.u64(hash64(bytes));
  return bytes;
}

std::string archive_in(const std::string& encoded) {
  return encoded.substr(12, encoded.size() - 20);
}

TEST_CASE("an identity comes back as it was") {
  for (const Identity& each : {identity(), Identity{.name = "x", .origin = {1}}}) {
    const auto decoded = decode_identity(encode(each));
    REQUIRE(decoded.has_value());
    CHECK((decoded.value() == each));
  }
}

TEST_CASE("frozen: the envelope, and an archive as Boost 1.74 wrote it") {
  const std::string encoded = encode(identity());
  CHECK(encoded == envelope(1, archive_in(encoded)));
  const std::string archive =
      "22 serialization::archive 18 0 0 2 n1 18446744073709551615 2 1 2 "
      "14 127.0.0.1:7401 0  0 0 2 0 0 0 2 n1 14 127.0.0.1:7401 2 n2 18 host with spaces:1\n";
  CAPTURE(archive_in(encoded));
  const auto decoded = decode_identity(envelope(1, archive));
  REQUIRE(decoded.has_value());
  CHECK((decoded.value() == identity()));
}

TEST_CASE("every truncation and every flipped bit of an identity is refused") {
  const std::string encoded = encode(identity());
  const auto refused = [](const std::string& damaged) {
    const auto decoded = decode_identity(damaged);
    REQUIRE(!decoded.has_value());
    CHECK(decoded.error().code == Errc::corrupt);
    CHECK(!decoded.error().detail.empty());
  };
  test::each_truncation(encoded, refused);
  test::each_flipped_bit(encoded, refused);
  refused(encoded + '\0');
  refused("");
  refused(std::string(4096, '\0'));
}

TEST_CASE("a newer format is refused before its archive is opened, with words that name both") {
  const auto newer = decode_identity(envelope(2, "whatever a later version writes"));
  REQUIRE(!newer.has_value());
  CHECK(newer.error().code == Errc::unavailable);
  CHECK(newer.error().detail.find("format 2, this version reads 1") != std::string::npos);
}

TEST_CASE("an archive that is none is refused, though its checksum is right") {
  const std::string good = archive_in(encode(identity()));
  for (const std::string& archive :
       {std::string(), std::string("22 serialization::archive"), std::string("garbage"),
        good.substr(0, good.size() / 2),
        std::string("22 serialization::archive 18 0 0 2 n1 5 99999999999999 1"),
        archive_in(encode({.name = "", .origin = {1}})),
        archive_in(encode({.name = "n1", .origin = {0}}))}) {
    CAPTURE(archive);
    const auto decoded = decode_identity(envelope(1, archive));
    REQUIRE(!decoded.has_value());
    CHECK(decoded.error().code == Errc::corrupt);
  }
}

}  // namespace
}  // namespace causeway::wire
