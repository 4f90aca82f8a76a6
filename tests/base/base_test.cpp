#include <string>

#include <doctest/doctest.h>

#include "base/blob.hpp"
#include "base/bytes.hpp"
#include "base/hash.hpp"
#include "base/random.hpp"
#include <causeway/result.hpp>
#include <causeway/types.hpp>

using namespace causeway;

TEST_CASE("a stamp's full counter carries into its milliseconds") {
  const Stamp full{(std::uint64_t{7} << 16) | 0xffff};
  CHECK(full.next().wall_ms() == 8);
  CHECK(full.next().counter() == 0);
  CHECK(Stamp::from_wall_ms(UINT64_MAX).wall_ms() == Stamp::kWallMsMax);
}

TEST_CASE("what a ByteWriter wrote, a ByteReader reads") {
  std::string out;
  ByteWriter writer(out);
  writer.u8(1);
  writer.u16(0x0203);
  writer.u32(0x04050607);
  writer.u64(0x08090a0b0c0d0e0f);
  writer.sized("key");
  CHECK(out.size() == 1 + 2 + 4 + 8 + 4 + 3);
  CHECK(out[1] == 0x03);  // little-endian

  ByteReader reader(out);
  CHECK(reader.u8() == 1);
  CHECK(reader.u16() == 0x0203);
  CHECK(reader.u32() == 0x04050607);
  CHECK(reader.u64() == 0x08090a0b0c0d0e0f);
  CHECK(reader.sized() == "key");
  CHECK(reader.done());
}

TEST_CASE(
    "a ByteReader never reads past its end: it yields zeros and says so, for every truncation") {
  std::string whole;
  ByteWriter writer(whole);
  writer.u64(UINT64_MAX);
  writer.sized("abc");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    const std::string cut =
        whole.substr(0, size);  // of its own, so that a sanitizer sees an overrun
    ByteReader reader(cut);
    reader.u64();
    reader.sized();
    CHECK_FALSE(reader.ok());
    CHECK(reader.u64() == 0);
    CHECK(reader.left() == 0);
  }
  ByteReader claims_too_much(std::string_view("\xff\xff\xff\xff", 4));
  CHECK(claims_too_much.sized().empty());
  CHECK_FALSE(claims_too_much.ok());
}

TEST_CASE("a slice of a blob outlives the whole") {
  Blob part;
  {
    const Blob whole = Blob::copy_of("a value that is shared");
    part = whole.slice(2, 5);
  }
  CHECK(part.view() == "value");
  const Blob same = part;
  part = Blob();
  CHECK(same.view() == "value");
  CHECK(Blob().empty());
  CHECK(Blob::copy_of("") == Blob());
}

TEST_CASE("the generator gives the same numbers everywhere") {
  Random random(42);
  CHECK(random.next() == 13679457532755275413u);
  CHECK(random.next() == 2949826092126892291u);
  for (int i = 0; i < 1000; ++i) {
    const std::uint64_t drawn = random.between(3, 5);
    CHECK(drawn >= 3);
    CHECK(drawn <= 5);
  }
  CHECK(Random(1).between(9, 9) == 9);
}

TEST_CASE("the checksum is XXH3 as others compute it") {
  CHECK(hash64("") == 0x2d06800538d394c2);
  CHECK(hash64("a") != hash64("a", 1));
}

TEST_CASE("every error code has a name of its own") {
  for (std::uint16_t code = 1; code <= 14; ++code) {
    CAPTURE(code);
    CHECK_FALSE(name_of(Errc{code}).empty());
    for (std::uint16_t other = 1; other < code; ++other) {
      CHECK(name_of(Errc{code}) != name_of(Errc{other}));
    }
  }
}
