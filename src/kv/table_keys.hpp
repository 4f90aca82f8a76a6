// Where everything stands in the table (docs/formats.md#state).
//
//   d <key>                                a user's key -> version, value
//   m a | m c                              how far the state is | the conflict list's counters
//   o <origin>                             starts, settled sequence and chain of an origin
//   r <origin> <incarnation> <row>         results of 64 neighbouring call numbers
//   v <origin> <sequence>                  a verdict that its origin has not learnt yet
//   h <origin> <last sequence>             one settle batch's (sequence, chain) pairs
//   c <number>                             one row of the superseded list
//   q <sequence>, j <key>                  this node's journal: pending record; newest pending
//                                          sequence of a key
//
// Numbers in keys are big-endian, so that the table's order is theirs. `q` and `j` belong to the
// node; all else is the replicated state: the same on every node that has applied the same log,
// byte for byte.
#pragma once

#include <string>
#include <string_view>

#include <causeway/types.hpp>

namespace causeway::kv::keys {

inline constexpr char kData = 'd';
inline constexpr char kOrigin = 'o';
inline constexpr char kResults = 'r';
inline constexpr char kVerdict = 'v';
inline constexpr char kHistory = 'h';
inline constexpr char kConflict = 'c';
inline constexpr char kPendingRecord = 'q';
inline constexpr char kPendingKey = 'j';

inline constexpr std::string_view kApplied = "ma";
inline constexpr std::string_view kConflictCounters = "mc";

inline void append_big_endian(std::string& out, std::uint64_t v) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(v >> shift));
}

/// The number at the end of a key made by one of the functions below; 0 when the key is too short.
inline std::uint64_t trailing_number(std::string_view key) {
  if (key.size() < 8) return 0;
  std::uint64_t v = 0;
  for (const char c : key.substr(key.size() - 8)) v = v << 8 | static_cast<unsigned char>(c);
  return v;
}

inline std::string of_text(char kind, std::string_view text) {
  std::string key;
  key.reserve(1 + text.size());
  key.push_back(kind);
  key.append(text);
  return key;
}

template <class... Numbers>
std::string of_numbers(char kind, Numbers... numbers) {
  std::string key;
  key.reserve(1 + 8 * sizeof...(numbers));
  key.push_back(kind);
  (append_big_endian(key, numbers), ...);
  return key;
}

inline std::string data(std::string_view user_key) { return of_text(kData, user_key); }
inline std::string pending_key(std::string_view user_key) { return of_text(kPendingKey, user_key); }
inline std::string pending_record(Sequence sequence) {
  return of_numbers(kPendingRecord, sequence.value);
}
inline std::string origin(Origin origin) { return of_numbers(kOrigin, origin.value); }
inline std::string results(Origin origin, Incarnation incarnation, std::uint64_t row) {
  return of_numbers(kResults, origin.value, incarnation.value, row);
}
inline std::string verdict(Dot dot) {
  return of_numbers(kVerdict, dot.origin.value, dot.sequence.value);
}
inline std::string history(Dot last) {
  return of_numbers(kHistory, last.origin.value, last.sequence.value);
}
inline std::string conflict(std::uint64_t number) { return of_numbers(kConflict, number); }

/// The first key behind all that begin with `prefix`, which must not consist of 0xff alone.
inline std::string behind_prefix(std::string prefix) {
  while (prefix.back() == '\xff') prefix.pop_back();
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}
/// The first key behind all rows of a kind.
inline std::string behind_kind(char kind) { return behind_prefix(std::string(1, kind)); }

}  // namespace causeway::kv::keys
