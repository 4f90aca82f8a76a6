// A state machine on a table in memory, and short ways to make commands for it.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "kv/applier.hpp"
#include "kv/command.hpp"
#include "sim/map_table.hpp"

namespace causeway::kv::testing {

using causeway::sim::MapTable;
using crdt::OfflineWrite;
using Status = WriteResult::Status;

inline constexpr Origin kA{0xa};
inline constexpr Origin kB{0xb};
inline constexpr Incarnation kFirst{101};
inline constexpr Incarnation kSecond{102};

/// The log time of the entry at `index`, when a test does not care.
inline constexpr Stamp log_time_at(std::uint64_t index) { return {1000 * index}; }

/// A consistent write by `kA`'s first start, to change where a test cares.
struct WriteOf {
  CommandKind kind = CommandKind::set;
  std::uint64_t number = 1;
  std::string key = "k";
  std::string value = "v";
  std::optional<std::string> expected = std::nullopt;
  std::uint64_t lowest = 1;
  std::uint64_t reached = 0;
  Origin origin = kA;
  Incarnation incarnation = kFirst;
};
[[nodiscard]] Blob command(const WriteOf& of);

/// An offline write of `kB`, to change where a test cares.
struct Offline {
  std::uint64_t sequence = 1;
  std::string key = "k";
  std::string value = "v";
  bool deleted = false;
  std::uint64_t stamp = 500;
  std::uint64_t seen = 0;
  Origin origin = kB;
  Dot old_dot = {};
  std::uint64_t old_chain = 0;
};
[[nodiscard]] OfflineWrite offline(const Offline& of);

[[nodiscard]] std::vector<crdt::VerdictKind> kinds(const std::vector<crdt::Verdict>& verdicts);

/// An origin's journal as far as settling needs it: makes batches that follow each other.
class Proposer {
 public:
  explicit Proposer(Origin origin = kB) : origin_(origin) {}

  /// The next batch; the proposer counts on its being applied.
  [[nodiscard]] Settle batch(std::vector<Offline> items);
  [[nodiscard]] std::uint64_t chain() const { return chain_; }
  [[nodiscard]] Sequence follows() const { return follows_; }
  Sequence learnt_through;

 private:
  Origin origin_;
  std::uint64_t number_ = 0;
  Sequence follows_;
  std::uint64_t chain_ = 0;
};

/// Feeds entries one index after the other and asks questions.
class Machine {
 public:
  explicit Machine(Origin own = kA);

  /// Entries of one Apply, at the next indices.
  Applied apply(std::vector<Blob> payloads);
  WriteResult write(const WriteOf& of);
  SettleResult settle(const Settle& batch);
  StartResult start(Origin origin, Incarnation incarnation, std::uint64_t number);

  std::vector<Output> step(std::vector<Input> inputs);
  GetResult get(std::string_view key, bool local = false);
  std::vector<Conflict> conflicts();
  ConflictList list_conflicts();
  SettledState settled();
  OutcomeFound::State outcome(Incarnation incarnation, std::uint64_t number, Incarnation running);
  void put_pending(const OfflineWrite& write);
  std::optional<crdt::PendingWrite> find_pending(std::string_view key);

  /// The process dies; the table keeps the oldest `kept` of its unflushed batches.
  void restart(std::size_t kept = static_cast<std::size_t>(-1));

  /// The next entry to be applied with this payload, without applying it.
  [[nodiscard]] LogEntry entry(Blob payload);

  MapTable table;
  std::unique_ptr<Applier> applier;
  std::vector<LogEntry> log;  ///< all entries so far

 private:
  template <class T>
  T ask(Input input);

  Origin own_;
};

}  // namespace causeway::kv::testing
