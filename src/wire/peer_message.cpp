// Consensus messages as MessagePack arrays [type, fields...], in the order of
// consensus/message.hpp.
//
// There is exactly one way to write each message, and only that is read: so a message that was read
// and is written again has the same bytes, which the tests ask of every flipped bit.

#include <utility>

#include "base/check.hpp"
#include "wire/msgpack_reader.hpp"
#include "wire/msgpack_writer.hpp"
#include "wire/peer.hpp"

namespace causeway::wire {
namespace {

using namespace consensus;

/// First element of a message. Numbers are never reused (docs/formats.md#peers).
enum class MessageType : std::uint8_t {
  request_vote = 1,
  request_vote_reply = 2,
  append_entries = 3,
  append_entries_reply = 4,
  timeout_now = 5,
  forward = 6,
  withdraw = 7,
  forward_reply = 8,
  read_index_request = 9,
  read_index_reply = 10,
};

void begin(MessageType type, std::size_t fields, MsgpackWriter& out) {
  out.array(1 + fields);
  out.natural(static_cast<std::uint8_t>(type));
}

// ---- to bytes ----

void write(const RequestVote& m, MsgpackWriter& out) {
  begin(MessageType::request_vote, 6, out);
  out.natural(m.term.value);
  out.natural(m.last_log_index.value);
  out.natural(m.last_log_term.value);
  out.natural(m.cluster);
  out.boolean(m.pre);
  out.boolean(m.transfer);
}

void write(const RequestVoteReply& m, MsgpackWriter& out) {
  begin(MessageType::request_vote_reply, 4, out);
  out.natural(m.term.value);
  out.boolean(m.pre);
  out.boolean(m.granted);
  out.natural(m.wall.ms);
}

void begin_list(std::size_t items, MsgpackWriter& out) {
  CAUSEWAY_CHECK(items <= kMessageItemsMax);
  out.array(items);
}

void write(const Entry& entry, MsgpackWriter& out) {
  out.array(6);
  out.natural(entry.index.value);
  out.natural(entry.term.value);
  out.natural(entry.log_time.value);
  out.natural(static_cast<std::uint8_t>(entry.kind));
  out.natural(entry.hash);
  out.binary(entry.payload.view());
}

void write(const AppendEntries& m, MsgpackWriter& out) {
  begin(MessageType::append_entries, 9, out);
  out.natural(m.term.value);
  out.natural(m.prev_log_index.value);
  out.natural(m.prev_log_term.value);
  out.natural(m.prev_log_hash);
  out.natural(m.leader_commit.value);
  out.natural(m.round);
  out.natural(m.log_time_now.value);
  out.natural(m.reachable);
  begin_list(m.entries.size(), out);
  for (const Entry& entry : m.entries) write(entry, out);
}

void write(const AppendEntriesReply& m, MsgpackWriter& out) {
  begin(MessageType::append_entries_reply, 7, out);
  out.natural(m.term.value);
  out.boolean(m.accepted);
  out.natural(m.match_index.value);
  out.natural(m.conflict_term.value);
  out.natural(m.conflict_index.value);
  out.natural(m.round);
  out.natural(m.wall.ms);
}

void write(const TimeoutNow& m, MsgpackWriter& out) {
  begin(MessageType::timeout_now, 1, out);
  out.natural(m.term.value);
}

void write(const Forward& m, MsgpackWriter& out) {
  begin(MessageType::forward, 5, out);
  out.natural(m.term.value);
  out.natural(m.incarnation.value);
  out.natural(m.first_counter);
  out.natural(m.lowest_open);
  begin_list(m.items.size(), out);
  for (const Forward::Item& item : m.items) {
    out.array(2);
    out.natural(item.budget_ms);
    out.binary(item.payload.view());
  }
}

void write(const Withdraw& m, MsgpackWriter& out) {
  begin(MessageType::withdraw, 3, out);
  out.natural(m.term.value);
  out.natural(m.incarnation.value);
  out.natural(m.counter);
}

void write(const ForwardReply& m, MsgpackWriter& out) {
  begin(MessageType::forward_reply, 5, out);
  out.natural(m.term.value);
  out.natural(m.incarnation.value);
  out.natural(m.next_counter);
  begin_list(m.refused.size(), out);
  for (const std::uint64_t counter : m.refused) out.natural(counter);
  out.boolean(m.exhausted);
}

void write(const ReadIndexRequest& m, MsgpackWriter& out) {
  begin(MessageType::read_index_request, 2, out);
  out.natural(m.term.value);
  out.natural(m.id);
}

void write(const ReadIndexReply& m, MsgpackWriter& out) {
  begin(MessageType::read_index_reply, 4, out);
  out.natural(m.term.value);
  out.natural(m.id);
  out.boolean(m.accepted);
  out.natural(m.index.value);
}

// ---- from bytes ----

// Reads one frame's body, and cuts payloads out of the frame's buffer.
class Body : public MsgpackReader {
 public:
  explicit Body(const Blob& frame)
      : MsgpackReader(frame.view(), Strictness::canonical), frame_(frame) {}

