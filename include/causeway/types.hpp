// The words of Causeway as types: terms, indices, stamps, origins, dots, versions.
//
// Each is its own type, so that comparing a term with a log index does not compile. They are plain
// values without behaviour beyond ordering; the rules that give them meaning live in the folders
// that keep those rules.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace causeway {

/// A number that only compares with its own kind.
template <class Tag>
struct Ordinal {
  std::uint64_t value = 0;

  friend constexpr auto operator<=>(Ordinal, Ordinal) = default;

  [[nodiscard]] constexpr Ordinal next() const { return {value + 1}; }
  [[nodiscard]] constexpr Ordinal previous() const { return {value == 0 ? 0 : value - 1}; }
};

using Term = Ordinal<struct TermTag>;          ///< Raft term; 0 before the first election
using LogIndex = Ordinal<struct LogIndexTag>;  ///< position in the Raft log; the first entry is 1
using Sequence = Ordinal<struct SequenceTag>;  ///< how-manieth offline write of an origin; from 1

/// A random 64-bit id made together with a data directory. 0 stands for "none".
struct Origin {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(Origin, Origin) = default;
};

/// A random 64-bit id drawn at each start of a node. 0 stands for "none".
struct Incarnation {
  std::uint64_t value = 0;
  friend constexpr auto operator<=>(Incarnation, Incarnation) = default;
};

/// A hybrid logical clock reading: 48 bits of milliseconds since the Unix epoch, then a 16-bit
/// counter.
struct Stamp {
  std::uint64_t value = 0;

  static constexpr int kCounterBits = 16;
  static constexpr std::uint64_t kWallMsMax = (std::uint64_t{1} << 48) - 1;

  [[nodiscard]] static constexpr Stamp from_wall_ms(std::uint64_t wall_ms) {
    return {(wall_ms > kWallMsMax ? kWallMsMax : wall_ms) << kCounterBits};
  }
  [[nodiscard]] constexpr std::uint64_t wall_ms() const { return value >> kCounterBits; }
  [[nodiscard]] constexpr std::uint64_t counter() const { return value & 0xffff; }
  /// The next greater stamp; a full counter carries into the milliseconds.
  [[nodiscard]] constexpr Stamp next() const { return {value + 1}; }

  friend constexpr auto operator<=>(Stamp, Stamp) = default;
};

/// Who accepted an offline write, and its how-manieth it was. Never reused. As text
/// `ORIGIN-SEQUENCE`.
struct Dot {
  Origin origin;
  Sequence sequence;
  friend constexpr auto operator<=>(Dot, Dot) = default;
};

/// What the store keeps beside a value, as callers see it.
struct Version {
  LogIndex revision;  ///< log index at which it was committed; 0 while pending
  Stamp stamp;        ///< order between writes that had not seen each other
  Origin origin;      ///< the node that took the write
  Sequence sequence;  ///< offline: its dot's; consistent: the sequence reached when it was taken
  std::uint64_t expires_ms = 0;  ///< log time at which it expires, ms since the epoch; 0: never
  friend constexpr auto operator<=>(const Version&, const Version&) = default;
};

}  // namespace causeway
