// Questions that change nothing: await, outcome, pending, conflicts, status.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "node/admission.hpp"
#include "node/core.hpp"
#include "node/deadlines.hpp"
#include "node/settling.hpp"
#include "node/writes.hpp"

namespace causeway::node {

class Inquiries {
 public:
  Inquiries(Admission& admission, const Writes& writes, const Settling& settling)
      : admission_(admission), writes_(writes), settling_(settling) {}

  void arrive(Turn& turn, CallHandle handle, wire::AwaitCall call);
  void arrive(Turn& turn, CallHandle handle, wire::OutcomeCall call);
  void arrive(Turn& turn, CallHandle handle, const wire::PendingCall& call);
  void arrive(Turn& turn, CallHandle handle, const wire::ConflictsCall& call);
  void arrive(Turn& turn, CallHandle handle, const wire::StatusCall& call);

  void listed(Turn& turn, kv::PendingList list);
  void listed(Turn& turn, kv::ConflictList list);
  void found(Turn& turn, const kv::OutcomeFound& outcome);
  /// Own writes were decided: those that await them are answered.
  void decided(Turn& turn);
  /// Entries were applied: what became of earlier writes may be known now.
  void applied(Turn& turn);
  void due(Turn& turn);
  void connection_closed(Turn& turn, std::uint64_t connection);
  void stop(Turn& turn);

  [[nodiscard]] bool empty() const { return open_.empty(); }
  [[nodiscard]] Instant next_deadline() const { return deadlines_.next(); }

 private:
  enum class Kind : std::uint8_t { await, outcome, pending, conflicts };
  struct Inquiry {
    CallHandle handle;
    Kind kind = Kind::await;
    Waits waits = Waits::locally;
    std::optional<Instant> deadline;
    Sequence sequence;         ///< await
    std::uint64_t number = 0;  ///< outcome
    Incarnation incarnation;   ///< outcome
    bool asked =
        false;  ///< outcome, await: the applier was asked, and nothing new has happened since
    bool under_way = false;  ///< ... and has not answered yet
    bool expired = false;    ///< the time is over: finished by the answer that is under way
    bool held = false;       ///< await: the write is held, so that no later one takes its place
  };
  using Open = std::map<std::uint64_t, Inquiry>;

  Open::iterator open(Turn& turn, CallHandle handle, Kind kind, Waits waits,
                      std::optional<std::uint64_t> timeout_ms);
  static std::uint64_t id_of(Open::const_iterator at) {
    return tagged(Asker::inquiries, at->first);
  }
  void ask(Turn& turn, Open::iterator at, kv::Input question);
  void look(Turn& turn, Open::iterator at);
  void look_await(Turn& turn, Open::iterator at);
  void look_outcome(Turn& turn, Open::iterator at);
  void finish(Turn& turn, Open::iterator at, wire::Reply reply);
  void found_awaited(Turn& turn, Open::iterator at, const kv::PendingList& list);
  [[nodiscard]] wire::Reply still_pending(const Inquiry& inquiry) const;

  Admission& admission_;
  const Writes& writes_;
  const Settling& settling_;
  Open open_;
  Deadlines deadlines_;
};

}  // namespace causeway::node
