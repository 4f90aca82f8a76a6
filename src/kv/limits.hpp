// Bounds by which the state machine judges: constants of the format, not settings (design 3.6).
//
// Every node must come to the same answer from the same log, so none of these may depend on a flag.
// Changing one is a new command format.
#pragma once

#include <cstddef>
#include <cstdint>

namespace causeway::kv {

inline constexpr std::size_t kKeyBytesMax = 1024;
inline constexpr std::size_t kValueBytesMax = std::size_t{1} << 20;

/// Results kept of one start of a node: call numbers from the lowest unanswered one up to here
/// (exclusive).
inline constexpr std::uint64_t kResultsMax = 16384;
/// Results of neighbouring numbers that share a row of the table: one bit each in a 64-bit word.
inline constexpr std::uint64_t kResultsPerRow = 64;
/// Starts of an origin whose results are kept.
inline constexpr std::size_t kIncarnationsMax = 4;

inline constexpr std::size_t kSettleItemsMax = 1024;
/// Verdicts of one origin that it has not yet learnt.
inline constexpr std::size_t kUnlearntMax = 4096;
/// So many newest (sequence, chain) pairs of an origin are kept at least.
inline constexpr std::size_t kChainHistoryMin = 1024;

inline constexpr std::size_t kConflictsMax = 1024;
/// Values of losers and winners together that the list of conflicts holds.
inline constexpr std::size_t kConflictBytesMax = std::size_t{1} << 20;

static_assert(kSettleItemsMax <= kUnlearntMax, "else a full batch could never settle");
static_assert(kValueBytesMax <= kConflictBytesMax, "a single lost value always finds room");
static_assert(kResultsMax % kResultsPerRow == 0);

}  // namespace causeway::kv
