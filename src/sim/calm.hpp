// Since when a set of nodes has been undisturbed: what availability is promised to.
//
// Whoever checks availability asks for any set of nodes (a majority, say), after the fact. So this
// is kept for every set: there are at most 128.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/time.hpp"
#include "sim/network.hpp"

namespace causeway::sim {

/// How the nodes and the lines between them stand at one moment.
struct Standing {
  std::uint32_t runs = 0;     ///< bit n for Peer n: it has a process, however ill
  std::uint32_t healthy = 0;  ///< it serves, and nothing slows or stills it
  /// For each node, those to which its line is as it should be; those to which nothing passes.
  std::array<std::uint32_t, kMachinesMax> clear{};
  std::array<std::uint32_t, kMachinesMax> closed{};
};

class Calm {
 public:
  /// All nodes are ill until the first `note`.
  explicit Calm(std::size_t nodes);

  void note(Instant now, const Standing& standing);
  /// Instant::never(): they are disturbed now.
  [[nodiscard]] Instant since(std::uint32_t peers) const { return since_.at(peers); }

 private:
  [[nodiscard]] bool calm(std::uint32_t peers, const Standing& standing) const;

  std::size_t nodes_;
  std::vector<Instant> since_;  ///< by set of nodes
};

}  // namespace causeway::sim
