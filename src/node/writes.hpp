// Consistent sets, deletes and swaps, from the call to the answer (design 3.4).
//
// Each is proposed under a number of this start's session, so that the state machine lets it take
// effect once. What makes `timeout` mean "did not happen, and never will" is that the answer is
// given only where that is certain: the proposal never left, or the leader refused it for good, or
// its term is over and it is not in that term's log. Otherwise the call waits on, or is answered
// in_doubt where the caller asked for that.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "node/admission.hpp"
#include "node/core.hpp"
#include "node/deadlines.hpp"
#include "node/pending_gate.hpp"

namespace causeway::node {

class Writes {
 public:
  /// Results of reported writes stay in the state while these hold: so many, and so many numbers
  /// back. Far fewer than the state keeps, so that they never stop new writes.
  static constexpr std::size_t kReportedMax = 256;
  static constexpr std::uint64_t kReportedSpanMax = 4096;

  Writes(Admission& admission, PendingGate& gate) : admission_(admission), gate_(gate) {}

  void arrive(Turn& turn, CallHandle handle, wire::WriteCall call);
  /// Released by the gate: nothing of the key is pending any more.
  void released(Turn& turn, std::uint64_t number);
  /// This start's session is open in the log: writes may be proposed.
  void session_opened(Turn& turn);
  void applied(Turn& turn, const kv::WriteResult& result);
  void dropped(Turn& turn, std::uint64_t number, consensus::Dropped why);
  /// These offline writes have been proposed: a write of such a key that was taken before them is
  /// never proposed again.
  void offline_proposed(Turn& turn, const std::vector<crdt::OfflineWrite>& items);
  void due(Turn& turn);
  void connection_closed(Turn& turn, std::uint64_t connection);
  /// Withdraws all; `end` answers what is still open as in doubt.
  void stop(Turn& turn);
  void end(Turn& turn);

  [[nodiscard]] std::uint64_t numbers_given() const { return numbers_given_; }
  [[nodiscard]] bool empty() const { return open_.size() == reported_open_; }
  [[nodiscard]] Instant next_deadline() const { return deadlines_.next(); }
  /// What became of a write of this start; empty: ask the state.
  [[nodiscard]] std::optional<OutcomeResult::State> outcome(std::uint64_t number) const;
  /// Writes whose outcome became known since the last call.
  [[nodiscard]] bool take_outcomes_changed() { return std::exchange(outcomes_changed_, false); }

 private:
  enum class Stage : std::uint8_t { gated, before_session, proposed };

  struct Write {
    CallHandle handle;
    wire::WriteCall call;
    Sequence reached;                 ///< offline writes given out when the call was taken
    std::optional<Instant> deadline;  ///< as it stands in deadlines_
    Stage stage = Stage::gated;
    Blob payload;            ///< once proposed
    bool expired = false;    ///< the budget is over: asked to be withdrawn
    bool abandoned = false;  ///< nobody waits for the answer
    bool overtaken = false;  ///< may not be proposed again
    bool reported = false;   ///< answered as in doubt; kept until it is decided
    std::size_t bytes = 0;   ///< of its key and values, as they count in open_bytes_
  };
  using Open = std::map<std::uint64_t, Write>;

  void propose(Turn& turn, std::uint64_t number, Write& write);
  void withdraw(Turn& turn, std::uint64_t number);
  void finish(Turn& turn, Open::iterator at, wire::Reply reply, OutcomeResult::State outcome);
  void report_in_doubt(Turn& turn, Open::iterator at);
  void expire(Turn& turn, Open::iterator at);
  [[nodiscard]] std::uint64_t lowest_unanswered();

  Admission& admission_;
  PendingGate& gate_;
  Open open_;                   ///< by number
  std::size_t open_bytes_ = 0;  ///< that these hold: they may wait for days
  std::uint64_t numbers_given_ = 0;
  bool session_open_ = false;
  bool stopping_ = false;
  std::vector<std::uint64_t> before_session_;
  Deadlines deadlines_;
  std::size_t reported_open_ = 0;
  /// Answered as in doubt: their results are kept in the state while they stand here.
  std::set<std::uint64_t> reported_;
  std::map<std::uint64_t, OutcomeResult::State> outcomes_;  ///< of reported ones that are decided
  bool outcomes_changed_ = false;
};

}  // namespace causeway::node
