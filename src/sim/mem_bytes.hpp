// The bytes of one file of a disk in memory: what reads show, what is durable, and the changes in
// between, of which a power loss keeps an arbitrary part.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/random.hpp"

namespace causeway::sim {

class MemBytes {
 public:
  static constexpr std::size_t kSectorBytes = 512;

  MemBytes() = default;
  /// At rest: synced.
  explicit MemBytes(std::string bytes) : visible_(std::move(bytes)), durable_(visible_) {}

  [[nodiscard]] const std::string& visible() const { return visible_; }
  [[nodiscard]] const std::string& durable() const { return durable_; }

  void write(std::uint64_t offset, std::string_view bytes) {
    change({.at = offset, .bytes = std::string(bytes)});
  }
  void truncate(std::uint64_t size) { change({.kind = Kind::truncate, .at = size}); }
  void reserve(std::uint64_t size) { change({.kind = Kind::reserve, .at = size}); }

  /// All of it is durable now.
  void sync();
  /// The changes since the last sync count as clean: reads show them, and no sync writes them.
  void forget_unsynced() { unsynced_.clear(); }
  /// Makes an arbitrary part of what is not synced durable: by sector, out of order, torn at times.
  void keep_part(Random& random);
  /// The power goes: an arbitrary part of what is not synced is lost.
  void crash(Random& random);
  void flip_bit(std::uint64_t offset, int bit);

 private:
  enum class Kind : std::uint8_t { write, truncate, reserve };
  struct Change {
    Kind kind = Kind::write;
    std::uint64_t at = 0;  ///< offset, or size
    std::string bytes{};
  };

  void change(Change what) {
    apply(what, visible_);
    unsynced_.push_back(std::move(what));
  }
  static void apply(const Change& change, std::string& bytes);
  static void apply_part(const Change& change, std::string& bytes, Random& random);

  std::string visible_;
  std::string durable_;
  std::vector<Change> unsynced_;
};

inline void MemBytes::sync() {
  for (const Change& change : unsynced_) apply(change, durable_);
  unsynced_.clear();
}

inline void MemBytes::crash(Random& random) {
  keep_part(random);
  unsynced_.clear();
  visible_ = durable_;
}

inline void MemBytes::keep_part(Random& random) {
  enum Mode : std::uint64_t { nothing, everything, prefix, pieces, kModes };
  const std::uint64_t mode = random.below(kModes);
  const std::uint64_t whole = mode == prefix ? random.below(unsynced_.size() + 1) : 0;
  for (std::size_t i = 0; i < unsynced_.size(); ++i) {
    const Change& what = unsynced_[i];
    if (mode == everything || i < whole) {
      apply(what, durable_);
    } else if (mode == pieces || (mode == prefix && i == whole)) {
      apply_part(what, durable_, random);
    }
  }
}

inline void MemBytes::apply_part(const Change& change, std::string& bytes, Random& random) {
  if (change.kind != Kind::write) {
    if (random.below(2) == 0) apply(change, bytes);
    return;
  }
  for (std::uint64_t at = change.at; at < change.at + change.bytes.size();) {
    const std::uint64_t sector_end = (at / kSectorBytes + 1) * kSectorBytes;
    const std::uint64_t end = std::min<std::uint64_t>(sector_end, change.at + change.bytes.size());
    // All of a sector, nothing, or at times as much of it as had been written.
    const std::uint64_t fate = random.below(16);
    const std::uint64_t kept = fate < 7 ? end - at : fate == 7 ? random.below(end - at) : 0;
    if (kept != 0) {
      const auto from = static_cast<std::size_t>(at - change.at);
      apply({.at = at, .bytes = change.bytes.substr(from, static_cast<std::size_t>(kept))}, bytes);
    }
    at = end;
  }
}

inline void MemBytes::apply(const Change& change, std::string& bytes) {
  switch (change.kind) {
    case Kind::write:
      if (bytes.size() < change.at + change.bytes.size())
        bytes.resize(change.at + change.bytes.size());
      if (!change.bytes.empty())
        std::memcpy(bytes.data() + change.at, change.bytes.data(), change.bytes.size());
      break;
    case Kind::truncate: bytes.resize(change.at); break;
    case Kind::reserve: bytes.resize(std::max<std::size_t>(bytes.size(), change.at)); break;
  }
}

inline void MemBytes::flip_bit(std::uint64_t offset, int bit) {
  for (std::string* bytes : {&visible_, &durable_}) {
    if (offset < bytes->size()) (*bytes)[offset] = static_cast<char>((*bytes)[offset] ^ (1 << bit));
  }
}

}  // namespace causeway::sim
