// Which sets of nodes must be available, and since when.
#include "sim/calm.hpp"

#include <doctest/doctest.h>

using namespace causeway;
using causeway::sim::Calm;
using causeway::sim::Peer;
using causeway::sim::Standing;
using std::chrono::seconds;

namespace {

constexpr std::size_t kNodes = 3;
constexpr std::uint32_t kAll = 0b111;

Standing all_well() {
  Standing standing{.runs = kAll, .healthy = kAll};
  standing.clear.fill(kAll);
  return standing;
}

/// The lines between `peer` and `others`, both ways, are `closed`, or ill in another way.
void spoil(Standing& standing, Peer peer, std::uint32_t others, bool closed) {
  for (Peer other = 0; other < kNodes; ++other) {
    if (((others >> other) & 1) == 0) continue;
    for (const auto& [from, to] : {std::pair(peer, other), std::pair(other, peer)}) {
      standing.clear[from] &= ~(1u << to);
      if (closed) standing.closed[from] |= 1u << to;
    }
  }
}

Instant at(int second) { return {seconds(second)}; }

}  // namespace

TEST_CASE("nodes are calm since the last of them became well, and not calm while one is ill") {
  Calm calm(kNodes);
  CHECK(calm.since(0b001) == Instant::never());
  Standing standing = all_well();
  standing.healthy = 0b011;
  calm.note(at(1), standing);
  CHECK(calm.since(0b011) == at(1));
  CHECK(calm.since(kAll) == Instant::never());
  calm.note(at(2), all_well());
  CHECK(calm.since(0b011) == at(1));
  CHECK(calm.since(kAll) == at(2));
  calm.note(at(3), standing);
  CHECK(calm.since(0b011) == at(1));
  CHECK(calm.since(kAll) == Instant::never());
}

TEST_CASE("a node outside disturbs only where it reaches a part of the set") {
  struct Row {
    const char* why;
    std::uint32_t others;
    bool closed;
    std::uint32_t runs;
    bool calm;
  };
  const Row rows[] = {
      {"it reaches all", 0b000, false, kAll, true},
      {"it reaches none", 0b011, true, kAll, true},
      {"it may lead the first, and the second has no leader", 0b010, true, kAll, false},
      {"a slow line is as good as half a line", 0b011, false, kAll, false},
      {"one that does not run leads nobody", 0b010, true, 0b011, true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Standing standing = all_well();
    spoil(standing, 2, row.others, row.closed);
    standing.runs = row.runs;
    Calm calm(kNodes);
    calm.note(at(1), standing);
    CHECK((calm.since(0b011) == at(1)) == row.calm);
  }
}

TEST_CASE("a node outside may be heard by all and hear none, or the other way round") {
  for (const bool is_heard : {true, false}) {
    CAPTURE(is_heard);
    Standing standing = all_well();
    const auto close = [&](Peer from, Peer to) {
      standing.clear[from] &= ~(1u << to);
      standing.closed[from] |= 1u << to;
    };
    Calm calm(kNodes);
    is_heard ? close(0, 2) : close(2, 0);
    calm.note(at(1), standing);
    CHECK(calm.since(0b011) == Instant::never());  // by a part of them
    is_heard ? close(1, 2) : close(2, 1);
    calm.note(at(2), standing);
    CHECK(calm.since(0b011) == at(2));
  }
}
