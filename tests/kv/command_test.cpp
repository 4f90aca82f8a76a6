// Commands to bytes and back: canonical, and closed to everything else.
#include "kv/command.hpp"

#include <cstring>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/random.hpp"
#include "kv/limits.hpp"
#include "kv/machine.hpp"
#include "kv/offline_write_codec.hpp"

namespace causeway::kv::testing {
namespace {

bool same(const Write& a, const Write& b) {
  return a.kind == b.kind && a.call == b.call && a.reached == b.reached && a.key == b.key &&
         a.expected == b.expected && a.value == b.value;
}
bool same(const Settle& a, const Settle& b) {
  return a.origin == b.origin && a.incarnation == b.incarnation && a.number == b.number &&
         a.follows == b.follows && a.chain == b.chain && a.learnt_through == b.learnt_through &&
         a.items == b.items;
}
bool same(const Start& a, const Start& b) {
  return a.origin == b.origin && a.incarnation == b.incarnation && a.number == b.number;
}

Blob encode_any(const Command& command) {
  return std::visit([](const auto& each) { return encode(each); }, command);
}

template <class T>
void check_round_trip(const T& value) {
  const Blob bytes = encode(value);
  const Result<Command> back = decode(bytes);
  REQUIRE(back);
  REQUIRE(std::holds_alternative<T>(back.value()));
  CHECK(same(std::get<T>(back.value()), value));
  CHECK(encode_any(back.value()) == bytes);
}

std::vector<Write> some_writes() {
  const CallId call{{0x0102030405060708}, {0x1112131415161718}, UINT64_MAX, 7};
  return {
      {.kind = CommandKind::set, .call = call, .reached = {9}, .key = "key", .value = "value"},
      {.kind = CommandKind::set, .call = {}, .key = "k", .value = ""},
      {.kind = CommandKind::remove, .call = call, .reached = {9}, .key = "key"},
      {.kind = CommandKind::swap, .call = call, .key = "key", .expected = "old", .value = "new"},
      {.kind = CommandKind::swap, .call = call, .key = "key", .expected = "", .value = ""},
      {.kind = CommandKind::swap, .call = call, .key = "key", .value = "new"},
  };
}

Settle some_batch() {
  Settle settle{.origin = kB,
                .incarnation = kFirst,
                .number = 17,
                .follows = {3},
                .chain = 0x99,
                .learnt_through = {2},
                .items = {}};
  settle.items.push_back(offline({.sequence = 4, .key = "a", .value = "one"}));
  settle.items.push_back(offline({.sequence = 6, .key = "b", .deleted = true}));
  settle.items.push_back(
      offline({.sequence = 7, .key = "c", .value = "", .old_dot = {kA, {5}}, .old_chain = 0xcc}));
  settle.items.back().boot_id = 11;
  settle.items.back().boot_time_ns = 12;
  settle.items.push_back(offline({.sequence = 8, .key = "", .value = "rejected later"}));
  return settle;
}

std::vector<Blob> some_commands() {
  std::vector<Blob> commands;
  for (const Write& write : some_writes()) commands.push_back(encode(write));
  commands.push_back(encode(some_batch()));
  commands.push_back(encode(Settle{.origin = kB, .items = {}}));
  commands.push_back(encode(Start{.origin = kA, .incarnation = kFirst, .number = 5}));
  return commands;
}

TEST_CASE("a command that is encoded and decoded is the same, and so are its bytes") {
  for (const Write& write : some_writes()) check_round_trip(write);
  check_round_trip(some_batch());
  check_round_trip(Settle{.origin = kB, .items = {}});
  check_round_trip(Start{.origin = kA, .incarnation = kFirst, .number = 5});
  const std::string key(kKeyBytesMax, 'k');
  const std::string value(kValueBytesMax, 'v');
  check_round_trip(Write{.kind = CommandKind::swap, .key = key, .expected = value, .value = value});
}

TEST_CASE("the layouts are those of docs/formats.md, byte for byte") {
  const Blob set = encode(Write{.kind = CommandKind::set,
                                .call = {{0x01}, {0x02}, 0x0304, 0x05},
                                .reached = {0x06},
                                .key = "key",
                                .value = "value"});
  std::string want("\x01\x01\x00", 3);
  for (const unsigned word : {0x01u, 0x02u, 0x0304u, 0x05u, 0x06u, 0u, 0u, 0u}) {
    for (int shift = 0; shift < 64; shift += 8)
      want.push_back(static_cast<char>(std::uint64_t{word} >> shift));
  }
  want += std::string("\x03\0\0\0", 4) + "key" + "value";
  CHECK(set.view() == want);

  const Blob start = encode(Start{.origin = {1}, .incarnation = {2}, .number = 3});
  const std::string zeros(7, '\0');
  CHECK(start.view() == "\x01\x11" + ('\x01' + zeros) + ('\x02' + zeros) + ('\x03' + zeros));
}

TEST_CASE("a settle item's value shares the bytes of its entry") {
  const Blob bytes = encode(some_batch());
  const Result<Command> command = decode(bytes);
  REQUIRE(command);
  const std::string_view value = std::get<Settle>(command.value()).items[0].value.view();
  CHECK(value == "one");
  CHECK(value.data() > bytes.view().data());
  CHECK(value.data() < bytes.view().data() + bytes.size());
}

TEST_CASE("a command that is cut short or has bytes behind it is refused") {
  for (const Blob& whole : some_commands()) {
    const auto kind = static_cast<CommandKind>(whole.view()[1]);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      // A copy of its own, so that a read past the end is one that a sanitizer sees.
      const Blob cut = Blob::copy_of(whole.view().substr(0, size));
      const Result<Command> command = decode(cut);
      // The value of a write goes to the end of the entry, whose length the log keeps.
      const bool write = kind == CommandKind::set || kind == CommandKind::swap;
      if (command) {
        REQUIRE(write);
        CHECK(encode_any(command.value()) == cut);
      } else {
        CHECK(command.error().code == Errc::corrupt);
      }
    }
    if (kind == CommandKind::set || kind == CommandKind::swap) continue;
    CHECK_FALSE(decode(Blob::copy_of(std::string(whole.view()) + 'x')));
  }
}

TEST_CASE("whatever a command's bytes are turned into, it is refused or is exactly one command") {
  Random random(7);
  for (const Blob& whole : some_commands()) {
    for (std::size_t at = 0; at < whole.size(); ++at) {
      for (int change = 0; change < 10; ++change) {
        std::string bytes(whole.view());
        bytes[at] = static_cast<char>(change < 8 ? bytes[at] ^ (1 << change)
                                                 : static_cast<int>(random.below(256)));
        const Blob changed = Blob::copy_of(bytes);
        const Result<Command> command = decode(changed);
        if (command) CHECK(encode_any(command.value()) == changed);
      }
    }
  }
}

TEST_CASE("random bytes behind a known format and kind never crash the decoder") {
  Random random(11);
  for (int round = 0; round < 200000; ++round) {
    std::string bytes(random.below(160), '\0');
    for (char& byte : bytes) byte = static_cast<char>(random.below(random.below(2) == 0 ? 4 : 256));
    if (bytes.size() > 1) {
      bytes[0] = 1;
      bytes[1] = "\x01\x02\x03\x10\x11"[random.below(5)];
    }
    const Blob blob = Blob::copy_of(bytes);
    const Result<Command> command = decode(blob);
    if (command) CHECK(encode_any(command.value()) == blob);
  }
}

// `bytes` with `size` of them at `at` replaced.
Blob patched(const Blob& bytes, std::size_t at, std::string_view with) {
  std::string text(bytes.view());
  text.replace(at, with.size(), with);
  return Blob::copy_of(text);
}

TEST_CASE("what a decoder does not know or cannot be true is refused") {
  const std::vector<Write> writes = some_writes();
  const Blob set = encode(writes[0]);
  const Blob remove = encode(writes[2]);
  const Blob batch = encode(some_batch());
  struct Row {
    std::string why;
    Blob bytes;
  };
  const std::vector<Row> rows = {
      {"nothing", Blob{}},
      {"a newer format", patched(set, 0, "\x02")},
      {"format 0", patched(set, 0, std::string_view("\0", 1))},
      {"an unknown kind", patched(set, 1, "\x04")},
      {"an unknown flag", patched(set, 2, "\x02")},
      {"a set that expects something", patched(set, 2, "\x01")},
      {"a client session", patched(set, 43, "\x01")},
      {"a number in a client session", patched(set, 51, "\x01")},
      {"an expiry", patched(set, 59, "\x01")},
      {"an empty key", patched(set, 67, std::string_view("\0", 1))},
      {"a key longer than the command", patched(set, 67, "\xff")},
      {"a key of 4 GB", patched(set, 67, "\xff\xff\xff\xff")},
      {"a delete with a value", patched(remove, 67, "\x02")},
      {"a batch that claims 4 billion items", patched(batch, 50, "\xff\xff\xff\xff")},
      {"a batch that claims one item less", patched(batch, 50, "\x03")},
      {"an unknown flag of an item", patched(batch, 54, "\x04")},
      {"a deleted item with a value", patched(batch, 54, "\x01")},
      {"a start record of the size of a write", patched(set, 1, "\x11")},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const Result<Command> command = decode(row.bytes);
    REQUIRE_FALSE(command);
    CHECK(command.error().code == Errc::corrupt);
  }
  // Keys and values beyond the format's limits: the door refuses them, and so does every decoder.
  const std::string header(set.view().substr(0, 67));
  const std::string long_key(kKeyBytesMax + 1, 'k');
  CHECK_FALSE(decode(Blob::copy_of(header + std::string("\x01\x04\0\0", 4) + long_key)));
  const std::string long_value(kValueBytesMax + 1, 'v');
  CHECK_FALSE(decode(Blob::copy_of(header + std::string("\x01\0\0\0", 4) + 'k' + long_value)));
}

TEST_CASE("a record of the journal's index is the whole write") {
  OfflineWrite write = some_batch().items[2];
  write.replaces = {3};
  write.expires_ms = 99;
  const std::string record = encode_pending(write);
  const Result<OfflineWrite> back = decode_pending(record);
  REQUIRE(back);
  CHECK(back.value() == write);
  for (std::size_t size = 0; size < record.size(); ++size) {
    CHECK_FALSE(decode_pending(record.substr(0, size)));
  }
  CHECK_FALSE(decode_pending(record + 'x'));
}

}  // namespace
}  // namespace causeway::kv::testing
