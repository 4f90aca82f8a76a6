// Clients that keep a cluster busy while the test kills its nodes, and remember all that they saw.
//
// Each client is a thread with a connection of its own, to one node at a time; when that node goes, it takes
// another. No client checks anything: the histories are judged when all is quiet again.
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
};

/// An offline write as its client saw it.
struct OfflineRecord {
  std::size_t server = 0;  ///< which of LoadOptions::servers took it
  std::string key;
  std::optional<std::string> value;  ///< empty: a delete
  bool acknowledged = false;         ///< no: the connection was lost, it may or may not be there
  std::string token;
  Version version;
};

/// What one client saw.
struct Seen {
  std::vector<Operation> history;  ///< consistent operations
  std::vector<Version> versions;  ///< beside history: of what was written, revision 0 where unknown
  std::vector<OfflineRecord> offline;
  std::vector<std::string> surprises;  ///< errors that no fault explains
};

class Load {
 public:
  /// Consistent gets, sets, swaps and a few removes, through any node, each within 3 s.
  static Seen consistent(const LoadOptions& options, std::size_t client, std::uint64_t round,
                         const std::atomic<bool>& stop);
  /// Offline sets and a few removes, each client at its own node while that is there.
  static Seen offline(const LoadOptions& options, std::size_t client, std::uint64_t round,
                      const std::atomic<bool>& stop);

  using Work = Seen (*)(const LoadOptions&, std::size_t, std::uint64_t, const std::atomic<bool>&);

  /// Starts all clients. `round` makes the values of several loads over the same keys different.
  Load(LoadOptions options, Work work, std::uint64_t round);
  ~Load() { finish(); }

  /// Tells the clients to end, waits for them, and hands over what they saw.
  std::vector<Seen> finish();

 private:
  LoadOptions options_;
  std::atomic<bool> stop_{false};
  std::vector<Seen> seen_;
  std::vector<std::thread> threads_;
};

/// Nanoseconds of the clock that all clients of this program share.
[[nodiscard]] std::uint64_t now_ns();

}  // namespace causeway::test
