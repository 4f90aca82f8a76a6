// What became of offline writes, asked for and judged.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "cluster.hpp"
#include "load.hpp"

namespace causeway::test {

/// Nodes keep so many verdicts at least (docs/semantics.md): older ones may be forgotten.
inline constexpr std::size_t kVerdictsKept = 4096;

[[nodiscard]] std::string text_of(AwaitResult::State state);

struct Settled {
  OfflineRecord record;
  AwaitResult verdict;
};

/// Asks for the verdict of every acknowledged write at the node that took it. An answer that a
/// client had before must be the same.
[[nodiscard]] std::vector<Settled> settle_all(const Cluster& cluster,
                                              std::span<const OfflineRecord> records);

/// Writes of one origin settle in the order in which they were made.
void check_order(const std::vector<Settled>& settled);

/// A replaced write names the one in its place: a later one of the same origin and key.
void check_replaced(const std::vector<Settled>& settled);

}  // namespace causeway::test
