#include "consensus/log_view.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.hpp"

namespace causeway::consensus {
namespace {

std::size_t memory_of(const Entry& entry) { return sizeof(Entry) + entry.payload.size(); }

Error corrupt(const Entry& entry, const char* what) {
  return {Errc::corrupt, "log entry " + std::to_string(entry.index.value) + " " + what};
}

}  // namespace

void LogView::append(Entry entry) {
  CAUSEWAY_CHECK(entry.index > before_cache_.index);
  if (entry.index <= last().index) truncate_from(entry.index);
  CAUSEWAY_CHECK(entry.index == last().index.next());
  CAUSEWAY_CHECK(entry.term >= last().term);
  if (runs_.empty() || runs_.back().term != entry.term) runs_.push_back({entry.index, entry.term});
  if (entry.kind == EntryKind::configuration) {
    auto decoded = Configuration::decode(entry.payload.view());
    CAUSEWAY_CHECK(decoded.has_value());
    configurations_.push_back({entry.index, std::move(decoded).value()});
  }
  cache_bytes_ += memory_of(entry);
  cache_.push_back(std::move(entry));
}

Result<void> LogView::check(const Entry& entry) const {
  if (entry.index <= before_cache_.index)
    return corrupt(entry, "replaces one that may be committed");
  if (entry.index > last().index.next()) return corrupt(entry, "leaves a gap");
  const LogPosition before = *position(entry.index.previous());
  if (entry.term < before.term) return corrupt(entry, "falls back in term");
  if (entry.log_time <= before.log_time) return corrupt(entry, "does not rise in log time");
  if (entry.hash != running_hash(before.hash, entry)) return corrupt(entry, "does not chain");
  switch (entry.kind) {
    case EntryKind::command: return success();
    case EntryKind::configuration:
      if (auto decoded = Configuration::decode(entry.payload.view()); !decoded) {
        return std::move(decoded).error();
      }
      return success();
  }
  return corrupt(entry, "is of an unknown kind");
}

void LogView::truncate_from(LogIndex index) {
  while (!cache_.empty() && cache_.back().index >= index) {
    cache_bytes_ -= memory_of(cache_.back());
    cache_.pop_back();
  }
  while (!runs_.empty() && runs_.back().first >= index) runs_.pop_back();
  while (!configurations_.empty() && configurations_.back().index >= index) {
    configurations_.pop_back();
  }
}

LogPosition LogView::last() const {
  return cache_.empty() ? before_cache_ : position_of(cache_.back());
}

std::optional<Term> LogView::term_of(LogIndex index) const {
  if (index.value == 0) return Term{};
  if (index > last().index) return std::nullopt;
  if (const Entry* entry = find(index)) return entry->term;
  const auto behind = std::ranges::upper_bound(runs_, index, {}, &Run::first);
  return std::prev(behind)->term;
}

LogIndex LogView::first_of_term_at(LogIndex index) const {
  CAUSEWAY_CHECK(index <= last().index);
  const auto behind = std::ranges::upper_bound(runs_, index, {}, &Run::first);
  return behind == runs_.begin() ? LogIndex{} : std::prev(behind)->first;
}

LogIndex LogView::last_at_or_below(Term term) const {
  const auto above = std::ranges::upper_bound(runs_, term, {}, &Run::term);
  return above == runs_.end() ? last().index : above->first.previous();
}

const Entry* LogView::find(LogIndex index) const {
  if (index <= before_cache_.index || index > last().index) return nullptr;
  return &cache_[index.value - before_cache_.index.value - 1];
}

std::optional<LogPosition> LogView::position(LogIndex index) const {
  if (index.value == 0) return LogPosition{};
  if (index == before_cache_.index) return before_cache_;
  if (const Entry* entry = find(index)) return position_of(*entry);
  return std::nullopt;
}

LogIndex LogView::first_cached() const { return before_cache_.index.next(); }

void LogView::evict(LogIndex index, std::size_t bytes_max) {
  while (!cache_.empty() && cache_.front().index <= index && cache_bytes_ > bytes_max) {
    before_cache_ = position_of(cache_.front());
    cache_bytes_ -= memory_of(cache_.front());
    cache_.pop_front();
  }
  while (configurations_.size() > 1 && configurations_[1].index <= index) {
    configurations_.erase(configurations_.begin());
  }
}

}  // namespace causeway::consensus
