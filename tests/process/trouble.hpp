// Nodes that die at random moments while clients write: what the crash tests share.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "cluster.hpp"
#include "load.hpp"

namespace causeway::test {

/// How many rounds of trouble; CAUSEWAY_ROUNDS=100 makes a long run of it.
[[nodiscard]] int rounds();
/// CAUSEWAY_SEED draws other moments.
[[nodiscard]] std::uint64_t seed();
/// CAUSEWAY_SEED, or another one each time.
[[nodiscard]] std::uint64_t fresh_seed();

/// A load on all nodes.
[[nodiscard]] LoadOptions load_options(const Cluster& cluster);

/// One round: some nodes are killed at a moment of no meaning, and come back at another. Returns
/// with all nodes running.
void trouble(Cluster& cluster, std::mt19937_64& random);

/// A node stands still for a while (SIGSTOP), perhaps the leader, perhaps longer than an election
/// takes.
void pause_one(Cluster& cluster, std::mt19937_64& random);

/// The consistent gets of all keys through each node, as a history goes on. Checks that they are
/// equal.
[[nodiscard]] std::vector<Operation> read_everywhere(const Cluster& cluster, std::size_t keys);

/// Errors that clients saw and no fault explains, as lines.
[[nodiscard]] std::string surprises_of(const std::vector<Seen>& all);

}  // namespace causeway::test
