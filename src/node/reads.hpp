// Gets: linearizable ones by a ReadIndex that all gets of a turn share, local ones straight from
// the applier.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "node/admission.hpp"
#include "node/core.hpp"
#include "node/deadlines.hpp"
#include "node/pending_gate.hpp"

namespace causeway::node {

class Reads {
 public:
  Reads(Admission& admission, PendingGate& gate) : admission_(admission), gate_(gate) {}

  void arrive(Turn& turn, CallHandle handle, wire::GetCall call);
  /// Released by the gate: nothing of the key is pending any more.
  void released(std::uint64_t number);
  /// Once a turn: one read of consensus for all gets that came in it.
  void begin_group(Turn& turn);
  void ready(Turn& turn, std::uint64_t group, LogIndex index);
  /// Entries up to `given` have been handed to the applier: what is asked now is answered behind
  /// them.
  void given(Turn& turn, LogIndex given);
  void found(Turn& turn, kv::GetResult result);
  void due(Turn& turn);
  void connection_closed(Turn& turn, std::uint64_t connection);
  void stop(Turn& turn);

  [[nodiscard]] bool empty() const { return open_.empty(); }
  [[nodiscard]] Instant next_deadline() const { return deadlines_.next(); }

 private:
  struct Read {
    CallHandle handle;
    std::string key;
    bool consistent = true;
    std::optional<Instant> deadline;
    std::uint64_t group = 0;  ///< waits for this read of consensus; 0: none yet, or confirmed
  };
  using Open = std::map<std::uint64_t, Read>;

  void ask(Turn& turn, std::uint64_t number, Read& read);
  void finish(Turn& turn, Open::iterator at, wire::Reply reply);
  void give_up(Turn& turn, Open::iterator at, wire::Reply reply);

  Admission& admission_;
  PendingGate& gate_;
  Open open_;
  std::vector<std::uint64_t> next_group_;  ///< gets that the next read will serve
  std::map<std::uint64_t, std::set<std::uint64_t>>
      groups_;  ///< read of consensus -> gets that wait for it
  std::multimap<LogIndex, std::uint64_t>
      confirmed_;  ///< wait until the applier was given this index
  Deadlines deadlines_;
};

}  // namespace causeway::node
