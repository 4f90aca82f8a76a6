// Where to begin reading for a key: a sparse map from batch keys to places in the log.
//
// An exact map would grow with the number of batches, which on a small machine is memory we do not
// have. One item per 64 KiB of a segment is enough: whoever reads begins at the item and walks at
// most that far over batch headers.
//
// Why walking 64 KiB is always enough, in spite of overwriting: let B be the last batch in the log
// with a key <= k. When B was added, all items with a key >= B's went; if the last one left, R, was
// less than 64 KiB before B in its segment, B got no item. No batch behind B has a key <= k, so
// nothing dropped R since, and every item behind R has a key > k. So a search for k finds B itself,
// or R with B less than 64 KiB behind it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace causeway::storage {

class PositionIndex {
 public:
  static constexpr std::uint64_t kSpacingBytes = 64 << 10;

  struct Item {
    std::uint64_t key = 0;
    std::uint64_t segment = 0;
    std::uint64_t offset = 0;
    friend bool operator==(const Item&, const Item&) = default;
  };

  /// Takes notice of a batch; batches come in log order. Key 0 is not remembered.
  void add(std::uint64_t key, std::uint64_t segment, std::uint64_t offset);

  /// The last item with a key <= `key`.
  [[nodiscard]] std::optional<Item> find(std::uint64_t key) const;

  /// Forgets the segments below `segment`.
  void drop_below(std::uint64_t segment);

  [[nodiscard]] std::size_t size() const { return items_.size(); }

 private:
  std::deque<Item> items_;  // ascending both by key and by place
};

}  // namespace causeway::storage
