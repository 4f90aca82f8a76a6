// The batch that is being built, and reads that see it.
//
// Many entries go to the table as one batch. An entry that reads must see what the ones before it
// wrote, or a swap in the middle of a batch would be judged by a value that is no longer there.
// Most entries never read; so the index over the batch is only built, up to where it is needed,
// when somebody reads.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "kv/table.hpp"
#include <causeway/result.hpp>

namespace causeway::kv {

class Changes {
 public:
  explicit Changes(Table& table) : table_(table) {}

  void put(std::string key, std::string value) {
    bytes_ += key.size() + value.size();
    batch_.put(std::move(key), std::move(value));
  }
  void remove(std::string key) {
    bytes_ += key.size();
    batch_.remove(std::move(key));
  }

  /// What stands under `key` behind the changes made so far.
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key);

  [[nodiscard]] bool empty() const { return batch_.empty(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  /// Writes the batch to the table and begins the next one. Nothing is written when there are no
  /// changes.
  [[nodiscard]] Result<void> write();

  /// Only with nothing unwritten: see Table::scan.
  [[nodiscard]] Result<void> scan(
      std::string_view from, std::string_view to,
      const std::function<bool(std::string_view key, std::string_view value)>& visit) const;

 private:
  const Batch::Op* newest(std::string_view key);

  Table& table_;
  Batch batch_;
  std::size_t bytes_ = 0;
  // The newest change of each key among the first `indexed_` ones, by the key's hash. Two keys with
  // one hash share a place; newest() notices and looks through the batch.
  std::unordered_map<std::uint64_t, std::size_t> index_;
  std::size_t indexed_ = 0;
};

}  // namespace causeway::kv
