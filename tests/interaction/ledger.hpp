// What each entry of the log did, found out by applying it once more.
//
// A node learns only what became of its own writes. The narration wants to tell of every entry at
// the moment when the first node applies it; so it keeps, for each origin, a state machine of its
// own that calls itself by that origin and is given the log entry by entry.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "interaction/words.hpp"
#include "kv/applier.hpp"
#include "sim/map_table.hpp"

namespace causeway::testing {

class Ledger {
 public:
  explicit Ledger(const Words& words) : words_(words) {}

  /// The next entry: what it asked for, and what came of it.
  [[nodiscard]] std::string apply(const kv::LogEntry& entry);

 private:
  struct Shadow {
    sim::MapTable table;
    std::unique_ptr<kv::Applier> applier;
  };

  kv::Applied applied_at(Shadow& shadow, const kv::LogEntry& entry);
  Shadow& shadow_of(Origin origin);
  [[nodiscard]] std::string told(const kv::Write& write, const kv::WriteResult& result) const;
  [[nodiscard]] std::string told(const kv::Settle& settle, const kv::SettleResult& result) const;

  const Words& words_;
  std::vector<kv::LogEntry> entries_;  ///< all so far, for shadows that begin later
  std::map<Origin, Shadow> shadows_;
};

}  // namespace causeway::testing
