// What the log carries for the state machine: commands, written once by the node that takes the
// request (design 3.5).
//
// A canonical little-endian header of our own with a format version first, and the value's bytes
// uncopied behind it, so that every node applies the very bytes that were accepted
// (docs/formats.md#commands). Fields for what later work brings (client sessions, expiry) are there
// from the first day; a decoder refuses what it does not know.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/blob.hpp"
#include "crdt/version.hpp"
#include <causeway/result.hpp>
#include <causeway/types.hpp>

namespace causeway::kv {

inline constexpr std::uint8_t kCommandFormat = 1;

/// Persisted; numbers are never reused.
enum class CommandKind : std::uint8_t { set = 1, remove = 2, swap = 3, settle = 16, start = 17 };

/// Under whose numbers a consistent write travels: the node's own session of this start.
struct CallId {
  Origin origin;
  Incarnation incarnation;
  std::uint64_t number = 0;             ///< from 1; unique in the incarnation
  std::uint64_t lowest_unanswered = 0;  ///< results below it may be forgotten
  friend bool operator==(const CallId&, const CallId&) = default;
};

/// A consistent set, delete or swap.
struct Write {
  CommandKind kind = CommandKind::set;
  CallId call;
  Sequence
      reached;  ///< offline writes given out at that node when the call was taken (overtaken rule)
  std::uint64_t session = 0;         ///< reserved for client sessions: 0
  std::uint64_t session_number = 0;  ///< reserved: 0
  std::uint64_t expires_ms = 0;      ///< reserved: 0
  std::string_view key;
  std::optional<std::string_view>
      expected;            ///< swap: the value that must stand there; empty: the key must be absent
  std::string_view value;  ///< set, swap
};

/// An ordered batch of one origin's offline writes (design 3.2).
struct Settle {
  Origin origin;
  Incarnation
      incarnation;  ///< the start that proposed it, and under which number: names the proposal
  std::uint64_t number = 0;
  Sequence follows;         ///< the last sequence settled before this batch
  std::uint64_t chain = 0;  ///< the running hash there
  Sequence learnt_through;  ///< the origin holds all verdicts up to here durably
  std::vector<crdt::OfflineWrite> items;
};

/// A node started: opens its session and counters, ends those of its earlier starts.
struct Start {
  Origin origin;
  Incarnation incarnation;
  std::uint64_t number = 0;  ///< above every earlier one of this origin
};

using Command = std::variant<Write, Settle, Start>;

/// Keys, values and reserved fields must be what format 1 allows (kv/limits.hpp): that is checked
/// at the door. An item's `replaces` is the journal's matter and not part of a settle command.
[[nodiscard]] Blob encode(const Write& write);
[[nodiscard]] Blob encode(const Settle& settle);
[[nodiscard]] Blob encode(const Start& start);

/// Views in the result point into `bytes` (values of a Settle share `bytes`' buffer). Errc::corrupt
/// unless it is exactly one command of a known format.
[[nodiscard]] Result<Command> decode(const Blob& bytes);

}  // namespace causeway::kv
