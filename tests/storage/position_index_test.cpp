// The sparse index against an obvious twin that remembers every batch.
#include "storage/position_index.hpp"

#include <vector>

#include <doctest/doctest.h>

#include "base/random.hpp"

using namespace causeway;
using namespace causeway::storage;

TEST_CASE(
    "walking one spacing from the item found reaches the last batch with a key not above the "
    "wanted one") {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    CAPTURE(seed);
    Random random(seed);
    PositionIndex index;
    std::vector<PositionIndex::Item> all;
    std::uint64_t segment = 1;
    std::uint64_t offset = 4096;
    std::uint64_t key = 1;
    std::uint64_t log_bytes = 0;
    for (int i = 0; i < 200; ++i) {
      if (random.below(40) == 0) {
        ++segment;
        offset = 4096;
      }
      if (random.below(10) == 0)
        key -= random.below(std::min<std::uint64_t>(key, 8));  // an overwriting
      const PositionIndex::Item batch{.key = key, .segment = segment, .offset = offset};
      index.add(batch.key, batch.segment, batch.offset);
      all.push_back(batch);
      key += 1 + random.below(3);
      const std::uint64_t bytes = 50 + random.below(random.below(5) == 0 ? 100000 : 5000);
      offset += bytes;
      log_bytes += bytes;
    }
    CHECK(index.size() <= log_bytes / PositionIndex::kSpacingBytes + segment + 1);
    for (std::uint64_t wanted = 0; wanted <= key; ++wanted) {
      CAPTURE(wanted);
      const PositionIndex::Item* last = nullptr;
      for (const PositionIndex::Item& batch : all) {
        if (batch.key <= wanted) last = &batch;
      }
      const auto found = index.find(wanted);
      REQUIRE(found.has_value() == (last != nullptr));
      if (last == nullptr) continue;
      CHECK(found->key <= wanted);
      CHECK(found->segment == last->segment);
      CHECK(found->offset <= last->offset);
      CHECK(last->offset - found->offset < PositionIndex::kSpacingBytes);
    }
  }
}

TEST_CASE("dropped segments leave the index") {
  PositionIndex index;
  index.add(1, 1, 4096);
  index.add(5, 2, 4096);
  index.add(9, 3, 4096);
  index.drop_below(3);
  CHECK(index.size() == 1);
  CHECK_FALSE(index.find(8));
  CHECK(index.find(9)->segment == 3);
}
