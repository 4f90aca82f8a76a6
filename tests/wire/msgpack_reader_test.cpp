#include "wire/msgpack_reader.hpp"

#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "wire/bytes_support.hpp"
#include "wire/msgpack_writer.hpp"

namespace causeway::wire {
namespace {

using test::bytes;

TEST_CASE("numbers are written the shortest way, and only that way is canonical") {
  constexpr std::uint64_t kEdges[]{0,          1,           0x7f,           0x80,
                                   0xff,       0x100,       0xffff,         0x10000,
                                   0xffffffff, 0x100000000, UINT64_MAX - 1, UINT64_MAX};
  for (const std::uint64_t number : kEdges) {
    CAPTURE(number);
    std::string out;
    MsgpackWriter(out).natural(number);
    for (const auto strictness : {Strictness::lenient, Strictness::canonical}) {
      MsgpackReader in(out, strictness);
      CHECK(in.natural() == number);
      CHECK(in.done());
    }
  }
}

TEST_CASE("another way to write the same is for clients, not for nodes") {
  struct Row {
    std::string why;
    std::string value;
  };
  const std::vector<Row> rows{
      {"uint 8 for 127", bytes("cc7f")},
      {"uint 16 for 255", bytes("cd00ff")},
      {"uint 32 for 65535", bytes("ce0000ffff")},
      {"uint 64 for 1", bytes("cf0000000000000001")},
      {"int 8 for 1", bytes("d001")},
      {"int 64 for 1", bytes("d30000000000000001")},
      {"str 8 for 31 bytes", bytes("d91f") + std::string(31, 'x')},
      {"str 16 for 255 bytes", bytes("da00ff") + std::string(255, 'x')},
      {"bin 16 for 1 byte", bytes("c50001 00")},
      {"bin 32 for 1 byte", bytes("c600000001 00")},
      {"array 16 of 1", bytes("dc0001 00")},
      {"array 32 of 1", bytes("dd00000001 00")},
      {"map 16 of 1", bytes("de0001 00 00")},
      {"map 32 of 1", bytes("df00000001 00 00")},
  };
  const auto take = [](MsgpackReader& in) {
    switch (in.next()) {
      case MsgpackKind::natural: static_cast<void>(in.natural()); return;
      case MsgpackKind::text: static_cast<void>(in.text()); return;
      case MsgpackKind::binary: static_cast<void>(in.binary()); return;
      case MsgpackKind::array: static_cast<void>(in.array()); return;
      case MsgpackKind::map: static_cast<void>(in.map()); return;
      default: in.fail(); return;
    }
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    MsgpackReader lenient(row.value);
    take(lenient);
    CHECK(lenient.ok());
    MsgpackReader canonical(row.value, Strictness::canonical);
    take(canonical);
    CHECK(!canonical.ok());
  }
}

TEST_CASE("a value of another type is no value") {
  const std::vector<std::string> values{bytes("c0"),      bytes("c3"),         bytes("05"),
                                        bytes("ff"),      bytes("ca3f800000"), bytes("a1'x'"),
                                        bytes("c401'x'"), bytes("91 00"),      bytes("81 00 00"),
                                        bytes("d401 00"), bytes("c1"),         ""};
  const std::vector<MsgpackKind> kinds{
      MsgpackKind::nil,  MsgpackKind::boolean,   MsgpackKind::natural, MsgpackKind::negative,
      MsgpackKind::real, MsgpackKind::text,      MsgpackKind::binary,  MsgpackKind::array,
      MsgpackKind::map,  MsgpackKind::extension, MsgpackKind::none,    MsgpackKind::none};
  for (std::size_t i = 0; i < values.size(); ++i) {
    CAPTURE(i);
    const MsgpackKind kind = kinds[i];
    CHECK(MsgpackReader(values[i]).next() == kind);
    const auto ok_after = [&](auto take) {
      MsgpackReader in(values[i]);
      take(in);
      return in.ok();
    };
    CHECK(ok_after([](auto& in) { static_cast<void>(in.natural()); }) ==
          (kind == MsgpackKind::natural));
    CHECK(ok_after([](auto& in) { static_cast<void>(in.boolean()); }) ==
          (kind == MsgpackKind::boolean));
    CHECK(ok_after([](auto& in) { static_cast<void>(in.text()); }) == (kind == MsgpackKind::text));
    CHECK(ok_after([](auto& in) { static_cast<void>(in.binary()); }) ==
          (kind == MsgpackKind::binary));
    CHECK(ok_after([](auto& in) { static_cast<void>(in.bytes()); }) ==
          (kind == MsgpackKind::text || kind == MsgpackKind::binary));
    CHECK(ok_after([](auto& in) { static_cast<void>(in.array()); }) ==
          (kind == MsgpackKind::array));
    CHECK(ok_after([](auto& in) { static_cast<void>(in.map()); }) == (kind == MsgpackKind::map));
    CHECK(MsgpackReader(values[i]).nil() == (kind == MsgpackKind::nil));
    CHECK(ok_after([](auto& in) { static_cast<void>(in.skip()); }) == (kind != MsgpackKind::none));
  }
}

TEST_CASE("an announced count or length is believed only as far as there are bytes") {
  for (const std::string claim : {"ddffffffff", "dfffffffff", "dbffffffff", "c6ffffffff",
                                  "c9ffffffff00", "92 01", "82 01 02 03", "a2'x'"}) {
    CAPTURE(claim);
    const std::string value = bytes(claim);
    MsgpackReader skipped(value);
    CHECK(skipped.skip().empty());
    CHECK(!skipped.ok());
    MsgpackReader read(value);
    if (read.next() == MsgpackKind::array)
      CHECK(read.array() == 0);
    else if (read.next() == MsgpackKind::map)
      CHECK(read.map() == 0);
    else
      CHECK(read.bytes().empty());
    CHECK(!read.ok());
  }
}

TEST_CASE("skipping passes over what is nested, however deep") {
  std::string deep(100'000, '\x91');
  deep += '\x01';
  MsgpackReader in(deep);
  CHECK(in.skip().size() == deep.size());
  CHECK(in.done());

  const std::string two = bytes("82 01 92 a1'x' c0 02 80  07");
  MsgpackReader after(two);
  CHECK(after.skip().size() == two.size() - 1);
  CHECK(after.natural() == 7);
  CHECK(after.done());
}

}  // namespace
}  // namespace causeway::wire
