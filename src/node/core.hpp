// What the parts of the loop share: consensus, journal, clock, where the state stands; and the turn
// that is being taken.
//
// The loop's work is split by what a caller asked for (writes, reads, offline, inquiries) and by
// what the node does on its own (settling, peers, raft_disk). Each part owns its tables and reaches
// the others only through loop.cpp, which passes on what happened.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.hpp"
#include "consensus/raft.hpp"
#include "crdt/hybrid_clock.hpp"
#include "crdt/journal.hpp"
#include "kv/applier.hpp"
#include "node/loop.hpp"
#include "node/questions.hpp"
#include <causeway/types.hpp>

namespace causeway::node {

/// recovering: applies what its own commit marks cover; serving; stopping: answers what waits and
/// takes nothing new.
enum class Phase : std::uint8_t { recovering, serving, stopping };

/// Which part asked the applier (or named a proposal); stands in the id, so that the answer finds
/// its way back.
enum class Asker : std::uint8_t { start, writes, settling, gate, reads, offline, inquiries };

constexpr std::uint64_t tagged(Asker asker, std::uint64_t number) {
  return (std::uint64_t{static_cast<std::uint8_t>(asker)} << 56) | number;
}
constexpr Asker asker_of(std::uint64_t id) { return static_cast<Asker>(id >> 56); }
constexpr std::uint64_t number_of(std::uint64_t id) { return id & ((std::uint64_t{1} << 56) - 1); }

struct Core {
  Options options;
  consensus::Raft raft;
  crdt::Journal journal;
  crdt::HybridClock clock;
  Random random;

  kv::AppliedPosition applied{};  ///< as reported by the applier
  Sequence settled_through{};     ///< of this origin, in the applied state
  Phase phase = Phase::recovering;
  consensus::Effects raft_out{};  ///< what raft's calls of this turn left to do
  Questions questions{};          ///< of callers, to the applier
  std::uint64_t ids_given = 0;    ///< fresh numbers for questions and calls

  std::uint64_t fresh() { return ++ids_given; }
};

/// One step being taken. Lives on the stack; parts take it by reference and keep nothing of it.
struct Turn {
  const Now& now;
  Core& core;
  Effects& out;

  void log(LogLine::Level level, std::string text) { out.log.push_back({level, std::move(text)}); }
};

/// How long a disk is left alone that had no room.
inline constexpr Duration kDiskFullPause = std::chrono::milliseconds(200);

inline wire::Reply refuse(Errc code, std::string detail) {
  return wire::CallError{.error = {code, std::move(detail)}, .leader = {}, .operation = {}};
}

/// The instant at which a budget that begins now ends; empty: never.
inline std::optional<Instant> deadline_of(const Now& now, std::optional<std::uint64_t> timeout_ms) {
  if (!timeout_ms) return std::nullopt;
  constexpr std::uint64_t kYearMs = std::uint64_t{366} * 24 * 3600 * 1000;
  return now.mono + std::chrono::milliseconds(std::min(*timeout_ms, kYearMs));
}

}  // namespace causeway::node
