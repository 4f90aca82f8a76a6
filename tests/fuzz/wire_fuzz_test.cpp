// Drives the fuzzer's entry point with good records, mutated from a seed: the same inputs each
// time.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/random.hpp"
#include "wire/log_record.hpp"
#include "wire/metadata.hpp"
#include "wire/peer.hpp"
#include "wire/rpc.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace causeway::wire {
namespace {

enum class Target : char { scanner, request, reply, peer, log_record, small_file };

std::vector<std::string> seeds() {
  std::vector<std::string> out;
  const auto add = [&](Target target, const std::string& good) {
    out.push_back(static_cast<char>(target) + good);
  };
  const Version version{.revision = {9}, .stamp = {1u << 20}, .origin = {UINT64_MAX}};
  for (const Call& call : std::vector<Call>{
           GetCall{.key = "key", .consistent = false, .timeout_ms = 300},
           WriteCall{.key = "key", .value = Blob::copy_of("value"), .in_doubt = InDoubt::report},
           WriteCall{.op = WriteOp::swap, .key = "k", .value = Blob::copy_of("new")},
           AwaitCall{.token = "00000000000000ff-1", .timeout_ms = 0},
           PendingCall{.limit = 7, .cursor = "c"}, StatusCall{}}) {
    std::string frame;
    encode_request(70'000, call, frame);
    add(Target::scanner, frame);
    add(Target::request, frame);
  }
  const auto answer = [&](CallKind kind, const Reply& reply) {
    std::string frame;
    encode_reply(300, kind, reply, frame);
    add(Target::scanner, frame);
    add(Target::reply, frame);
  };
  answer(CallKind::get, Answer{Response{.valid = true, .value = "value", .version = version}});
  answer(CallKind::set, Answer{Response{.in_doubt = true, .operation = "op"}});
  answer(CallKind::await, Answer{AwaitResult{.winner = version, .reason = "why"}});
  answer(CallKind::pending,
         Answer{PendingPage{.items = {{.key = "k", .value = "v", .token = "t"}}, .cursor = "k"}});
  answer(CallKind::conflicts,
         Answer{ConflictPage{.items = {{.key = "k", .lost = {.dropped = true}}}}});
  answer(CallKind::status, Answer{Status{.id = "n1", .members = {{.id = "n2", .behind = 4}}}});

  const consensus::Entry entry{
      .index = {300}, .term = {2}, .payload = Blob::copy_of("payload"), .hash = UINT64_MAX};
  for (const consensus::Message& message : std::vector<consensus::Message>{
           consensus::RequestVote{.term = {3}, .pre = true},
           consensus::AppendEntries{.term = {2}, .entries = {entry, entry}},
           consensus::AppendEntriesReply{.term = {2}, .accepted = true},
           consensus::Forward{.items = {{.payload = Blob::copy_of("p"), .budget_ms = 5}}},
           consensus::ForwardReply{.refused = {1, 300, 70'000}}}) {
    std::string body;
    encode(message, body);
    add(Target::peer, body);
  }
  const Hello hello{.cluster = 1, .name = "n1", .origin = {5}};
  add(Target::peer, encode(hello));
  add(Target::peer, encode(HelloReply{.hello = hello, .reason = "why"}));

  char head[kEntryHeadBytes];
  encode_entry_head(entry, head);
  add(Target::log_record, std::string(head, sizeof head) + "payload");
  add(Target::log_record, encode(consensus::HardState{.term = {3}, .voted_for = "n1"}));
  add(Target::log_record, encode(crdt::OfflineWrite{.key = "k", .value = Blob::copy_of("v")}));
  add(Target::log_record, encode(crdt::OfflineWrite{.key = "k", .deleted = true}));
  add(Target::log_record, encode(crdt::Settled{.verdicts = {{.reason = "why"}, {}}}));
  add(Target::small_file, encode_mark_slot(3, {4}));
  add(Target::small_file,
      encode(Identity{.name = "n1", .origin = {5}, .cluster = {{"n1", "h:1"}}}));
  return out;
}

void mutate(std::string& bytes, Random& random) {
  // Values at which decoders turn: heads of containers and of wide numbers, and their neighbours.
  constexpr unsigned char kTelling[]{0x00, 0x01, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                     0xc0, 0xc1, 0xc4, 0xc6, 0xcc, 0xcf, 0xd0, 0xd3, 0xd9,
                                     0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xff};
  const std::size_t at = 1 + random.below(bytes.size());  // the target's byte stays
  const auto telling = static_cast<char>(kTelling[random.below(sizeof kTelling)]);
  switch (random.below(6)) {
    case 0:
      if (at < bytes.size()) bytes[at] = telling;
      break;
    case 1:
      if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.below(8)));
      break;
    case 2: bytes.insert(at, 1, telling); break;
    case 3: bytes.erase(at, 1 + random.below(5)); break;
    case 4: bytes.resize(at); break;
    default: bytes.insert(at, bytes.substr(at, random.below(16))); break;
  }
}

TEST_CASE("mutated records never break what the decoders promise of any bytes") {
  const std::vector<std::string> good = seeds();
  Random random(20'260'101);
  for (int round = 0; round < 300'000; ++round) {
    std::string bytes = good[random.below(good.size())];
    for (std::uint64_t i = random.below(5); i > 0; --i) mutate(bytes, random);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }
  CHECK(true);
}

}  // namespace
}  // namespace causeway::wire
