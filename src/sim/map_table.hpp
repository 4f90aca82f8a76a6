// A Table in memory that can lose what it held back, as RocksDB without its own log does at a
// crash.
//
// Header only, so that tests of any folder may use it. Batches are flushed in order and never in
// part; `crash` undoes the newest, and keeps as many of the unflushed ones as it is told.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "kv/table.hpp"

namespace causeway::sim {

class MapTable final : public kv::Table {
 public:
  using Rows = std::map<std::string, std::string, std::less<>>;

  Result<std::optional<std::string>> get(std::string_view key) const override {
    ++reads_;
    if (failing_) return failure();
    const auto found = rows_.find(key);
    if (found == rows_.end()) return std::optional<std::string>{};
    return std::optional<std::string>{found->second};
  }

  Result<void> scan(std::string_view from, std::string_view to,
                    const std::function<bool(std::string_view key, std::string_view value)>& visit)
      const override {
    if (failing_) return failure();
    for (auto row = rows_.lower_bound(from); row != rows_.end() && row->first < to; ++row) {
      if (!visit(row->first, row->second)) break;
    }
    return success();
  }

  Result<void> write(const kv::Batch& batch) override {
    if (failing_ || writes_left_ == 0) {
      failing_ = true;
      return failure();
    }
    if (writes_left_) --*writes_left_;
    std::string& undo = unflushed_.emplace_back();
    undo.reserve(kUndoBytes * batch.ops.size());
    for (const kv::Batch::Op& op : batch.ops) change(op, undo);
    return success();
  }

  /// Makes the oldest `count` unflushed batches safe from a crash.
  void flush(std::size_t count = static_cast<std::size_t>(-1)) {
    for (; count > 0 && !unflushed_.empty(); --count) unflushed_.pop_front();
  }

  /// Power loss: of the unflushed batches only the oldest `kept` survive.
  void crash(std::size_t kept) {
    for (; unflushed_.size() > kept; unflushed_.pop_back()) take_back(unflushed_.back());
    flush();
    failing_ = false;
    writes_left_.reset();
  }

  /// Every write after the next `count` ones fails, and from then on all else.
  void fail_after_writes(std::size_t count) { writes_left_ = count; }
  /// From now on everything fails.
  void fail() { failing_ = true; }

  [[nodiscard]] std::size_t unflushed() const { return unflushed_.size(); }
  [[nodiscard]] const Rows& rows() const { return rows_; }
  /// Point reads so far: tests that a path reads nothing.
  [[nodiscard]] std::size_t reads() const { return reads_; }

  /// The rows that are the same on every node: all but the journal's index.
  [[nodiscard]] Rows replicated() const {
    Rows rows = rows_;
    std::erase_if(rows, [](const auto& row) { return row.first[0] == 'q' || row.first[0] == 'j'; });
    return rows;
  }

  /// For tests of damage.
  void overwrite(std::string key, std::string value) { rows_[std::move(key)] = std::move(value); }

 private:
  static Error failure() { return {Errc::io, "the table was told to fail"}; }

  /// Appends the row as it was to `undo`.
  void change(const kv::Batch::Op& op, std::string& undo) {
    CAUSEWAY_CHECK(!op.key.empty());
    const auto row = rows_.lower_bound(op.key);
    const bool there = row != rows_.end() && row->first == op.key;
    ByteWriter out(undo);
    out.sized(op.key);
    out.u8(there ? 1 : 0);
    out.sized(there ? std::string_view(row->second) : std::string_view());
    if (there && op.value) {
      row->second = *op.value;
    } else if (there) {
      rows_.erase(row);
    } else if (op.value) {
      rows_.emplace_hint(row, op.key, *op.value);
    }
  }

  void take_back(std::string_view undo) {
    struct Was {
      std::string_view key;
      bool there = false;
      std::string_view value;
    };
    std::vector<Was> all;
    for (ByteReader in(undo); in.left() != 0;)
      all.push_back({.key = in.sized(), .there = in.u8() == 1, .value = in.sized()});
    for (auto was = all.rbegin(); was != all.rend(); ++was) {
      if (was->there) {
        rows_.insert_or_assign(std::string(was->key), std::string(was->value));
      } else {
        rows_.erase(std::string(was->key));
      }
    }
  }

  static constexpr std::size_t kUndoBytes = 64;  ///< about so many for a row

  Rows rows_;
  /// What undoes each batch: the rows as they were, one behind the other. In few bytes, since there
  /// may be hundreds, and they pass through the cache.
  std::deque<std::string> unflushed_;
  std::optional<std::size_t> writes_left_;
  bool failing_ = false;
  mutable std::size_t reads_ = 0;
};

}  // namespace causeway::sim
