#include "kv/results.hpp"

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "kv/table_keys.hpp"

namespace causeway::kv {
namespace {

constexpr std::uint8_t kTombstoneBit = 0x80;  // beside the status

bool has_version(WriteResult::Status status) {
  return status == WriteResult::Status::done || status == WriteResult::Status::absent;
}

bool is_kept(WriteResult::Status status) {
  return has_version(status) || status == WriteResult::Status::mismatch ||
         status == WriteResult::Status::overtaken;
}

}  // namespace

const KeptResult* ResultRow::find(std::uint64_t number) const {
  const std::uint64_t at = number % kResultsPerRow;
  return (present >> at & 1) != 0 ? &results[at] : nullptr;
}

std::string encode_results(const ResultRow& row) {
  std::string bytes;
  ByteWriter out(bytes);
  for (std::uint8_t at = 0; at < kResultsPerRow; ++at) {
    const KeptResult* result = row.find(at);
    if (result == nullptr) continue;
    const auto status = static_cast<std::uint8_t>(result->status);
    out.u8(at);
    out.u8(result->tombstone ? status | kTombstoneBit : status);
    if (!has_version(result->status)) continue;
    out.u64(result->revision.value);
    out.u64(result->stamp.value);
    out.u64(result->sequence.value);
  }
  return bytes;
}

std::optional<ResultRow> decode_results(std::string_view bytes) {
  ByteReader in(bytes);
  ResultRow row;
  row.saved = true;
  while (in.left() > 0) {
    const std::uint8_t at = in.u8();
    const std::uint8_t status = in.u8();
    KeptResult result;
    result.tombstone = (status & kTombstoneBit) != 0;
    result.status = static_cast<WriteResult::Status>(status & ~kTombstoneBit);
    if (at >= kResultsPerRow || !is_kept(result.status)) return std::nullopt;
    if (has_version(result.status)) {
      result.revision = {in.u64()};
      result.stamp = {in.u64()};
      result.sequence = {in.u64()};
    }
    if (!in.ok()) return std::nullopt;
    row.present |= std::uint64_t{1} << at;
    row.results[at] = result;
  }
  return row;
}

const KeptResult* Results::find(std::uint64_t number) const {
  const auto row = rows_.find(number / kResultsPerRow);
  return row == rows_.end() ? nullptr : row->second.find(number);
}

void Results::keep(std::uint64_t number, const KeptResult& result, std::uint64_t lowest) {
  CAUSEWAY_CHECK(number >= lowest);
  CAUSEWAY_CHECK(is_kept(result.status));
  const std::uint64_t row_number = number / kResultsPerRow;
  ResultRow& row = rows_[row_number];
  if (row_number == lowest / kResultsPerRow) {
    row.present &= ~std::uint64_t{0} << (lowest % kResultsPerRow);
  }
  const std::uint64_t at = number % kResultsPerRow;
  row.present |= std::uint64_t{1} << at;
  row.results[at] = result;
  row.changed = true;
}

void Results::forget_below(std::uint64_t lowest, ResultsOf whose, Changes& changes) {
  while (!rows_.empty() && rows_.begin()->first < lowest / kResultsPerRow) {
    if (rows_.begin()->second.saved) {
      changes.remove(keys::results(whose.origin, whose.incarnation, rows_.begin()->first));
    }
    rows_.erase(rows_.begin());
  }
}

void Results::save(ResultsOf whose, Changes& changes) {
  for (auto& [number, row] : rows_) {
    if (!row.changed) continue;
    changes.put(keys::results(whose.origin, whose.incarnation, number), encode_results(row));
    row.changed = false;
    row.saved = true;
  }
}

void Results::load(std::uint64_t row_number, ResultRow row) { rows_[row_number] = row; }

std::vector<std::uint64_t> Results::release() {
  std::vector<std::uint64_t> numbers;
  numbers.reserve(rows_.size());
  for (const auto& [number, row] : rows_) {
    CAUSEWAY_CHECK(!row.changed);
    numbers.push_back(number);
  }
  rows_.clear();
  return numbers;
}

}  // namespace causeway::kv
