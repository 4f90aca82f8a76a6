#include "kv/changes.hpp"

#include "base/check.hpp"
#include "base/hash.hpp"

namespace causeway::kv {

const Batch::Op* Changes::newest(std::string_view key) {
  for (; indexed_ < batch_.ops.size(); ++indexed_) {
    index_[hash64(batch_.ops[indexed_].key)] = indexed_;
  }
  const auto found = index_.find(hash64(key));
  if (found == index_.end()) return nullptr;
  for (std::size_t at = found->second + 1; at > 0; --at) {
    const Batch::Op& op = batch_.ops[at - 1];
    if (op.key == key) return &op;
  }
  return nullptr;
}

Result<std::optional<std::string>> Changes::get(std::string_view key) {
  if (!batch_.empty()) {
    if (const Batch::Op* op = newest(key)) return op->value;
  }
  return table_.get(key);
}

Result<void> Changes::write() {
  if (batch_.empty()) return success();
  CAUSEWAY_TRY(table_.write(batch_));
  batch_.clear();
  bytes_ = 0;
  index_.clear();
  indexed_ = 0;
  return success();
}

Result<void> Changes::scan(
    std::string_view from, std::string_view to,
    const std::function<bool(std::string_view key, std::string_view value)>& visit) const {
  CAUSEWAY_CHECK(empty());
  return table_.scan(from, to, visit);
}

}  // namespace causeway::kv
