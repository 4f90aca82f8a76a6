// What happened, in words, and a hash over all of it.
//
// Words cost more than the simulation itself, so an event is kept as values: it is hashed as it
// comes, the newest stand in a ring whose slots are used again, and only what is shown is put into
// words. An event costs no allocation, but for a text longer than any before in its slot.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/observer.hpp"
#include "sim/schedule.hpp"
#include "sim/trace_event.hpp"

namespace causeway::sim {

/// Follows one run. Two runs of which all that is observed is equal have equal hashes.
class Trace final : public Observer {
 public:
  /// kept   so many of the newest events can be shown; at least 1
  explicit Trace(std::size_t kept = 200);

  /// Before the run: whose clock dates the events. Time counts from here.
  void follow(const Schedule& schedule);
  /// Called with each line, as it happens. Empty: nothing is put into words but the tail.
  std::function<void(const std::string& line)> on_line;

  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }
  /// The newest events, oldest first, a line each.
  [[nodiscard]] std::string tail() const;

  void starting(Peer) override;
  void recovered(Peer, const wire::RaftRecord&) override;
  void recovered(Peer, const wire::JournalRecord&) override;
  void started(Peer) override;
  void ready(Peer) override;
  void died(Peer, Death) override;
  void ended(Peer, const std::optional<Error>&) override;
  void turn(Peer, const node::Effects&) override;
  void raft_log_done(Peer, const storage::LogEffects&) override;
  void journal_done(Peer, const storage::LogEffects&) override;
  void applied(Peer, const kv::Applied&) override;
  void sent(Peer from, Peer to, const consensus::Message&) override;
  void delivered(Peer from, Peer to, const consensus::Message&) override;
  void befell(Peer from, Peer to, Network::Fate) override;
  void called(Peer, const node::CallHandle& handle, const wire::Call&) override;
  void answered(Peer, std::uint64_t call, const wire::Reply&) override;
  void fault(const std::string&) override;

 private:
  /// What one start has read from its logs so far.
  struct Recovery {
    LogIndex last;
    Term last_term;
    Term term;
    std::uint64_t journal_records = 0;
  };
  enum class Log : std::uint8_t { raft, journal };

  /// The next slot of the ring, empty but for what every event has. `add` must follow.
  TraceEvent& event(Happened kind, Peer peer, std::uint8_t detail = 0, Peer other = 0);
  void add(const TraceEvent& event);
  void log_inputs(Peer peer, Log log, const std::vector<storage::LogInput>& inputs);
  void log_effects(Peer peer, Log log, const storage::LogEffects& effects);
  void name(Origin origin, Peer peer);

  const Schedule* schedule_ = nullptr;
  Instant begin_;
  std::vector<TraceEvent> ring_;
  std::size_t next_ = 0;  ///< slot of the ring
  std::uint64_t hash_ = 0;
  std::uint64_t events_ = 0;
  OriginNames names_;
  std::array<Origin, kMachinesMax> origin_{};
  std::array<Recovery, kMachinesMax> recovery_{};
  std::array<Term, kMachinesMax> led_{};
  /// Of which fates are told directly afterwards: its place in consensus::Message.
  std::size_t last_sent_ = 0;
};

}  // namespace causeway::sim
