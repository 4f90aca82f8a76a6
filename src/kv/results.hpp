// What the writes of one start of a node came to, by which a write that arrives twice takes effect
// once (design 3.4).
//
// A result is kept from the number that its caller calls the lowest unanswered one; below that
// nobody will ask. Results of 64 neighbouring numbers share a row of the table, and a batch writes
// only the rows in which something was added.
//
// What a row holds must depend on the log alone, not on how the log was cut into batches. So
// results fall away at two moments only, both made by an entry: all of a row when the lowest
// unanswered number leaves it, and those below that number when a result is added to their row.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/applier.hpp"
#include "kv/changes.hpp"
#include "kv/limits.hpp"
#include <causeway/types.hpp>

namespace causeway::kv {

/// A result without a value: a mismatch that is asked for again answers with what stands there by
/// then.
struct KeptResult {
  WriteResult::Status status = WriteResult::Status::done;  ///< done, absent, mismatch or overtaken
  bool tombstone = false;                                  ///< done, absent: what was written ...
  LogIndex revision;                                       ///< ... and its version
  Stamp stamp;
  Sequence sequence;
};

/// Whose results: names their rows.
struct ResultsOf {
  Origin origin;
  Incarnation incarnation;
};

/// One row, decoded.
struct ResultRow {
  std::uint64_t present = 0;  ///< bit i: the i-th number of the row has a result
  std::array<KeptResult, kResultsPerRow> results;
  bool changed = false;  ///< since the last save
  bool saved = false;    ///< stands in the table, or in a batch on its way there

  [[nodiscard]] const KeptResult* find(std::uint64_t number) const;
};
[[nodiscard]] std::string encode_results(const ResultRow& row);
[[nodiscard]] std::optional<ResultRow> decode_results(std::string_view bytes);

/// The results of an origin's newest start, which alone gets new ones.
class Results {
 public:
  [[nodiscard]] const KeptResult* find(std::uint64_t number) const;

  /// `number` must be at or above `lowest`.
  void keep(std::uint64_t number, const KeptResult& result, std::uint64_t lowest);
  void forget_below(std::uint64_t lowest, ResultsOf whose, Changes& changes);

  void save(ResultsOf whose, Changes& changes);
  void load(std::uint64_t row_number, ResultRow row);
  /// Lets go of everything; returns the numbers of the rows that stand in the table. Save first.
  [[nodiscard]] std::vector<std::uint64_t> release();

 private:
  std::map<std::uint64_t, ResultRow> rows_;  // by number / kResultsPerRow
};

}  // namespace causeway::kv
