// Many observers as one.
#pragma once

#include <vector>

#include "sim/observer.hpp"

namespace causeway::sim {

/// Tells each of them, in the order in which they were added.
class Audience final : public Observer {
 public:
  void add(Observer& observer) { all_.push_back(&observer); }

  void starting(Peer peer) override {
    for (Observer* each : all_) each->starting(peer);
  }
  void recovered(Peer peer, const wire::RaftRecord& record) override {
    for (Observer* each : all_) each->recovered(peer, record);
  }
  void recovered(Peer peer, const wire::JournalRecord& record) override {
    for (Observer* each : all_) each->recovered(peer, record);
  }
  void started(Peer peer) override {
    for (Observer* each : all_) each->started(peer);
  }
  void ready(Peer peer) override {
    for (Observer* each : all_) each->ready(peer);
  }
  void died(Peer peer, Death death) override {
    for (Observer* each : all_) each->died(peer, death);
  }
  void ended(Peer peer, const std::optional<Error>& error) override {
    for (Observer* each : all_) each->ended(peer, error);
  }
  void turn(Peer peer, const node::Effects& effects) override {
    for (Observer* each : all_) each->turn(peer, effects);
  }
  void raft_log_step(Peer peer, const std::vector<storage::LogInput>& inputs) override {
    for (Observer* each : all_) each->raft_log_step(peer, inputs);
  }
  void raft_log_done(Peer peer, const storage::LogEffects& effects) override {
    for (Observer* each : all_) each->raft_log_done(peer, effects);
  }
  void journal_step(Peer peer, const std::vector<storage::LogInput>& inputs) override {
    for (Observer* each : all_) each->journal_step(peer, inputs);
  }
  void journal_done(Peer peer, const storage::LogEffects& effects) override {
    for (Observer* each : all_) each->journal_done(peer, effects);
  }
  void applying(Peer peer, const kv::Apply& apply) override {
    for (Observer* each : all_) each->applying(peer, apply);
  }
  void applied(Peer peer, const kv::Applied& applied) override {
    for (Observer* each : all_) each->applied(peer, applied);
  }
  void applier_done(Peer peer, const std::vector<kv::Output>& outputs) override {
    for (Observer* each : all_) each->applier_done(peer, outputs);
  }
  void sent(Peer from, Peer to, const consensus::Message& message) override {
    for (Observer* each : all_) each->sent(from, to, message);
  }
  void delivered(Peer from, Peer to, const consensus::Message& message) override {
    for (Observer* each : all_) each->delivered(from, to, message);
  }
  void befell(Peer from, Peer to, Network::Fate fate) override {
    for (Observer* each : all_) each->befell(from, to, fate);
  }
  void called(Peer peer, const node::CallHandle& handle, const wire::Call& what) override {
    for (Observer* each : all_) each->called(peer, handle, what);
  }
  void closed(Peer peer, std::uint64_t connection) override {
    for (Observer* each : all_) each->closed(peer, connection);
  }
  void answered(Peer peer, std::uint64_t call, const wire::Reply& reply) override {
    for (Observer* each : all_) each->answered(peer, call, reply);
  }
  void fault(const std::string& text) override {
    for (Observer* each : all_) each->fault(text);
  }
  void finish() override {
    for (Observer* each : all_) each->finish();
  }

 private:
  std::vector<Observer*> all_;
};

}  // namespace causeway::sim
