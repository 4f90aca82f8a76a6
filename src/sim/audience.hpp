// Many observers as one.
#pragma once

#include <tuple>

#include "sim/observer.hpp"

namespace causeway::sim {

/// Tells each of them, in their order. They are known by their types, not as Observers: what most
/// of them do not listen to costs nothing then, which is 3 % of a run. They may be constructed
/// later than the audience, but before it is told anything.
template <class... Observers>
class Audience final : public Observer {
 public:
  explicit Audience(Observers&... observers) : all_(observers...) {}

  void starting(Peer peer) override {
    each([&](auto& one) { one.starting(peer); });
  }
  void recovered(Peer peer, const wire::RaftRecord& record) override {
    each([&](auto& one) { one.recovered(peer, record); });
  }
  void recovered(Peer peer, const wire::JournalRecord& record) override {
    each([&](auto& one) { one.recovered(peer, record); });
  }
  void started(Peer peer) override {
    each([&](auto& one) { one.started(peer); });
  }
  void ready(Peer peer) override {
    each([&](auto& one) { one.ready(peer); });
  }
  void died(Peer peer, Death death) override {
    each([&](auto& one) { one.died(peer, death); });
  }
  void ended(Peer peer, const std::optional<Error>& error) override {
    each([&](auto& one) { one.ended(peer, error); });
  }
  void turn(Peer peer, const node::Effects& effects) override {
    each([&](auto& one) { one.turn(peer, effects); });
  }
  void raft_log_step(Peer peer, const std::vector<storage::LogInput>& inputs) override {
    each([&](auto& one) { one.raft_log_step(peer, inputs); });
  }
  void raft_log_done(Peer peer, const storage::LogEffects& effects) override {
    each([&](auto& one) { one.raft_log_done(peer, effects); });
  }
  void journal_step(Peer peer, const std::vector<storage::LogInput>& inputs) override {
    each([&](auto& one) { one.journal_step(peer, inputs); });
  }
  void journal_done(Peer peer, const storage::LogEffects& effects) override {
    each([&](auto& one) { one.journal_done(peer, effects); });
  }
  void applying(Peer peer, const kv::Apply& apply) override {
    each([&](auto& one) { one.applying(peer, apply); });
  }
  void applied(Peer peer, const kv::Applied& applied) override {
    each([&](auto& one) { one.applied(peer, applied); });
  }
  void applier_done(Peer peer, const std::vector<kv::Output>& outputs) override {
    each([&](auto& one) { one.applier_done(peer, outputs); });
  }
  void sent(Peer from, Peer to, const consensus::Message& message) override {
    each([&](auto& one) { one.sent(from, to, message); });
  }
  void delivered(Peer from, Peer to, const consensus::Message& message) override {
    each([&](auto& one) { one.delivered(from, to, message); });
  }
  void befell(Peer from, Peer to, Network::Fate fate) override {
    each([&](auto& one) { one.befell(from, to, fate); });
  }
  void called(Peer peer, const node::CallHandle& handle, const wire::Call& what) override {
    each([&](auto& one) { one.called(peer, handle, what); });
  }
  void closed(Peer peer, std::uint64_t connection) override {
    each([&](auto& one) { one.closed(peer, connection); });
  }
  void answered(Peer peer, std::uint64_t call, const wire::Reply& reply) override {
    each([&](auto& one) { one.answered(peer, call, reply); });
  }
  void fault(const std::string& text) override {
    each([&](auto& one) { one.fault(text); });
  }
  void finish() override {
    each([&](auto& one) { one.finish(); });
  }

 private:
  template <class Tell>
  void each(const Tell& tell) {
    std::apply([&](auto&... one) { (tell(one), ...); }, all_);
  }

  std::tuple<Observers&...> all_;
};

}  // namespace causeway::sim
