// The ordered table under the state machine: RocksDB in a node, a map in tests and simulations.
//
// Batches are atomic and kept in order, and may be held back: after a crash the table shows the
// state behind some earlier batch, never a part of one. The Raft log is its write-ahead log, so
// nothing here is synced.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <causeway/result.hpp>

namespace causeway::kv {

/// Writes that take effect together, in order.
struct Batch {
  struct Op {
    std::string key;
    std::optional<std::string> value;  ///< empty: delete
  };
  std::vector<Op> ops;

  void put(std::string key, std::string value) {
    ops.push_back({std::move(key), std::move(value)});
  }
  void remove(std::string key) { ops.push_back({std::move(key), std::nullopt}); }
  [[nodiscard]] bool empty() const { return ops.empty(); }
  void clear() { ops.clear(); }
};

/// Owned by the apply thread. Keys and values are any bytes.
class Table {
 public:
  virtual ~Table() = default;
  virtual Result<std::optional<std::string>> get(std::string_view key) const = 0;
  /// Visits keys in [from, to) ascending until `visit` says false. The table must not be written
  /// meanwhile.
  virtual Result<void> scan(
      std::string_view from, std::string_view to,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const = 0;
  virtual Result<void> write(const Batch& batch) = 0;
};

}  // namespace causeway::kv
