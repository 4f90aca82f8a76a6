// One thing that happened, as values, and how it is put into words.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "consensus/message.hpp"
#include "sim/network.hpp"
#include "storage/log_writer.hpp"
#include "wire/rpc.hpp"

namespace causeway::sim {

enum class Happened : std::uint8_t {
  starting,
  started,  ///< numbers: log index, term of that entry, current term, journal records
  ready,
  died,       ///< detail: Death
  ended,      ///< text: why, where it failed
  leads,      ///< numbers: term
  logs,       ///< a record for the Raft log. numbers: ticket; record
  journals,   ///< a record for the journal. numbers: ticket; record
  durable,    ///< detail: 0 Raft log, 1 journal; numbers: ticket
  disk,       ///< anything else between a node and a log. detail: as above; text
  applied,    ///< numbers: index, term, log time, hash
  decided,    ///< an own write. numbers: its number, kv::WriteResult::Status, index
  settled,    ///< an own offline write. numbers: sequence, crdt::VerdictKind, index, winner
  delivered,  ///< detail: place in consensus::Message; numbers: numbers_of(message)
  befell,     ///< detail: Network::Fate; numbers: place in consensus::Message
  called,     ///< numbers: call, hash of the value; text
  answered,   ///< numbers: call, hash of the value, stamp; text
  renamed,    ///< numbers: the new origin
  says,       ///< text: a warning of the node
  fault,      ///< text
};

/// Of fixed size: what is hashed and kept for most events, without an allocation.
struct TraceValues {
  static constexpr std::size_t kNumbers = 9;
  std::int64_t at_ns = 0;  ///< since the trace began to follow
  Happened kind = Happened::fault;
  std::uint8_t detail = 0;
  std::uint8_t peer = 0;
  std::uint8_t other = 0;
  std::uint32_t none = 0;  ///< no padding: all of it is hashed
  std::array<std::uint64_t, kNumbers> numbers{};
};
static_assert(sizeof(TraceValues) == 16 + 8 * TraceValues::kNumbers);

struct TraceEvent {
  TraceValues values;
  std::string text;           ///< what has no better form than words
  storage::LogRecord record;  ///< of a log; of a Forward: its first payload
};

/// Which node an origin is, or was: random ids say nothing.
using OriginNames = std::map<Origin, std::string>;

/// What the words of a message are made of; equal messages give equal numbers.
[[nodiscard]] std::array<std::uint64_t, TraceValues::kNumbers> numbers_of(
    const consensus::Message& message);

/// "12.345678s 3 -> 1 AppendEntries term 4 prev 17@3 entries 18..20 commit 17 round 9"
[[nodiscard]] std::string line_of(const TraceEvent& event, const OriginNames& names);

/// "12.345678s", as the trace dates its lines.
[[nodiscard]] std::string seconds_text(std::uint64_t ns);
/// By its place in consensus::Message; a PreVote is a RequestVote.
[[nodiscard]] std::string_view message_name(std::size_t kind);

/// As Cluster names its machines.
[[nodiscard]] inline std::string node_name(consensus::Peer peer) {
  return std::to_string(peer + 1);
}

}  // namespace causeway::sim
