#include "storage/position_index.hpp"

#include <algorithm>

namespace causeway::storage {

void PositionIndex::add(std::uint64_t key, std::uint64_t segment, std::uint64_t offset) {
  if (key == 0) return;
  while (!items_.empty() && items_.back().key >= key) items_.pop_back();
  const bool near = !items_.empty() && items_.back().segment == segment &&
                    offset - items_.back().offset < kSpacingBytes;
  if (!near) items_.push_back({.key = key, .segment = segment, .offset = offset});
}

std::optional<PositionIndex::Item> PositionIndex::find(std::uint64_t key) const {
  const auto after =
      std::upper_bound(items_.begin(), items_.end(), key,
                       [](std::uint64_t wanted, const Item& item) { return wanted < item.key; });
  if (after == items_.begin()) return std::nullopt;
  return *(after - 1);
}

void PositionIndex::drop_below(std::uint64_t segment) {
  while (!items_.empty() && items_.front().segment < segment) items_.pop_front();
}

}  // namespace causeway::storage
