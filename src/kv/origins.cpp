#include "kv/origins.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "kv/limits.hpp"
#include "kv/stored.hpp"
#include "kv/table_keys.hpp"

namespace causeway::kv {
namespace {

constexpr std::uint8_t kOriginFormat = 1;
constexpr std::size_t kPairSize = 16;

std::string encode_origin(const OriginState& origin) {
  std::string row;
  row.reserve(3 + (4 + 2 * origin.incarnations.size()) * sizeof(std::uint64_t));
  ByteWriter out(row);
  out.u8(kOriginFormat);
  out.u64(origin.start_number);
  out.u64(origin.settled.value);
  out.u64(origin.chain);
  out.u64(origin.history_floor.value);
  out.u8(origin.incarnations_dropped ? 1 : 0);
  out.u8(static_cast<std::uint8_t>(origin.incarnations.size()));
  for (const IncarnationState& incarnation : origin.incarnations) {
    out.u64(incarnation.id.value);
    out.u64(incarnation.lowest_unanswered);
  }
  return row;
}

bool decode_origin(std::string_view row, OriginState& origin) {
  ByteReader in(row);
  if (in.u8() != kOriginFormat) return false;
  origin.start_number = in.u64();
  origin.settled = {in.u64()};
  origin.chain = in.u64();
  origin.history_floor = {in.u64()};
  origin.incarnations_dropped = in.u8() != 0;
  const std::size_t count = in.u8();
  if (count > kIncarnationsMax) return false;
  for (std::size_t i = 0; i < count; ++i) {
    IncarnationState& incarnation = origin.incarnations.emplace_back();
    incarnation.id = {in.u64()};
    incarnation.lowest_unanswered = in.u64();
  }
  return in.done();
}

// The number at `place` (0 first) in a key of numbers; `key` is long enough.
std::uint64_t number_in(std::string_view key, std::size_t place) {
  return keys::trailing_number(key.substr(0, 1 + 8 * (place + 1)));
}

}  // namespace

const IncarnationState* OriginState::find(Incarnation incarnation) const {
  const auto found = std::find_if(incarnations.begin(), incarnations.end(),
                                  [&](const auto& each) { return each.id == incarnation; });
  return found == incarnations.end() ? nullptr : &*found;
}

OriginState* Origins::find(Origin origin) {
  const auto found = origins_.find(origin);
  return found == origins_.end() ? nullptr : &found->second;
}

OriginState& Origins::at(Origin origin) {
  OriginState& state = origins_[origin];
  state.id = origin;
  return state;
}

std::vector<OriginStart> Origins::newest_starts() const {
  std::vector<OriginStart> starts;
  for (const auto& [id, origin] : origins_) {
    if (origin.incarnations.empty()) continue;
    starts.push_back({id, origin.incarnations.back().id, origin.start_number});
  }
  return starts;
}

void Origins::changed(OriginState& origin) {
  if (!origin.changed) changed_.push_back(&origin);
  origin.changed = true;
}

void Origins::save(Changes& changes) {
  for (OriginState* origin : changed_) {
    changes.put(keys::origin(origin->id), encode_origin(*origin));
    if (const IncarnationState* newest = origin->newest()) {
      origin->results.save({origin->id, newest->id}, changes);
    }
    origin->changed = false;
  }
  changed_.clear();
}

bool Origins::start(OriginState& origin, Incarnation incarnation, std::uint64_t number,
                    Changes& changes) {
  const IncarnationState* known = origin.find(incarnation);
  // The record of the newest start again: its session goes on. A node whose first record was in
  // doubt proposes another.
  if (known != nullptr && known == origin.newest()) {
    if (number < origin.start_number) return false;
    origin.start_number = number;
    this->changed(origin);
    return true;
  }
  // An earlier start is over for good: what it had not got was told to have not happened.
  if (known != nullptr || number <= origin.start_number) return false;

  if (IncarnationState* previous = origin.newest()) {
    origin.results.save({origin.id, previous->id}, changes);
    previous->rows = origin.results.release();
  }
  origin.incarnations.push_back({incarnation, 1, {}});
  origin.start_number = number;
  if (origin.incarnations.size() > kIncarnationsMax) {
    const IncarnationState& oldest = origin.incarnations.front();
    for (const std::uint64_t row : oldest.rows) {
      changes.remove(keys::results(origin.id, oldest.id, row));
    }
    origin.incarnations.erase(origin.incarnations.begin());
    origin.incarnations_dropped = true;
  }
  this->changed(origin);
  return true;
}

void Origins::answered_below(OriginState& origin, std::uint64_t lowest, Changes& changes) {
  IncarnationState* newest = origin.newest();
  CAUSEWAY_CHECK(newest != nullptr);
  if (lowest <= newest->lowest_unanswered) return;
  newest->lowest_unanswered = lowest;
  origin.results.forget_below(lowest, {origin.id, newest->id}, changes);
  this->changed(origin);
}

void Origins::learnt(OriginState& origin, Sequence through, Changes& changes) {
  while (!origin.unlearnt.empty() && origin.unlearnt.front() <= through) {
    changes.remove(keys::verdict({origin.id, origin.unlearnt.front()}));
    origin.unlearnt.pop_front();
  }
}

void Origins::settled(OriginState& origin,
                      const std::vector<std::pair<Sequence, std::uint64_t>>& pairs,
                      Changes& changes) {
  if (pairs.empty()) return;
  std::string row;
  row.reserve(pairs.size() * kPairSize);
  ByteWriter out(row);
  for (const auto& [sequence, chain] : pairs) {
    out.u64(sequence.value);
    out.u64(chain);
    origin.unlearnt.push_back(sequence);
  }
  origin.settled = pairs.back().first;
  origin.chain = pairs.back().second;
  changes.put(keys::history({origin.id, origin.settled}), std::move(row));
  origin.history.push_back({origin.settled, pairs.size()});
  origin.history_count += pairs.size();
  while (origin.history_count - origin.history.front().count >= kChainHistoryMin) {
    const HistoryRow oldest = origin.history.front();
    changes.remove(keys::history({origin.id, oldest.last}));
    origin.history_floor = oldest.last;
    origin.history_count -= oldest.count;
    origin.history.pop_front();
  }
  this->changed(origin);
}

Result<void> Origins::load(const Changes& table) {
  bool good = true;
  CAUSEWAY_TRY(table.scan(std::string(1, keys::kOrigin), keys::behind_kind(keys::kOrigin),
                          [&](std::string_view key, std::string_view row) {
                            OriginState& origin = at({keys::trailing_number(key)});
                            good = decode_origin(row, origin);
                            return good;
                          }));
  if (!good) return damaged("an origin's row does not decode");
  CAUSEWAY_TRY(load_results(table));
  return load_settling(table);
}

Result<void> Origins::load_results(const Changes& table) {
  bool good = true;
  CAUSEWAY_TRY(table.scan(std::string(1, keys::kResults), keys::behind_kind(keys::kResults),
                          [&](std::string_view key, std::string_view bytes) {
                            OriginState* origin = find({number_in(key, 0)});
                            const Incarnation id{number_in(key, 1)};
                            if (origin == nullptr || origin->find(id) == nullptr)
                              return good = false;
                            const std::uint64_t row_number = number_in(key, 2);
                            if (id != origin->newest()->id) {
                              const auto old = std::find_if(
                                  origin->incarnations.begin(), origin->incarnations.end(),
                                  [&](const auto& each) { return each.id == id; });
                              old->rows.push_back(row_number);
                              return true;
                            }
                            const std::optional<ResultRow> row = decode_results(bytes);
                            if (row) origin->results.load(row_number, *row);
                            return good = row.has_value();
                          }));
  if (!good) return damaged("a row of results does not decode, or is nobody's");
  return success();
}

Result<void> Origins::load_settling(const Changes& table) {
  bool good = true;
  CAUSEWAY_TRY(table.scan(std::string(1, keys::kVerdict), keys::behind_kind(keys::kVerdict),
                          [&](std::string_view key, std::string_view) {
                            OriginState* origin = find({number_in(key, 0)});
                            if (origin == nullptr) return good = false;
                            origin->unlearnt.push_back({number_in(key, 1)});
                            return true;
                          }));
  if (!good) return damaged("a verdict is nobody's");
  CAUSEWAY_TRY(table.scan(std::string(1, keys::kHistory), keys::behind_kind(keys::kHistory),
                          [&](std::string_view key, std::string_view row) {
                            OriginState* origin = find({number_in(key, 0)});
                            if (origin == nullptr) return good = false;
                            const std::size_t count = row.size() / kPairSize;
                            origin->history.push_back({{number_in(key, 1)}, count});
                            origin->history_count += count;
                            return true;
                          }));
  if (!good) return damaged("a history is nobody's");
  return success();
}

namespace {

using Pair = std::pair<Sequence, std::uint64_t>;

Result<std::vector<Pair>> read_history(const OriginState& origin, const HistoryRow& row,
                                       Changes& changes) {
  CAUSEWAY_TRY(bytes, changes.get(keys::history({origin.id, row.last})));
  if (!bytes || row.count == 0 || bytes->size() != row.count * kPairSize) {
    return damaged("a history's row");
  }
  std::vector<Pair> pairs;
  for (ByteReader in(*bytes); in.left() > 0;) {
    const Sequence settled{in.u64()};
    pairs.emplace_back(settled, in.u64());
  }
  return pairs;
}

}  // namespace

Result<Known> settled_before(const OriginState& origin, const crdt::OfflineWrite& item,
                             Changes& changes) {
  const Sequence sequence = item.old_dot.sequence;
  if (sequence > origin.settled) return Known::never_settled;
  if (sequence <= origin.history_floor) return Known::perhaps_settled;
  // From here on the history is whole: what does not stand in it never settled under that number.
  const auto row = std::find_if(origin.history.begin(), origin.history.end(),
                                [&](const HistoryRow& each) { return each.last >= sequence; });
  if (row == origin.history.end()) return damaged("an origin's history ends too early");
  CAUSEWAY_TRY(pairs, read_history(origin, *row, changes));
  const auto pair = std::find_if(pairs.begin(), pairs.end(),
                                 [&](const Pair& each) { return each.first == sequence; });
  if (pair == pairs.end()) return Known::never_settled;
  // Which write settled under that number, only the chain value before it tells.
  std::uint64_t before = 0;
  if (pair != pairs.begin()) {
    before = std::prev(pair)->second;
  } else if (row != origin.history.begin()) {
    CAUSEWAY_TRY(earlier, read_history(origin, *std::prev(row), changes));
    before = earlier.back().second;
  } else if (origin.history_floor.value != 0) {
    return Known::perhaps_settled;
  }
  return crdt::is_settled_as(item, before, pair->second) ? Known::settled : Known::never_settled;
}

}  // namespace causeway::kv
