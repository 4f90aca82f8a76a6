#include "crdt/key_filter.hpp"

#include "base/check.hpp"

namespace causeway::crdt {

void KeyFilter::remove(std::uint32_t slot) {
  CAUSEWAY_CHECK(counters_[slot] != 0);
  if (counters_[slot] != kFull) --counters_[slot];
}

}  // namespace causeway::crdt
