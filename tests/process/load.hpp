// Clients that keep a cluster busy while the test troubles its nodes, and remember all that they
// saw.
//
// Each client is a thread with a connection of its own, to one node at a time; when that node goes,
// it takes another. No client checks anything: the histories are judged when all is quiet again.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "sim/linearizability.hpp"
#include <causeway/client.hpp>

namespace causeway::test {

using sim::check_linearizable;
using sim::HistoryVerdict;
using sim::Operation;
using sim::to_string;

struct LoadOptions {
  std::vector<std::string> servers;
  std::size_t clients = 8;
  std::size_t keys = 6;
  std::size_t operations_max = 1200;   ///< of each client
  std::chrono::milliseconds pause{3};  ///< between two operations of a client
  std::uint64_t seed = 1;
  /// Of a hundred operations; the rest are consistent gets, sets, swaps and a few removes.
  std::size_t offline_percent = 0;  ///< offline sets and a few removes
  std::size_t local_percent = 0;    ///< inconsistent gets
  /// Consistent calls block, wait out their doubt, or have 10 ms to 3 s; else each has 3 s.
  bool varied_budgets = false;
  /// A client asks at once, and now and then, what became of its offline writes.
  bool asks_for_verdicts = false;
};

/// An offline write as its client saw it.
struct OfflineRecord {
  std::size_t server = 0;  ///< which of LoadOptions::servers took it
  std::string key;
  std::optional<std::string> value;  ///< empty: a delete
  bool acknowledged = false;         ///< no: the connection was lost, it may or may not be there
  std::string token;
  Version version;
  std::uint64_t called = 0;
  /// What `await` said, and when; the state is pending while nobody asked.
  AwaitResult verdict;
  std::uint64_t settled_by = 0;
};

/// A consistent write that was in doubt, with an id to ask about.
struct DoubtRecord {
  std::size_t server = 0;
  std::size_t operation = 0;  ///< place in Seen::history
  std::string id;
};

/// An inconsistent get.
struct LocalRecord {
  std::size_t server = 0;
  std::string key;
  std::optional<std::string> value;
  std::uint64_t called = 0;
  std::uint64_t answered = 0;
  LogIndex revision;  ///< behind a committed value or tombstone; 0: pending, or nothing known
};

/// What one client saw.
struct Seen {
  std::vector<Operation> history;  ///< consistent operations
  std::vector<Version> versions;  ///< beside history: of what was written, revision 0 where unknown
  std::vector<DoubtRecord> doubts;
  std::vector<OfflineRecord> offline;
  std::vector<LocalRecord> local;
  std::vector<std::string> surprises;  ///< errors that no fault explains
};

class Load {
 public:
  /// Starts all clients. `round` makes the values of several loads over the same keys different.
  Load(LoadOptions options, std::uint64_t round);
  ~Load() { finish(); }

  /// Tells the clients to end.
  void stop() { stop_ = true; }
  /// They have ended, all of them.
  [[nodiscard]] bool ended() const { return ended_ == options_.clients; }
  /// Waits for their end, and hands over what they saw.
  std::vector<Seen> finish();

 private:
  LoadOptions options_;
  std::atomic<bool> stop_{false};
  std::atomic<std::size_t> ended_{0};
  std::vector<Seen> seen_;
  std::vector<std::thread> threads_;
};

/// Nanoseconds of the clock that all clients of this program share.
[[nodiscard]] std::uint64_t now_ns();

}  // namespace causeway::test
