// The clients of a run: what they ask, what they were told, and whether that was right.
//
// They write and read everywhere, consistently and offline, on few keys, so that operations meet.
// When all is over, the consistent history must be linearizable (linearizability.hpp), and each
// answer must keep what the answers before it promised (promises.hpp): reckoning.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "sim/cluster.hpp"
#include "sim/faults.hpp"
#include "sim/linearizability.hpp"
#include "sim/observer.hpp"
#include "sim/plan.hpp"
#include "sim/promises.hpp"
#include "sim/reckoning.hpp"

namespace causeway::sim {

class Workload final : public Observer {
 public:
  Workload(Cluster& cluster, const Faults& faults, const Plan& plan, std::size_t history_max);

  /// Schedules the clients' calls, until `end`.
  void begin();
  void end() { ended_ = true; }
  /// Every call has been answered.
  [[nodiscard]] bool idle() const { return open_.empty(); }
  /// The calls that wait, for a message.
  [[nodiscard]] std::string waiting() const;

  [[nodiscard]] std::uint64_t operations() const { return operations_; }
  [[nodiscard]] std::uint64_t offline_writes() const { return told_.offline.size(); }

  /// How often each kind of load did something; the other kinds are the faults' own.
  [[nodiscard]] const std::array<std::uint64_t, kFaultKinds>& struck() const { return struck_; }

  // ---- judged while it goes on

  /// local-answers: a node that is well answers local reads and writes within a bound, whatever
  /// else waits there and whomever it reaches, and refuses them for want of data or room alone;
  /// timely: with a timeout, a call is answered soon after it (a write that may not report in-doubt
  /// waits on); fresh-read: a consistent get is answered by a node that has applied all that
  /// anybody was told of before the get, of whatever key.
  void look(Duration since_last);
  /// How long the oldest consistent call that `peers` hold has been open since `calm`.
  [[nodiscard]] Duration longest_wait(std::uint32_t peers, Instant calm) const;

  void starting(Peer peer) override { ++told_.starts[peer]; }
  void applied(Peer peer, const kv::Applied& news) override {
    applied_[peer] = news.position.index;
  }
  void answered(Peer, std::uint64_t call, const wire::Reply&) override;
  void died(Peer, Death) override;
  void ended(Peer, const std::optional<Error>&) override;
  /// All that Reckoning judges.
  void finish() override;

 private:
  struct Open {
    Operation operation;
    Peer peer = 0;
    bool offline = false;
    bool local_get = false;
    std::optional<Duration> timeout;
    bool may_report = false;
    std::size_t client = 0;
    Instant called;
    LogIndex acknowledged;     ///< of all writes by then, the last in the log
    std::uint64_t writes = 0;  ///< consistent ones through its node, with this one
    Duration well{0};          ///< so long its node was well since, without a break
  };
  struct Client {
    std::optional<std::uint64_t> call;
    std::uint64_t connection = 0;
  };

  void schedule_next();
  void arrive();
  [[nodiscard]] Open draw_call(std::size_t client);
  [[nodiscard]] const Open* draw_rival();
  void draw_operation(Open& open);
  void draw_write(Open& open, std::uint64_t kind);
  void begin_call(Open open);
  [[nodiscard]] static wire::Call call_of(const Open& open);
  [[nodiscard]] std::string draw_value(bool offline);
  void count(FaultKind kind) { ++struck_[static_cast<std::size_t>(kind)]; }
  [[nodiscard]] Open give_up(std::size_t client);
  void judge_fresh(const Open& open) const;
  [[nodiscard]] static bool is_consistent_write(const Open& open) {
    return open.operation.kind != Operation::Kind::get && !open.offline;
  }
  void doubt(const Open& open, const std::string& operation);
  void take_error(Open open, const wire::CallError& error);
  void take_response(Open open, const Response& response);
  void observe(const Open& open, Observed::Kind kind, const Response& response);
  void forget_calls_of(Peer peer);
  void forget_promises_of(Peer peer);
  [[nodiscard]] std::uint64_t at_now() const;  ///< nanoseconds, for histories
  [[nodiscard]] wire::Reply ask(Peer peer, const wire::Call& call);
  [[nodiscard]] wire::Reply ask_once(Peer peer, const wire::Call& call);

  Cluster& cluster_;
  const Faults& faults_;
  const Plan& plan_;
  std::size_t history_max_;
  Random random_;
  bool ended_ = false;
  std::vector<Client> clients_;
  std::uint64_t connections_ = 0;
  std::map<std::uint64_t, Open> open_;
  Told told_;
  std::map<std::string, std::optional<std::string>> seen_;
  std::uint64_t operations_ = 0;
  std::array<LogIndex, kMachinesMax> applied_{};
  LogIndex acknowledged_;  ///< of all writes that clients were told of, the last in the log
  std::array<std::uint64_t, kFaultKinds> struck_{};
};

}  // namespace causeway::sim
