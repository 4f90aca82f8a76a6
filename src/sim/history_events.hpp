// What the operations of one key did to it, as far as their clients can tell: what the search for
// an order (linearizability.hpp) works on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "sim/linearizability.hpp"

namespace causeway::sim {

inline constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

/// What value stands at the key.
using KeyState = std::uint32_t;
inline constexpr KeyState kAbsent = 0;
inline constexpr KeyState kNobodySaw =
    1;  ///< any of the values that make no difference to an answer
inline constexpr KeyState kFirstValue = 2;

/// A swap that did not match is two of these, read and differs: a repeated call is answered with
/// the value that stands there by then (design 3.4).
enum class Act : std::uint8_t { read, differs, write, remove, replace };

struct Event {
  Act act = Act::read;
  std::uint64_t from = 0;
  std::uint64_t until = kNever;
  bool optional = false;          ///< unknown outcome: may as well never happen
  KeyState value = kAbsent;       ///< read: found; write, replace: new
  KeyState expected = kAbsent;    ///< differs, replace
  std::optional<bool> was_there;  ///< remove with a known answer
  std::size_t operation = 0;      ///< its place in the list
};

/// The state after `event`, or nothing where the event cannot happen now.
[[nodiscard]] std::optional<KeyState> apply(const Event& event, KeyState state);
/// The one state in which it can happen, if there is but one.
[[nodiscard]] std::optional<KeyState> needed_state(const Event& event);
/// What stands there behind it; nothing: what stood there before.
[[nodiscard]] std::optional<KeyState> made_state(const Event& event);
/// It fits anywhere, and nothing is left of what stood there.
[[nodiscard]] bool is_blind(const Event& event);

/// In the order of their calls. What cannot have mattered is left out.
/// operations   all of one key
[[nodiscard]] std::vector<Event> events_of(const std::vector<const Operation*>& operations);

}  // namespace causeway::sim
