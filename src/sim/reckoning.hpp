// When all is over: what the clients were told, held against what the nodes say now.
//
//   one-verdict        no two offline writes have one token; each is known to its node, and settled
//   nothing-rejected   no plain write is rejected
//   losers-listed      a superseded value stands in the list of conflicts
//   in-doubt-resolves  its node knows what became of a write in doubt, and forgets it only after so
//                      many starts, later writes or other writes in doubt as it may
//   convergence        through each node a write succeeds; every node answers, and alike
//   linearizable       the history of all consistent operations and of offline writes that won is
//
// and all that Promises judges.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "sim/linearizability.hpp"
#include "sim/network.hpp"
#include "sim/promises.hpp"
#include "wire/rpc.hpp"

namespace causeway::sim {

/// What the clients of a run asked and were told.
struct Told {
  struct OfflineWrite {  ///< acknowledged
    Peer peer = 0;
    std::string token;
    std::size_t at = 0;  ///< in history
  };
  struct Doubt {
    Peer peer = 0;
    std::string operation;
    std::size_t at = 0;        ///< in history
    std::uint64_t starts = 0;  ///< of its node so far
    std::uint64_t writes = 0;  ///< consistent ones, through its node so far
  };

  std::vector<Operation> history;
  std::vector<OfflineWrite> offline;
  std::vector<Doubt> doubts;
  std::array<std::uint64_t, kMachinesMax> starts{};
  std::array<std::uint64_t, kMachinesMax> writes{};    ///< consistent ones that were asked for
  std::array<std::uint64_t, kMachinesMax> doubtful{};  ///< of these: reported so, or given up
  Promises promises;
  std::uint64_t values = 0;  ///< so many were written, each another one
};

class Reckoning {
 public:
  /// The nodes, as a client at each of them sees them.
  struct Nodes {
    std::function<wire::Reply(Peer, const wire::Call&)> ask;
    std::function<std::uint64_t()> now;  ///< in ns, by the clock of the history
  };

  /// keys   of the run: those of 0 to keys - 1
  Reckoning(Told& told, std::size_t node_count, std::size_t keys, Nodes nodes);

  /// Completes the history with what is learnt, and with last writes and reads.
  /// throws   Violation
  void judge();

 private:
  [[nodiscard]] Promises::Fates ask_fates();
  [[nodiscard]] AwaitResult fate_of(Peer peer, const std::string& token);
  void settle(Operation& write, AwaitResult::State state) const;
  [[nodiscard]] std::multiset<std::string> losers();
  void ask_outcomes();
  [[nodiscard]] bool may_be_forgotten(const Told::Doubt& doubt) const;
  void take_outcome(const Told::Doubt& doubt, OutcomeResult::State state);
  void write_everywhere();
  void read_everywhere();
  void judge_history() const;

  Told& told_;
  std::size_t node_count_;
  std::size_t keys_;
  Nodes nodes_;
};

}  // namespace causeway::sim
