// Any bytes to any decoder of wire: what each of them promises of all inputs, checked on this one.
//
// The entry point is libFuzzer's, so that a night's run needs no other code than the suite's own
// (wire_fuzz_test.cpp drives the same function with mutated good records):
//
//   clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -Isrc -Iinclude
//     tests/fuzz/wire_fuzz.cpp src/wire/*.cpp src/base/*.cpp -lxxhash -lboost_serialization
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/check.hpp"
#include "wire/frame_scanner.hpp"
#include "wire/log_record.hpp"
#include "wire/metadata.hpp"
#include "wire/peer.hpp"
#include "wire/rpc.hpp"

namespace causeway::wire {
namespace {

// Found at once, found byte by byte, and the decoder's own idea of the end: all the same.
void scanner(std::string_view bytes) {
  const auto at_once = FrameScanner().scan(bytes);
  FrameScanner dripping;
  FrameScanner::Scan last;
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    last = dripping.scan(bytes.substr(0, size));
    if (last.state != FrameScanner::State::need_more) break;
    CAUSEWAY_CHECK(last.size > size);
  }
  CAUSEWAY_CHECK(last.state == at_once.state);
  CAUSEWAY_CHECK(last.size == at_once.size);
  CAUSEWAY_CHECK(dripping.steps() <= 2 * bytes.size() + 2);
}

// What is taken for a request is one in full: our own encoding of it is taken for the same.
void request(std::string_view bytes) {
  const auto decoded = decode_request(bytes, {});
  const auto* taken = std::get_if<Request>(&decoded);
  if (taken == nullptr) {
    const auto& bad = std::get<BadRequest>(decoded);
    CAUSEWAY_CHECK(!bad.error.error.detail.empty());
    std::string answer;
    encode_error(bad.msgid, bad.error, answer);
    CAUSEWAY_CHECK(decode_reply(answer, CallKind::status).has_value());
    return;
  }
  CAUSEWAY_CHECK(FrameScanner().scan(bytes).size == bytes.size());
  std::string again;
  encode_request(taken->msgid, taken->call, again);
  const auto twice = decode_request(again, {});
  CAUSEWAY_CHECK(std::holds_alternative<Request>(twice));
  CAUSEWAY_CHECK(std::get<Request>(twice).call == taken->call);
}

void reply(std::string_view bytes) {
  for (int kind = 0; kind <= static_cast<int>(CallKind::status); ++kind) {
    static_cast<void>(decode_reply(bytes, static_cast<CallKind>(kind)));
  }
}

// Between nodes and on disk there is one way to write each thing.
void peer(std::string_view bytes) {
  if (const auto message = decode_message(Blob::copy_of(bytes)); message.has_value()) {
    std::string again;
    encode(message.value(), again);
    CAUSEWAY_CHECK(again == bytes);
  }
  if (const auto hello = decode_hello(bytes); hello.has_value()) {
    CAUSEWAY_CHECK(encode(hello.value()) == bytes);
  }
  if (const auto answer = decode_hello_reply(bytes); answer.has_value()) {
    CAUSEWAY_CHECK(encode(answer.value()) == bytes);
  }
  static_cast<void>(check_preamble(bytes));
  static_cast<void>(decode_frame_header(bytes));
}

std::string written(const consensus::Entry& entry) {
  char head[kEntryHeadBytes];
  encode_entry_head(entry, head);
  return std::string(head, sizeof head) + std::string(entry.payload.view());
}
template <class Record>
std::string written(const Record& record) {
  return encode(record);
}

void log_record(std::string_view bytes) {
  const Blob body = Blob::copy_of(bytes);
  for (std::uint8_t type = 0; type < 20; ++type) {
    if (const auto record = decode_raft_record(type, body); record.has_value()) {
      std::visit([&](const auto& r) { CAUSEWAY_CHECK(written(r) == bytes); }, record.value());
    }
    if (const auto record = decode_journal_record(type, body); record.has_value()) {
      std::visit([&](const auto& r) { CAUSEWAY_CHECK(written(r) == bytes); }, record.value());
    }
  }
}

void small_file(std::string_view bytes) {
  if (const auto slot = decode_mark_slot(bytes); slot.has_value()) {
    CAUSEWAY_CHECK(encode_mark_slot(slot.value().generation, slot.value().mark) == bytes);
  }
  static_cast<void>(decode_identity(bytes));
}

constexpr void (*kTargets[])(std::string_view) = {scanner, request,    reply,
                                                  peer,    log_record, small_file};

}  // namespace
}  // namespace causeway::wire

/// The first byte picks the decoder, the others go to it.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  causeway::wire::kTargets[data[0] % std::size(causeway::wire::kTargets)](bytes);
  return 0;
}