  Blob payload() {
    const std::string_view bytes = binary();
    if (bytes.empty()) return {};
    return frame_.slice(static_cast<std::size_t>(bytes.data() - frame_.view().data()),
                        bytes.size());
  }

  void expect_array(std::uint64_t values) {
    if (array() != values) fail();
  }

  // Grown item by item: an item takes more memory than its shortest form takes bytes, so what is
  // announced must cost nothing until it is there.
  template <class Item, class Read>
  std::vector<Item> list(Read&& read) {
    std::vector<Item> items;
    const std::uint64_t count = array();
    if (count > kMessageItemsMax) fail();
    for (std::uint64_t i = 0; i < count && ok(); ++i) items.push_back(read());
    return items;
  }

 private:
  const Blob& frame_;
};

Entry read_entry(Body& in) {
  in.expect_array(6);
  Entry entry{.index = {in.natural()}, .term = {in.natural()}, .log_time = {in.natural()}};
  const std::uint64_t kind = in.natural();
  if (kind != static_cast<std::uint8_t>(EntryKind::command) &&
      kind != static_cast<std::uint8_t>(EntryKind::configuration)) {
    in.fail();
  }
  entry.kind = static_cast<EntryKind>(kind);
  entry.hash = in.natural();
  entry.payload = in.payload();
  return entry;
}

Forward::Item read_item(Body& in) {
  in.expect_array(2);
  const std::uint64_t budget_ms = in.natural();
  if (budget_ms > UINT32_MAX) in.fail();
  return {.payload = in.payload(), .budget_ms = static_cast<std::uint32_t>(budget_ms)};
}

// The order of initialisers is the order of the bytes: braces are evaluated from left to right.
Message read_message(std::uint64_t type, std::uint64_t fields, Body& in) {
  const auto with = [&](std::uint64_t expected) {
    if (fields != expected) in.fail();
  };
  switch (static_cast<MessageType>(type)) {
    case MessageType::request_vote:
      with(6);
      return RequestVote{.term = {in.natural()},
                         .last_log_index = {in.natural()},
                         .last_log_term = {in.natural()},
                         .cluster = in.natural(),
                         .pre = in.boolean(),
                         .transfer = in.boolean()};
    case MessageType::request_vote_reply:
      with(4);
      return RequestVoteReply{.term = {in.natural()},
                              .pre = in.boolean(),
                              .granted = in.boolean(),
                              .wall = {in.natural()}};
    case MessageType::append_entries:
      with(9);
      return AppendEntries{.term = {in.natural()},
                           .prev_log_index = {in.natural()},
                           .prev_log_term = {in.natural()},
                           .prev_log_hash = in.natural(),
                           .leader_commit = {in.natural()},
                           .round = in.natural(),
                           .log_time_now = {in.natural()},
                           .reachable = in.natural(),
                           .entries = in.list<Entry>([&] { return read_entry(in); })};
    case MessageType::append_entries_reply:
      with(7);
      return AppendEntriesReply{.term = {in.natural()},
                                .accepted = in.boolean(),
                                .match_index = {in.natural()},
                                .conflict_term = {in.natural()},
                                .conflict_index = {in.natural()},
                                .round = in.natural(),
                                .wall = {in.natural()}};
    case MessageType::timeout_now: with(1); return TimeoutNow{.term = {in.natural()}};
    case MessageType::forward:
      with(5);
      return Forward{.term = {in.natural()},
                     .incarnation = {in.natural()},
                     .first_counter = in.natural(),
                     .lowest_open = in.natural(),
                     .items = in.list<Forward::Item>([&] { return read_item(in); })};
    case MessageType::withdraw:
      with(3);
      return Withdraw{
          .term = {in.natural()}, .incarnation = {in.natural()}, .counter = in.natural()};
    case MessageType::forward_reply:
      with(5);
      return ForwardReply{.term = {in.natural()},
                          .incarnation = {in.natural()},
                          .next_counter = in.natural(),
                          .refused = in.list<std::uint64_t>([&] { return in.natural(); }),
                          .exhausted = in.boolean()};
    case MessageType::read_index_request:
      with(2);
      return ReadIndexRequest{.term = {in.natural()}, .id = in.natural()};
    case MessageType::read_index_reply:
      with(4);
      return ReadIndexReply{.term = {in.natural()},
                            .id = in.natural(),
                            .accepted = in.boolean(),
                            .index = {in.natural()}};
  }
  in.fail();
  return {};
}

}  // namespace

void encode(const Message& message, std::string& body) {
  MsgpackWriter out(body);
  std::visit([&](const auto& of_type) { write(of_type, out); }, message);
}

Result<Message> decode_message(const Blob& body) {
  Body in(body);
  const std::uint64_t values = in.array();
  const std::uint64_t type = in.natural();
  // `type` is compared before it becomes an enumerator of a byte.
  Message message;
  if (values == 0 || type > UINT8_MAX) in.fail();
  if (in.ok()) message = read_message(type, values - 1, in);
  if (!in.done()) {
    return Error{Errc::corrupt, "a frame from a peer of " + std::to_string(body.size()) +
                                    " bytes is no message of protocol " +
                                    std::to_string(kPeerProtocol)};
  }
  return message;
}

}  // namespace causeway::wire
